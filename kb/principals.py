"""Principals: who may read, written `kind:name`. One grammar, wherever they come from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import regex  # type: ignore[import-untyped]  # ships no type information

from kb.errors import InvalidPrincipal
from kb.ids import CredentialId, Subject
from language.text import MAX_MARKS, normal_form

_EVERYBODY: Final = "tenant:*"

MAX_PRINCIPALS: Final = 500
"""A document or caller with more should use groups."""

MAX_NAME_LENGTH: Final = 200
"""Characters of a kind and of a name: an index entry holds several principals."""

_KIND: Final = regex.compile(rf"[a-z]{{1,{MAX_NAME_LENGTH}}}")

_UNSEEN: Final = regex.compile(
    rf"[\p{{C}}\p{{Z}}\p{{Default_Ignorable_Code_Point}}\u2800,]|\p{{M}}{{{MAX_MARKS + 1}}}"
)
"""Characters that nobody sees or that divide principals: control, format, private, unassigned and
surrogate ones, spaces, what fonts do not draw, the braille blank, the comma, heaps of marks."""

_USER: Final = "user:"

_KEY: Final = "key:"
"""The kind of subject that an API key is; no other authenticator gives it out."""

_BETWEEN: Final = " \t"
"""May stand around the commas of a list; anything else is part of a name, and refused there."""


def key_subject(credential_id: CredentialId) -> Subject:
    """The subject that an API key acts as."""
    return Subject(f"{_KEY}{credential_id}")


def key_of(subject: Subject) -> CredentialId | None:
    """The API key that acts as this subject; None when no key does."""
    return CredentialId(UUID(subject.removeprefix(_KEY))) if subject.startswith(_KEY) else None


@dataclass(frozen=True, kw_only=True)
class Uploader:
    """An uploader: `name` is a subject with its principals, `person` the one it acts for.

    A person keeps its name when the key is exchanged or groups change. None: stored by an earlier
    release, which knew the name alone.
    """

    name: str
    person: str | None

    def is_subject(self, subject: Subject) -> bool:
        """True when this subject uploaded it, with whatever principals."""
        return self.name.rpartition(":")[0] == _stored_name(subject)

    def is_same(self, other: "Uploader") -> bool:
        """True for one person with two keys, and where that is unknown for equal principals."""
        if self.name == other.name:
            return True
        if self.person is not None and other.person is not None:
            return self.person == other.person
        return self.name.rpartition(":")[2] == other.name.rpartition(":")[2]


def uploader_name(subject: Subject, principals: Sequence[str]) -> str:
    """The subject and the hash of its principals: hundreds of them do not fit into an index."""
    return f"{_stored_name(subject)}:{_hash(principals)}"


def _stored_name(subject: Subject) -> str:
    """The subject as rows name an owner: keys without their kind, as in earlier releases."""
    return subject.removeprefix(_KEY)


def person_of(principals: Sequence[str]) -> str:
    """A hash of the users among the principals, else of all of them together."""
    users = [name for name in principals if name.startswith(_USER)]
    return _hash(users or principals)


def author_of(subject: Subject, principals: Sequence[str]) -> str:
    """The person that a subject acts for, whatever key it uses, else the subject's own name."""
    if any(name.startswith(_USER) for name in principals):
        return person_of(principals)
    return uploader_name(subject, principals)


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
    valid: set[str] = set()
    for principal in principals:
        kind, _, name = principal.partition(":")
        # No character has more than four parts: what is longer stays too long, and is left alone.
        if len(name) <= 4 * MAX_NAME_LENGTH and not _UNSEEN.search(name):
            name = normal_form("NFC", name)
        fault = ""
        if not _KIND.fullmatch(kind) or not name:
            fault = (
                "write 'kind:name' with a lowercase kind, for example 'user:ana' or 'group:finance'"
            )
        elif len(name) > MAX_NAME_LENGTH:
            fault = f"a name has at most {MAX_NAME_LENGTH} characters"
        elif _UNSEEN.search(name):
            fault = "a name has no spaces, commas, control or invisible characters"
        elif (kind == "tenant" or name == "*") and f"{kind}:{name}" != _EVERYBODY:
            fault = (
                f"{_EVERYBODY!r} stands for everybody; "
                "no other principal has that kind or that name"
            )
        if fault:
            raise InvalidPrincipal(f"{principal[:80]!a} is no principal: {fault}.")
        valid.add(f"{kind}:{name}")
    return sorted(valid)


def _hash(principals: Sequence[str]) -> str:
    return hashlib.sha256(",".join(sorted(principals)).encode()).hexdigest()
