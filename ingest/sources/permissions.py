"""The readers of a source's files: from a sidecar, a rule file in the source, or its settings.

Whatever cannot be read for certain gives nobody a right.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)

from ingest.sources.files import RULE_FILE
from ingest.sources.patterns import PathPattern, compile_pattern
from kb.errors import KnowledgeBaseError, SourceRulesInvalid
from kb.principals import validate_principals
from kb.store.source_items import Sidecar
from kb.store.sources import MAX_PATTERN_LENGTH, MAX_RULES, Rule
from language.text import is_text

SIDECAR_ENDS: Final = (".footnote.toml", ".footnote.json")
"""Behind the whole name of the file that a sidecar describes."""

MAX_DESCRIPTION_BYTES: Final = 65_536
"""Of a rule file or a sidecar: hundreds of rules, or all metadata that a document may have."""

MAX_DEPTH: Final = 16
"""Levels of metadata, as for an upload."""


def says_who_reads(path: str) -> bool:
    """True for a rule file or a sidecar: one that cannot be read must not pass for none."""
    return path == RULE_FILE or path.endswith(SIDECAR_ENDS)


class SidecarInvalid(KnowledgeBaseError):
    """The sidecar is malformed: its file stays as it was."""


def _whole_text(value: str) -> str:
    if not is_text(value):
        raise ValueError("the text is not valid Unicode, or holds a NUL character")
    return value


def _bounded(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    waiting: list[tuple[JsonValue, int]] = [(metadata, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"the metadata is nested more than {MAX_DEPTH} levels deep")
        if isinstance(value, dict):
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]
    if not is_text(json.dumps(metadata, ensure_ascii=False, allow_nan=False)):
        raise ValueError("the metadata is not valid Unicode, or holds a NUL character")
    return metadata


Principals = Annotated[
    list[Annotated[str, StringConstraints(max_length=1_000)]],
    Field(min_length=1),
    AfterValidator(validate_principals),
]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _WrittenRule(_Written):
    pattern: Annotated[
        str,
        StringConstraints(strict=True, min_length=1, max_length=MAX_PATTERN_LENGTH),
        AfterValidator(_whole_text),
    ]
    principals: Principals


class _WrittenRules(_Written):
    rules: Annotated[list[_WrittenRule], Field(min_length=1, max_length=MAX_RULES)]


class _WrittenSidecar(_Written):
    principals: Principals | None = None
    title: Annotated[
        str | None,
        StringConstraints(strict=True, max_length=1000),
        AfterValidator(lambda title: title if title is None else _whole_text(title)),
    ] = None
    metadata: Annotated[dict[str, JsonValue], AfterValidator(_bounded)] = {}
    effective_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None


@dataclass(frozen=True, kw_only=True)
class Readers:
    """The rules in the order in which they count, and the readers where none fits."""

    rules: tuple[tuple[PathPattern, tuple[str, ...]], ...]
    otherwise: tuple[str, ...]

    @classmethod
    def of(cls, rules: Sequence[Rule], otherwise: Sequence[str]) -> "Readers":
        """The readers by these rules."""
        return cls(
            rules=tuple((compile_pattern(rule.pattern), rule.principals) for rule in rules),
            otherwise=tuple(otherwise),
        )

    def of_file(self, path: str, sidecar: Sidecar | None) -> tuple[str, ...]:
        """The readers of a file: its sidecar's, the first fitting rule's; nobody when empty."""
        if sidecar is not None and "principals" in sidecar:
            return tuple(sidecar["principals"])
        for pattern, principals in self.rules:
            if pattern.fits(path):
                return principals
        return self.otherwise


def parse_rule_file(content: bytes) -> tuple[Rule, ...]:
    """The rules of a rule file; SourceRulesInvalid says what is wrong with it."""
    try:
        written = _WrittenRules.model_validate(tomllib.loads(content.decode()))
    except (ValueError, RecursionError, KnowledgeBaseError) as error:
        raise SourceRulesInvalid(f"{RULE_FILE}: {_fault(error)}") from error
    return tuple(
        Rule(pattern=rule.pattern, principals=tuple(rule.principals)) for rule in written.rules
    )


def parse_sidecar(content: bytes, *, is_json: bool) -> Sidecar:
    """The contents of a sidecar; SidecarInvalid says what is wrong with it."""
    try:
        text = content.decode()
        written = _WrittenSidecar.model_validate(
            json.loads(text) if is_json else tomllib.loads(text)
        )
    except (ValueError, RecursionError, KnowledgeBaseError) as error:
        raise SidecarInvalid(f"The sidecar is malformed: {_fault(error)}") from error
    sidecar = Sidecar(metadata=dict(written.metadata))
    if written.principals is not None:
        sidecar["principals"] = written.principals
    if written.title is not None:
        sidecar["title"] = written.title
    if written.effective_at is not None:
        sidecar["effective_at"] = written.effective_at.isoformat()
    if written.expires_at is not None:
        sidecar["expires_at"] = written.expires_at.isoformat()
    return sidecar


def time_of(text: str | None) -> datetime | None:
    """The time that a stored sidecar names."""
    return None if text is None else datetime.fromisoformat(text)


def _fault(error: Exception) -> str:
    """The first fault and its place; nothing of what was written there."""
    if isinstance(error, KnowledgeBaseError):
        return error.message
    if not isinstance(error, ValidationError):
        return "it is not the TOML or JSON, in UTF-8, that it should be."
    fault = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}."
