"""Questions that people ask every day, with what an answer must say and must not say.

A set is a folder: `documents.toml` holds what is asked about, `cases.toml` the questions. Each
packaged set has its own writer and was written before any of its questions was asked. `first`
(about the sample documents too), `second` and `third` are to develop on; nothing is to be tuned on
`fourth`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter

from app.answering.outcome import AnswerStatus
from footnote.evals.case_files import read_case_file
from kb.postgres.database import EVERYONE

SETS: Final = ("first", "second", "third", "fourth")
"""The packaged sets."""

WITH_SAMPLES: Final = "first"
"""The set that asks about the sample documents, too."""

_STRICT: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class WrittenDocument:
    """A document to upload; `supersedes` is the id of one that stands before it."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    file: str
    title: str
    text: str
    principals: tuple[str, ...] = (EVERYONE,)
    effective_at: datetime | None = None
    supersedes: str | None = None


@dataclass(frozen=True, kw_only=True)
class CaseTurn:
    """An earlier turn of the conversation."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class EverydayCase:
    """A question of somebody with `principals` besides everyone's, and what has to come back.

    `expected`: the statuses of which each is right. `must`: each is in the answer, or one of the
    several that an entry gives; `in_order`: in this order. `must_not`: makes an answer wrong, such
    as a value of another row, year or edition. `noise`: true, but not asked for; it makes an answer
    ugly, as do more characters or claims than the bounds.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    kind: str
    language: Literal["en", "de", "fr"]
    question: str
    expected: tuple[AnswerStatus, ...]
    principals: tuple[str, ...] = ()
    history: tuple[CaseTurn, ...] = ()
    must: tuple[str | tuple[str, ...], ...] = ()
    must_not: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    in_order: bool = False
    max_chars: int | None = None
    max_claims: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class _File:
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    case: tuple[EverydayCase, ...] = ()
    document: tuple[WrittenDocument, ...] = field(default=())


_FILE: Final = TypeAdapter(_File)


@dataclass(frozen=True, kw_only=True)
class QuestionSet:
    """Questions and the documents that they are about."""

    name: str
    documents: tuple[WrittenDocument, ...]
    cases: tuple[EverydayCase, ...]


def read_set(name: str) -> QuestionSet:
    """A packaged set by its name, or the set in a folder.

    Misconfigured when a file is missing or does not have the form.
    """
    folder = Path(__file__).parent / "sets" / name if name in SETS else Path(name)
    return QuestionSet(
        name=name if name in SETS else folder.name,
        documents=read_case_file(folder / "documents.toml", _FILE).document,
        cases=read_case_file(folder / "cases.toml", _FILE).case,
    )
