"""Questions that people ask every day, with what an answer must say and must not say.

`dev.toml` is to develop on, `held.toml` is not; `documents.toml` holds what they ask about besides
the sample documents. All were written before any was asked.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from app.schemas.answers import AnswerStatus
from kb.database import EVERYONE
from kb.errors import Misconfigured

FOLDER: Final = Path(__file__).parent

Split = Literal["dev", "held"]

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
    split: Split
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


def read_cases(folder: Path = FOLDER) -> list[EverydayCase]:
    """Every case of both halves, those to develop on first.

    Misconfigured when a file does not have the form.
    """
    return [case for split in ("dev", "held") for case in _read(folder / f"{split}.toml").case]


def read_documents(folder: Path = FOLDER) -> list[WrittenDocument]:
    """What is asked about besides the sample documents; Misconfigured for another form."""
    return list(_read(folder / "documents.toml").document)


def cases_sha256(cases: Iterable[EverydayCase]) -> str:
    """Names the content of the cases."""
    return sha256("\n".join(map(repr, cases)).encode()).hexdigest()


def _read(path: Path) -> _File:
    try:
        return _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise Misconfigured(f"{path.name!r} holds no cases: {error}") from error
