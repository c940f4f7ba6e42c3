"""Sources: what is sent to add and change one, and what is shown of it."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.http.fields import CollectionName, Principals
from app.http.jobs.schemas import Job
from app.http.schemas import Count, RequestModel, ResponseModel, Text
from kb.source_uris import MAX_URI_LENGTH
from kb.store.choices import DEFAULT_VANISH_SHARE
from kb.store.sources import MAX_PATTERN_LENGTH, MAX_PATTERNS, MAX_RULES

MAX_CRON_LENGTH = 200
"""Five fields and the name of a time zone."""

Pattern = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_PATTERN_LENGTH)]
Patterns = Annotated[list[Pattern], Field(max_length=MAX_PATTERNS)]
Address = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_URI_LENGTH)]
Cron = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_CRON_LENGTH)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=63)]


class Rule(RequestModel):
    """The readers of the files whose path fits a pattern, such as `hr/**`."""

    pattern: Pattern
    principals: Principals


class NewSource(RequestModel):
    """A source to add.

    The first rule that fits a file names its readers; where none does, `principals` are.
    """

    name: Name
    uri: Address
    principals: Principals | None = None
    rules: Annotated[list[Rule], Field(max_length=MAX_RULES)] = Field(default_factory=list)
    collection: CollectionName = "default"
    cron: Cron | None = None
    include: Patterns = Field(default_factory=list)
    exclude: Patterns = Field(default_factory=list)
    max_vanish_share: Share = DEFAULT_VANISH_SHARE


class SourcePatch(RequestModel):
    """The properties to change; `principals` and `cron` may be taken away with null."""

    uri: Address | None = None
    principals: Principals | None = None
    rules: Annotated[list[Rule], Field(max_length=MAX_RULES)] | None = None
    cron: Cron | None = None
    include: Patterns | None = None
    exclude: Patterns | None = None
    max_vanish_share: Share | None = None

    @model_validator(mode="after")
    def _only_some_may_be_null(self) -> Self:
        for name in self.model_fields_set - {"principals", "cron"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} may not be null")
        return self


class HeldDeletions(ResponseModel):
    """Deletions that wait for `:confirm`: of `known` files only `listed` were still there."""

    listed: Count
    known: Count
    reason: str


class ItemFailure(ResponseModel):
    """A file that stayed as it was, and the reason."""

    item: str
    code: str
    message: str


class RunError(ResponseModel):
    """The reason why a run ended early, with nothing changed."""

    code: str
    message: str


class SourceRun(ResponseModel):
    """The last run: `seen` files were unchanged, new, changed, renamed or failed."""

    finished_at: datetime
    status: Literal["succeeded", "completed_with_errors", "failed"]
    seen: Count
    unchanged: Count
    new: Count
    changed: Count
    renamed: Count
    deleted: Count
    held: Count
    failed: Count
    failures: list[ItemFailure]
    error: RunError | None


class SourceRule(ResponseModel):
    """A rule as it is stored."""

    pattern: str
    principals: list[str]


class Source(ResponseModel):
    """A source; `added_by` says whose address it is: a tenant's must be one that it may name."""

    id: UUID
    name: str
    uri: str
    collection: str
    principals: list[str]
    rules: list[SourceRule]
    include: list[str]
    exclude: list[str]
    cron: str | None
    max_vanish_share: float
    added_by: Literal["operator", "tenant"]
    held: HeldDeletions | None
    last_run: SourceRun | None
    created_at: datetime
    updated_at: datetime


class SourceJob(ResponseModel):
    """The job that does what was asked for."""

    job: Job


class SourceDeleted(ResponseModel):
    """The source is gone; the job, where there is one, deletes its documents first."""

    name: str
    job: Job | None
