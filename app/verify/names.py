"""Is each name and identifier of the claim in its evidence, and under the same subject?"""

from collections.abc import Iterator
from typing import Final

from app.claims import Reason
from app.verify.same_name import has_name
from app.verify.statement import Statement, is_boundary
from app.verify.tokens import Token
from app.verify.wording import has_like
from kb.text import word_set

_COORDINATING: Final = word_set("and but while whereas ;")
_COMMON_OPENERS: Final = word_set(
    "staff people everyone anyone everybody anybody personnel someone"
)
_COMMON_ENDINGS: Final = ("s", "ing", "ed", "tion", "ment", "ly", "ance", "ence", "ity", "ness")
"""A first word with one of these is hardly a name that only happens to stand first."""


def check_names(claim: Statement, evidence: Statement) -> Reason | None:
    """Why a name is foreign to the evidence or changed its role, None when all are in place."""
    for token in _names(claim):
        if not has_name(evidence, claim, token):
            return Reason(code="name_missing", detail=token.raw)
    opener = _foreign_opener(claim, evidence)
    if opener:
        return Reason(code="name_missing", detail=opener.raw)
    moved = _under_another_subject(claim, evidence)
    return Reason(code="name_moved", detail=moved.raw) if moved else None


def _names(statement: Statement) -> Iterator[Token]:
    return (token for token in statement.tokens if token.is_name)


def _foreign_opener(claim: Statement, evidence: Statement) -> Token | None:
    """The claim's first word, when it looks like a name put in the place of another one."""
    first = next((token for token in claim.tokens if token.kind != "mark"), None)
    if first is None or not first.is_content or first.measure or not first.raw[0].isupper():
        return None
    word = first.raw.casefold()
    is_common = word in _COMMON_OPENERS or word.endswith(_COMMON_ENDINGS)
    is_known = (
        first.key in evidence.indices_by_key
        or has_name(evidence, claim, first)
        or has_like(first.key, evidence.keys)
    )
    return None if is_common or is_known else first


def _under_another_subject(claim: Statement, evidence: Statement) -> Token | None:
    """In `Ana leads Rome and Bo leads Bonn`, Ana does not lead Bonn: Bo stands in between."""
    said = frozenset(claim.indices_by_key)
    subject = next((token for token in claim.tokens if token.is_content), None)
    if not _COORDINATING & evidence.indices_by_any_key.keys():
        return None
    if subject is None or subject.key not in evidence.indices_by_key:
        return None
    start = evidence.indices_by_key[subject.key][-1]
    for token in claim.tokens:
        places = evidence.indices_by_key.get(token.key, [])
        if (
            token.is_content
            and places
            and all(_has_own_subject(evidence, start, place, said) for place in places)
        ):
            return token
    return None


def _has_own_subject(evidence: Statement, start: int, place: int, said: frozenset[str]) -> bool:
    """True when a name that the claim leaves out opens the place's clause, later than `start`."""
    clause = evidence.clauses[place]
    if place <= start or evidence.clauses[start] == clause:
        return False
    first = next(evidence.in_clause(clause))
    opener = evidence.tokens[first]
    opens = [index for index, number in enumerate(evidence.clauses) if number == clause]
    return (
        first < place
        and opener.is_name
        and opener.key not in said
        and is_boundary(evidence.tokens[opens[0]])
        and evidence.tokens[opens[0]].key in _COORDINATING
    )
