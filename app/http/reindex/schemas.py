"""Runs of the re-index, and what they are asked for."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from app.http.fields import MAX_NAME_LENGTH
from app.http.jobs.schemas import Job
from app.http.response_fields import (
    DOCUMENT_ID,
    JOB_ID,
    LATER,
    TIME,
    ChangedField,
    DocumentIdField,
    ErrorCodeField,
    ErrorMessageField,
    HeldField,
    NewField,
    RenamedField,
    UnchangedField,
    VanishedField,
)
from app.http.schemas import Count, RequestModel, ResponseModel, Time, Words
from kb.store.choices import JobStatus
from kb.store.reindex_runs import Trigger

Name = Annotated[Words, Field(max_length=MAX_NAME_LENGTH)]


class ReindexRequest(RequestModel):
    """The part of the tenant's knowledge to bring up to date; unset: all of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"only_changed": True}]})

    collection: Name | None = Field(
        default=None, description="Only this collection.", examples=["default"]
    )
    source: Name | None = Field(
        default=None, description="Only what comes from this source.", examples=["intranet"]
    )
    only_changed: bool = Field(
        default=True,
        description="False: read every document again, not only what changed.",
        examples=[True],
    )
    embedding_model: Name | None = Field(
        default=None,
        description="Fill the embedding space of this model, which exists already.",
        examples=["BAAI/bge-m3"],
    )


class ReindexAccepted(ResponseModel):
    """The job of the run; the run has the same id."""

    job: Job = Field(description="The job, as it is now.")


class ReindexFailure(ResponseModel):
    """What went wrong with a document, or with an item of a source.

    `item` is the item's path, or the document's source URI, external id, title or file name; null
    once the document is deleted.
    """

    document_id: UUID | None = Field(
        description="The document; null when the item is none yet.", examples=[DOCUMENT_ID]
    )
    item: str | None = Field(
        description="The item's name, as above.", examples=["handbook/leave.md"]
    )
    code: ErrorCodeField
    message: ErrorMessageField


class StaleDocument(ResponseModel):
    """A document that is stored but no longer in force, and since when."""

    document_id: DocumentIdField
    reason: Literal["expired", "superseded"] = Field(
        description="Why it is out of force.", examples=["expired"]
    )
    since: Time = Field(description="Since when.", examples=[TIME])


class HeldSource(ResponseModel):
    """A source whose deletions wait for confirmation."""

    name: str = Field(description="The source's name.", examples=["intranet"])
    listed: Count = Field(description="Files that were still there.", examples=[12])
    known: Count = Field(description="Files that had been there before.", examples=[80])
    reason: str = Field(
        description="Why the deletions are held.",
        examples=["More than 20 % of the files have vanished."],
    )


class ReindexRun(ResponseModel):
    """A run and its report, which grows while it runs.

    Each document that was seen counts once, from `unchanged` to `reparsed`. `failures` and `stale`
    name the first 1,000; `failed` counts all.
    """

    id: UUID = Field(description="The run's id, which is that of its job.", examples=[JOB_ID])
    trigger: Trigger = Field(description="What began it.", examples=["cron"])
    started_at: Time | None = Field(
        description="When its job began; null while it waits.", examples=[TIME]
    )
    finished_at: Time | None = Field(
        description="When it ended; null until then.", examples=[LATER]
    )
    status: JobStatus = Field(description="That of its job.", examples=["succeeded"])
    seen: Count = Field(description="Documents looked at.", examples=[80])
    unchanged: UnchangedField
    new: NewField
    changed: ChangedField
    renamed: RenamedField
    deleted: VanishedField
    held: HeldField
    failed: Count = Field(description="Failures, all of them.", examples=[0])
    reparsed: Count = Field(description="Read again by a newer parser.", examples=[0])
    expired: Count = Field(description="Deleted because their time was over.", examples=[0])
    stale: list[StaleDocument] = Field(description="Stored, and no longer in force.")
    repaired: dict[str, Count] = Field(
        description="What was put right, by kind.", examples=[{"orphan_files": 1}]
    )
    embedded_chunks: Count = Field(description="Chunks embedded.", examples=[42])
    embedded_tokens: Count = Field(description="Their tokens.", examples=[6_130])
    seconds: Annotated[float, Field(ge=0)] | None = Field(
        description="How long it took; null until it ends.", examples=[4.2]
    )
    failures: list[ReindexFailure] = Field(description="The first 1,000 failures.")
    held_sources: list[HeldSource] = Field(description="Sources that hold deletions.")
