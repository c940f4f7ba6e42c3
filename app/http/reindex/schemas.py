"""Runs of the re-index, and what they are asked for."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.http.fields import MAX_NAME_LENGTH
from app.http.jobs.schemas import Job
from app.http.schemas import Count, RequestModel, ResponseModel, Words
from kb.store.choices import JobStatus
from kb.store.reindex_runs import Trigger

Name = Annotated[Words, Field(max_length=MAX_NAME_LENGTH)]


class ReindexRequest(RequestModel):
    """The part of the tenant's knowledge to bring up to date; unset: all of it."""

    collection: Name | None = None
    source: Name | None = None
    only_changed: bool = Field(
        default=True, description="False: read every document again, not only what changed."
    )
    embedding_model: Name | None = Field(
        default=None, description="Fill the embedding space of this model, which exists already."
    )


class ReindexAccepted(ResponseModel):
    """The job of the run; the run has the same id."""

    job: Job


class ReindexFailure(ResponseModel):
    """What went wrong with a document, or with an item of a source.

    `item` is the item's path, or the document's source URI, external id, title or file name; null
    once the document is deleted.
    """

    document_id: UUID | None
    item: str | None
    code: str
    message: str


class StaleDocument(ResponseModel):
    """A document that is stored but no longer in force, and since when."""

    document_id: UUID
    reason: Literal["expired", "superseded"]
    since: datetime


class HeldSource(ResponseModel):
    """A source whose deletions wait for confirmation."""

    name: str
    listed: Count
    known: Count
    reason: str


class ReindexRun(ResponseModel):
    """A run and its report, which grows while it runs.

    Each document that was seen counts once, from `unchanged` to `reparsed`. `failures` and `stale`
    name the first 1,000; `failed` counts all.
    """

    id: UUID
    trigger: Trigger
    started_at: datetime | None
    finished_at: datetime | None
    status: JobStatus
    seen: Count
    unchanged: Count
    new: Count
    changed: Count
    renamed: Count
    deleted: Count
    held: Count
    failed: Count
    reparsed: Count
    expired: Count
    stale: list[StaleDocument]
    repaired: dict[str, Count]
    embedded_chunks: Count
    embedded_tokens: Count
    seconds: Annotated[float, Field(ge=0)] | None
    failures: list[ReindexFailure]
    held_sources: list[HeldSource]
