"""Small worlds of a few documents and a question, and how the question has to end in each.

Written for this: one TOML file for each outcome, its near misses at the end.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Literal, get_args

from pydantic import ConfigDict, TypeAdapter

from app.policy.tenant_policy import TenantPolicy
from footnote.evals.case_files import read_case_file

FOLDER: Final = Path(__file__).parent

Ending = Literal[
    "answered",
    "conflicting",
    "needs_clarification",
    "escalate_topic",
    "escalate_collection",
    "escalate_failures",
    "blocked",
    "stale",
    "unsupported",
]
"""A status; `escalate` by what asked for a person, `stale` apart from the rest of `unsupported`."""

ENDINGS: Final[tuple[Ending, ...]] = get_args(Ending)

_STRICT: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class CaseDocument:
    """A document to upload; `supersedes` is the place of another one of the case, from 0."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    text: str
    title: str | None = None
    collection: str = "default"
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    supersedes: int | None = None


@dataclass(frozen=True, kw_only=True)
class OutcomeCase:
    """One world. `earlier` questions are asked first, by the same person."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    question: str
    expected: Ending
    documents: tuple[CaseDocument, ...]
    collections: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    as_of: datetime | None = None
    policy: TenantPolicy = field(default_factory=TenantPolicy)


@dataclass(frozen=True, kw_only=True)
class _File:
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    case: tuple[OutcomeCase, ...]


_FILE: Final = TypeAdapter(_File)


def read_cases(folder: Path = FOLDER) -> list[OutcomeCase]:
    """Every case of the folder's files, `file/name` its name, in the order of the files' names.

    Misconfigured when a file does not have the form.
    """
    return [
        replace(case, name=f"{path.stem}/{case.name}")
        for path in sorted(folder.glob("*.toml"))
        for case in read_case_file(path, _FILE).case
    ]
