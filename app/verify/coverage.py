"""How much of what the claim says do its quotes say?"""

from collections.abc import Sequence
from typing import Final

from app.claims import Reason
from app.verify.same_name import has_name
from app.verify.statement import Statement
from app.verify.wording import has_like

MIN_COVERAGE: Final = 0.75
"""Share of a claim's content words from which on it speaks of what its quote speaks of: one synonym
in four words is a paraphrase. Below two thirds nearly every claim cited to another topic would
begin to pass, and 96 % of those cited to a neighbouring passage are under it (measured on RAG
answers)."""

MAX_UNCOVERED_RUN: Final = 2
"""Three content words in a row that no quote holds are an addition, not a synonym."""

Held = frozenset[int]
"""Indices of the claim's content tokens that the quoted words of a sentence hold."""


def held_by(claim: Statement, evidence: Statement) -> Held:
    """Which of the claim's content tokens the quoted words say."""
    return frozenset(index for index in claim.content if _is_held(claim, index, evidence))


def coverage_of(claim: Statement, held: Held) -> float:
    """Share of the claim's content tokens that are held, 0 to 1."""
    return len(held) / len(claim.content) if claim.content else 0.0


def words_held(claim: Statement, held: Held) -> float:
    """The same of its content words besides numbers and dates; 0 when it has no other."""
    words = [index for index in claim.content if claim.tokens[index].measure is None]
    return len(held.intersection(words)) / len(words) if words else 0.0


def pooled_coverage(claims: Sequence[Statement], evidence: Sequence[Statement]) -> float:
    """Share of the claims' content tokens that any of the evidence holds, 0 to 1."""
    total = sum(len(claim.content) for claim in claims)
    held = sum(
        len(frozenset[int]().union(*(held_by(claim, each) for each in evidence)))
        for claim in claims
    )
    return held / total if total else 0.0


def check_coverage(claim: Statement, held: Held, minimum: float) -> Reason | None:
    """Why the claim says more than its quote, None when it does not."""
    if coverage_of(claim, held) < minimum:
        return Reason(code="coverage_low", detail=_uncovered(claim, held))
    run = 0
    for index in claim.content:
        run = 0 if index in held else run + 1
        if run > MAX_UNCOVERED_RUN:
            return Reason(code="coverage_low", detail=_uncovered(claim, held))
    added = _added_clause(claim, held)
    return Reason(code="coverage_low", detail=added) if added else None


def _uncovered(claim: Statement, held: Held) -> str:
    return ", ".join(claim.tokens[index].raw for index in claim.content if index not in held)


def _is_held(claim: Statement, index: int, evidence: Statement) -> bool:
    token = claim.tokens[index]
    if evidence.holds(token):
        return True
    if token.is_name:
        return has_name(evidence, claim, token)
    return token.kind == "word" and has_like(token.key, evidence.keys)


def _added_clause(claim: Statement, held: Held) -> str:
    """The words of a later clause of which the quote holds nothing; empty when there is none."""
    for clause in sorted({claim.clauses[index] for index in claim.content})[1:]:
        places = list(claim.in_clause(clause))
        if held.isdisjoint(places):
            return ", ".join(claim.tokens[index].raw for index in places)
    return ""
