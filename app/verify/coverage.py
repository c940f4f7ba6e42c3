"""How much of what the claim says do its quotes say?"""

from collections.abc import Sequence
from typing import Final

from app.claims import Reason
from app.verify.statement import Statement
from app.verify.tokens import Token
from app.verify.wording import has_like

MIN_COVERAGE: Final = 0.75
"""Share of a claim's content words from which on it speaks of what its quote speaks of: one synonym
in four words is a paraphrase. Below two thirds nearly every claim cited to another topic would
begin to pass, and 96 % of those cited to a neighbouring passage are under it (measured on RAG
answers)."""

MAX_UNCOVERED_RUN: Final = 2
"""Three content words in a row that no quote holds are an addition, not a synonym."""


def coverage_of(claim: Statement, evidence: Statement) -> float:
    """Share of the claim's content tokens that the quoted words hold, 0 to 1."""
    if not claim.content:
        return 0.0
    held = sum(_is_held(claim.tokens[index], evidence) for index in claim.content)
    return held / len(claim.content)


def words_held(claim: Statement, evidence: Statement) -> float:
    """The same of its content words besides numbers and dates; 0 when it has no other."""
    words = [index for index in claim.content if claim.tokens[index].measure is None]
    held = sum(_is_held(claim.tokens[index], evidence) for index in words)
    return held / len(words) if words else 0.0


def pooled_coverage(claims: Sequence[Statement], evidence: Sequence[Statement]) -> float:
    """Share of the claims' content tokens that any of the evidence holds, 0 to 1."""
    tokens = [claim.tokens[index] for claim in claims for index in claim.content]
    held = sum(any(_is_held(token, each) for each in evidence) for token in tokens)
    return held / len(tokens) if tokens else 0.0


def check_coverage(claim: Statement, evidence: Statement, minimum: float) -> Reason | None:
    """Why the claim says more than its quote, None when it does not."""
    if coverage_of(claim, evidence) < minimum:
        return Reason(code="coverage_low", detail=", ".join(_uncovered(claim, evidence)))
    run = 0
    for index in claim.content:
        run = 0 if _is_held(claim.tokens[index], evidence) else run + 1
        if run > MAX_UNCOVERED_RUN:
            return Reason(code="coverage_low", detail=", ".join(_uncovered(claim, evidence)))
    added = _added_clause(claim, evidence)
    return Reason(code="coverage_low", detail=added) if added else None


def _uncovered(claim: Statement, evidence: Statement) -> list[str]:
    tokens = (claim.tokens[index] for index in claim.content)
    return [token.raw for token in tokens if not _is_held(token, evidence)]


def _is_held(token: Token, evidence: Statement) -> bool:
    if evidence.holds(token) or (token.is_name and token.key in evidence.background):
        return True
    return token.kind == "word" and not token.is_name and has_like(token.key, evidence.keys)


def _added_clause(claim: Statement, evidence: Statement) -> str:
    """The words of a later clause of which the quote holds nothing; empty when there is none."""
    for clause in sorted({claim.clauses[index] for index in claim.content})[1:]:
        tokens = [claim.tokens[index] for index in claim.in_clause(clause)]
        if not any(_is_held(token, evidence) for token in tokens):
            return ", ".join(token.raw for token in tokens)
    return ""
