"""Read which sample documents there are, who may read them, and what the demo asks."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

SAMPLES_FOLDER = Path(__file__).parent
DOCUMENTS_FOLDER = SAMPLES_FOLDER / "documents"
MANIFEST_PATH = SAMPLES_FOLDER / "manifest.json"
QUESTIONS_PATH = SAMPLES_FOLDER / "questions.json"

EVERYBODY = "tenant:*"
HR = "group:hr"
FINANCE = "group:finance"

ExpectedStatus = Literal["answered", "conflicting", "unsupported"]


@dataclass(frozen=True, kw_only=True)
class ManifestEntry:
    """One sample document and the fields it is uploaded with."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    file: str
    """The file's name in the documents folder."""
    external_id: str
    title: str
    principals: tuple[str, ...]
    collection: str
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    supersedes: str | None = None
    """The external id of the document that this one replaces."""
    metadata: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """A person of the company; everybody also has the principal of the whole tenant."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    principals: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SampleQuestion:
    """One question of the demo and what has to come back."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    question: str
    asker: Asker
    expect_status: ExpectedStatus
    note: str
    expect_in_quotes: tuple[str, ...] = ()
    """Each occurs in a quote, and each quote has one of them; runs of white space are one space."""
    expect_in_answer: str | None = None
    """The value that a quoted row of a table is asked for."""
    must_not_contain: str | None = None
    """Must not occur in the answer; case is ignored."""


MANIFEST_JSON = TypeAdapter(list[ManifestEntry])
_QUESTIONS_JSON = TypeAdapter(list[SampleQuestion])


def read_manifest() -> list[ManifestEntry]:
    """All sample documents; one that supersedes another comes after it."""
    return MANIFEST_JSON.validate_json(MANIFEST_PATH.read_bytes())


def read_questions() -> list[SampleQuestion]:
    """All questions of the demo, in the order in which they tell their story."""
    return _QUESTIONS_JSON.validate_json(QUESTIONS_PATH.read_bytes())


def document_path(entry: ManifestEntry) -> Path:
    """The path of the entry's file."""
    return DOCUMENTS_FOLDER / entry.file
