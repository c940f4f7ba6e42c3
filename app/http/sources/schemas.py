"""Sources: what is sent to add and change one, and what is shown of it."""

from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema

from app.http.fields import CollectionName, Principals
from app.http.jobs.schemas import Job
from app.http.response_fields import (
    LATER,
    ChangedField,
    CollectionField,
    CreatedAtField,
    ErrorCodeField,
    ErrorMessageField,
    HeldField,
    NewField,
    PrincipalsField,
    RenamedField,
    UnchangedField,
    UpdatedAtField,
    VanishedField,
)
from app.http.schemas import Count, PatchModel, RequestModel, ResponseModel, Text, Time
from kb.source_uris import MAX_URI_LENGTH
from kb.store.choices import DEFAULT_VANISH_SHARE
from kb.store.sources import MAX_PATTERN_LENGTH, MAX_PATTERNS, MAX_RULES, NAME_PATTERN

MAX_CRON_LENGTH = 200
"""Five fields and the name of a time zone."""

Pattern = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_PATTERN_LENGTH)]
Patterns = Annotated[list[Pattern], Field(max_length=MAX_PATTERNS)]
Address = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_URI_LENGTH)]
Cron = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_CRON_LENGTH)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=63),
    Field(json_schema_extra={"pattern": f"^{NAME_PATTERN}$"}),
]


class Rule(RequestModel):
    """The readers of the files whose path fits a pattern, such as `hr/**`."""

    pattern: Pattern = Field(description="A glob of paths below the source.", examples=["hr/**"])
    principals: Principals = Field(description="Who may read the files.", examples=[["group:hr"]])


class NewSource(RequestModel):
    """A source to add.

    The first rule that fits a file names its readers; where none does, `principals` are. There is a
    rule, or there are principals.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "intranet",
                    "uri": "https://intranet.example.org/handbook/",
                    "principals": ["tenant:*"],
                }
            ]
        }
    )

    # Somebody has to be able to read what comes from it.
    among_fields: ClassVar[JsonSchemaValue] = {
        "if": {"properties": {"rules": {"maxItems": 0}}},
        "then": {"required": ["principals"], "properties": {"principals": {"type": "array"}}},
    }

    name: Name = Field(
        description="The name that it goes by: lowercase letters, digits, dots, hyphens and "
        "underscores, the first a letter or a digit.",
        examples=["intranet"],
    )
    uri: Address = Field(
        description="The address below which its files are.",
        examples=["https://intranet.example.org/handbook/"],
    )
    principals: Principals | None = Field(
        default=None,
        description="Who may read a file that no rule fits; unset: it is not taken.",
        examples=[["tenant:*"]],
    )
    rules: Annotated[list[Rule], Field(max_length=MAX_RULES)] = Field(
        default_factory=list, description="Readers by path; the first rule that fits counts."
    )
    collection: CollectionName = Field(
        default="default", description="The collection of its documents.", examples=["default"]
    )
    cron: Cron | None = Field(
        default=None,
        description="When to look: five fields, a time zone before them; unset: at night.",
        examples=["CRON_TZ=Europe/Berlin 0 2 * * *"],
    )
    include: Patterns = Field(
        default_factory=list,
        description="Globs of the files to take; empty: all.",
        examples=[["**/*.md"]],
    )
    exclude: Patterns = Field(
        default_factory=list,
        description="Globs of files to leave out.",
        examples=[["drafts/**"]],
    )
    max_vanish_share: Share = Field(
        default=DEFAULT_VANISH_SHARE,
        description="If a larger share of its files has vanished, the deletions are held.",
        examples=[DEFAULT_VANISH_SHARE],
    )


class SourcePatch(PatchModel):
    """The properties to change; `principals` and `cron` may be taken away with null.

    Principals or rules must be left.
    """

    among_fields: ClassVar[JsonSchemaValue] = {
        "not": {
            "required": ["principals", "rules"],
            "properties": {"principals": {"type": "null"}, "rules": {"maxItems": 0}},
        }
    }

    uri: Address | SkipJsonSchema[None] = Field(
        default=None,
        description="The address below which its files are.",
        examples=["https://intranet.example.org/handbook/"],
    )
    principals: Principals | None = Field(
        default=None,
        description="Who may read a file that no rule fits; null: it is not taken.",
        examples=[["tenant:*"]],
    )
    rules: Annotated[list[Rule], Field(max_length=MAX_RULES)] | SkipJsonSchema[None] = Field(
        default=None, description="Readers by path; the first rule that fits counts."
    )
    cron: Cron | None = Field(
        default=None,
        description="When to look: five fields, a time zone before them; null: at night.",
        examples=["CRON_TZ=Europe/Berlin 0 2 * * *"],
    )
    include: Patterns | SkipJsonSchema[None] = Field(
        default=None,
        description="Globs of the files to take; empty: all.",
        examples=[["**/*.md"]],
    )
    exclude: Patterns | SkipJsonSchema[None] = Field(
        default=None, description="Globs of files to leave out.", examples=[["drafts/**"]]
    )
    max_vanish_share: Share | SkipJsonSchema[None] = Field(
        default=None,
        description="If a larger share of its files has vanished, the deletions are held.",
        examples=[DEFAULT_VANISH_SHARE],
    )

    @model_validator(mode="after")
    def _only_some_may_be_null(self) -> Self:
        for name in self.model_fields_set - {"principals", "cron"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} may not be null")
        return self


class HeldDeletions(ResponseModel):
    """Deletions that wait for `:confirm`: of `known` files only `listed` were still there."""

    listed: Count = Field(description="Files that were still there.", examples=[12])
    known: Count = Field(description="Files that had been there before.", examples=[80])
    reason: str = Field(
        description="Why the deletions are held.",
        examples=["More than 20 % of the files have vanished."],
    )


class ItemFailure(ResponseModel):
    """A file that stayed as it was, and the reason."""

    item: str = Field(description="The file's path.", examples=["handbook/leave.md"])
    code: ErrorCodeField
    message: ErrorMessageField


class RunError(ResponseModel):
    """The reason why a run ended early, with nothing changed."""

    code: ErrorCodeField
    message: ErrorMessageField


class SourceRun(ResponseModel):
    """The last run: `seen` files were unchanged, new, changed, renamed or failed."""

    finished_at: Time = Field(description="When it ended.", examples=[LATER])
    status: Literal["succeeded", "completed_with_errors", "failed"] = Field(
        description="How it ended.", examples=["succeeded"]
    )
    seen: Count = Field(description="Files looked at.", examples=[80])
    unchanged: UnchangedField
    new: NewField
    changed: ChangedField
    renamed: RenamedField
    deleted: VanishedField
    held: HeldField
    failed: Count = Field(description="Files that could not be taken.", examples=[0])
    failures: list[ItemFailure] = Field(description="What went wrong with which file.")
    error: RunError | None = Field(
        description="Why it ended early; null unless it did.", examples=[None]
    )


class SourceRule(ResponseModel):
    """A rule as it is stored."""

    pattern: str = Field(description="A glob of paths below the source.", examples=["hr/**"])
    principals: PrincipalsField


class Source(ResponseModel):
    """A source; `added_by` says whose address it is: a tenant's must be one that it may name."""

    id: UUID = Field(
        description="The source's id.", examples=["01a1fbbb-0d8e-7a43-8f6e-4c1d2a9b7e55"]
    )
    name: str = Field(description="The name that it goes by.", examples=["intranet"])
    uri: str = Field(
        description="The address below which its files are.",
        examples=["https://intranet.example.org/handbook/"],
    )
    collection: CollectionField
    principals: PrincipalsField
    rules: list[SourceRule] = Field(description="Readers by path; the first rule that fits counts.")
    include: list[str] = Field(
        description="Globs of the files to take; empty: all.", examples=[["**/*.md"]]
    )
    exclude: list[str] = Field(description="Globs of files to leave out.", examples=[["drafts/**"]])
    cron: str | None = Field(
        description="When it is looked at; null: at night.",
        examples=["CRON_TZ=Europe/Berlin 0 2 * * *"],
    )
    max_vanish_share: float = Field(
        description="If a larger share of its files has vanished, the deletions are held.",
        examples=[DEFAULT_VANISH_SHARE],
    )
    added_by: Literal["operator", "tenant"] = Field(
        description="Whose address it is.", examples=["tenant"]
    )
    held: HeldDeletions | None = Field(
        description="Deletions that wait for confirmation; null without any.", examples=[None]
    )
    last_run: SourceRun | None = Field(description="The last run; null before the first one.")
    created_at: CreatedAtField
    updated_at: UpdatedAtField


class SourceJob(ResponseModel):
    """The job that does what was asked for."""

    job: Job = Field(description="The job, as it is now.")


class SourceDeleted(ResponseModel):
    """The source is gone; the job, where there is one, deletes its documents first."""

    name: str = Field(description="The source's name.", examples=["intranet"])
    job: Job | None = Field(
        description="The job that deletes its documents; null when they stay.", examples=[None]
    )
