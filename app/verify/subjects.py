"""Does the claim say of the subject of one clause what its evidence says of another's?"""

import itertools
from typing import Final, NamedTuple

from app.claims import Reason
from app.verify.statement import Statement, is_boundary
from app.verify.tokens import Token
from app.verify.wording import has_like
from kb.text import word_set

_JOINING: Final = word_set("while whereas but and ;")

_DETERMINERS: Final = word_set("the a an all every each any no our their its his her this these")
_PREPOSITIONS: Final = word_set("to of in at by from for with during on")

MAX_LEAD: Final = 3
"""Tokens from the start of a clause to the first content word of a subject: `, while the`."""

MIN_OF_OTHER: Final = 2
"""Words that only the other clause has; a single one may be told of both."""


class Part(NamedTuple):
    """A clause with a subject of its own."""

    clause: int
    subject: Token
    rest: frozenset[str]


def check_subject(claim: Statement, evidence: Statement) -> Reason | None:
    """Why the subject is another clause's, None when it is not.

    In `interns work in Berlin while managers drive company cars` no intern drives a company car.
    """
    if _JOINING.isdisjoint(evidence.indices_by_any_key):
        return None
    told = frozenset(claim.indices_by_key)
    for one, other in itertools.permutations(_parts(evidence), 2):
        if _is_exchanged(told, one, other) and _are_joined(evidence, one, other):
            return Reason(code="name_moved", detail=one.subject.raw)
    return None


def _parts(statement: Statement) -> list[Part]:
    parts: list[Part] = []
    for clause in sorted({statement.clauses[index] for index in statement.content}):
        first, *others = statement.in_clause(clause)
        lead = [token.key for token in statement.tokens[statement.clauses.index(clause) : first]]
        if not parts or _is_of_subject(lead):
            rest = frozenset(statement.tokens[index].key for index in others)
            parts.append(Part(clause, statement.tokens[first], rest))
    return parts


def _is_of_subject(lead: list[str]) -> bool:
    return (
        len(lead) <= MAX_LEAD
        and not _DETERMINERS.isdisjoint(lead)
        and _PREPOSITIONS.isdisjoint(lead)
    )


def _is_exchanged(told: frozenset[str], one: Part, other: Part) -> bool:
    """True when the claim has of `one` its subject alone, and of `other` all but its subject."""
    subject, left_out = one.subject.key, other.subject.key
    return (
        subject in told
        and left_out not in told
        and subject not in other.rest
        and told.isdisjoint(one.rest - other.rest)
        and len(told & (other.rest - one.rest - {subject})) >= MIN_OF_OTHER
        and not has_like(left_out, told)
    )


def _are_joined(statement: Statement, one: Part, other: Part) -> bool:
    between = range(min(one.clause, other.clause) + 1, max(one.clause, other.clause) + 1)
    return any(
        token.key in _JOINING and is_boundary(token) and clause in between
        for token, clause in zip(statement.tokens, statement.clauses, strict=True)
    )
