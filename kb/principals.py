"""Principals: who may read, written `kind:name`. One grammar, wherever they come from."""

import unicodedata
from collections.abc import Sequence
from typing import Final

import regex  # type: ignore[import-untyped]  # ships no type information

from kb.errors import InvalidPrincipal

_EVERYBODY: Final = "tenant:*"

MAX_PRINCIPALS: Final = 500
"""A document or caller with more should use groups."""

MAX_NAME_LENGTH: Final = 200
"""Characters of a kind and of a name: an index entry holds several principals."""

_KIND: Final = regex.compile(rf"[a-z]{{1,{MAX_NAME_LENGTH}}}")

_UNSEEN: Final = regex.compile(r"[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800,]")
"""What nobody sees, or what divides principals: control, format, private, unassigned and surrogate
characters, spaces, what fonts do not draw, the braille blank, the comma."""

_BETWEEN: Final = " \t"
"""May stand around the commas of a list; anything else is part of a name, and refused there."""


def split_principals(text: str) -> list[str]:
    """The parts of a list with commas between them; empty ones are left out."""
    parts = [part.strip(_BETWEEN) for part in text.split(",")]
    return [part for part in parts if part]


def principals_in_header(value: str) -> list[str]:
    """The parts of a header's value, which frameworks read as latin-1 and clients send as UTF-8."""
    try:
        return split_principals(value.encode("latin-1").decode("utf-8"))
    except UnicodeError as error:
        raise InvalidPrincipal("The principals in the header are not UTF-8.") from error


def validate_principals(principals: Sequence[str]) -> list[str]:
    """The principals in Unicode's form NFC, sorted, without repeats.

    InvalidPrincipal says what is wrong with the first bad one.
    """
    if len(principals) > MAX_PRINCIPALS:
        raise InvalidPrincipal(f"At most {MAX_PRINCIPALS} principals; use groups.")
    return sorted({_normalised(principal) for principal in principals})


def _normalised(principal: str) -> str:
    kind, _, name = principal.partition(":")
    # No character has more than four parts: what is longer stays too long, and is left alone.
    if len(name) <= 4 * MAX_NAME_LENGTH:
        name = unicodedata.normalize("NFC", name)
    fault = _fault(kind, name)
    if fault is not None:
        raise InvalidPrincipal(f"{principal[:80]!a} is no principal: {fault}.")
    return f"{kind}:{name}"


def _fault(kind: str, name: str) -> str | None:
    if not _KIND.fullmatch(kind) or not name:
        return "write 'kind:name' with a lowercase kind, for example 'user:ana' or 'group:finance'"
    if len(name) > MAX_NAME_LENGTH:
        return f"a name has at most {MAX_NAME_LENGTH} characters"
    if _UNSEEN.search(name):
        return "a name has no spaces, commas, control or invisible characters"
    if (kind == "tenant" or name == "*") and f"{kind}:{name}" != _EVERYBODY:
        return f"{_EVERYBODY!r} stands for everybody; no other principal has that kind or that name"
    return None
