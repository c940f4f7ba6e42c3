"""Is each number of the claim in its evidence, and about the same thing there?"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from app.claims import Reason
from app.verify.numbers import says
from app.verify.ownership import is_told_of
from app.verify.statement import Statement
from app.verify.tokens import Token
from app.verify.wording import has_like
from kb.text import word_set

UNIT_REACH: Final = 3
"""Tokens after a number within which its unit stands: `25 paid leave days`."""

UNITS: Final = word_set(
    "second minut hour day week month year decad centuri km kilomet kilometr meter metr mile mm cm "
    "inch foot feet kg kilogram gram g mg tonn ton litr liter ml gb mb tb byte bit watt kw mw kwh "
    "volt degre time fold peopl person employe page item unit"
)
"""Stems of what is often counted: with another of these the number says something else."""


def check_numbers(claim: Statement, evidence: Statement) -> Reason | None:
    """Why a number or date of the claim is not in the evidence, None when all are."""
    for index in claim.measures:
        token = claim.tokens[index]
        partners = list(evidence.measures_saying(token))
        if not partners:
            return Reason(code="number_missing", detail=token.raw)
        if not any(_same_slot(claim, index, evidence, partner) for partner in partners):
            return Reason(code="number_moved", detail=token.raw)
    return None


def has_moved_number(claim: Statement, evidence: Statement) -> bool:
    """True when the evidence has a number of the claim, and of other things only."""
    return any(
        not any(_same_slot(claim, index, evidence, partner) for partner in partners)
        for index in claim.measures
        if (partners := list(evidence.measures_saying(claim.tokens[index])))
    )


def has_other_unit(claim: Statement, evidence: Sequence[Statement]) -> bool:
    """True when the claim counts in a unit in which no sentence counts that number."""
    return any(
        not any(
            _counts_the_same(claim, index, sentence, partner)
            for sentence in evidence
            for partner in sentence.measures_saying(claim.tokens[index])
        )
        for index in claim.measures
    )


def _same_slot(claim: Statement, number: int, evidence: Statement, partner: int) -> bool:
    rivals = _rivals(claim.tokens[number], evidence, partner)
    if not _counts_the_same(claim, number, evidence, partner):
        return False
    clause = claim.clauses[number]
    # A rival that stands in the same clause of the claim may be nearer: both are told of one thing.
    foreign = [
        rival for rival in rivals if not _is_in_clause(claim, clause, evidence.tokens[rival])
    ]
    if not foreign:
        return True
    said = frozenset(claim.indices_by_key)
    return all(
        is_told_of(evidence, where, partner, foreign, said)
        for where in _context(claim, number, evidence)
    )


def _rivals(number: Token, evidence: Statement, partner: int) -> list[int]:
    """Measures of the partner's kind that say something else than the number."""
    kind = evidence.tokens[partner].measure
    return [
        index
        for index in evidence.measures
        if (measure := evidence.tokens[index].measure) is not None
        and kind is not None
        and number.measure is not None
        and measure.kind == kind.kind
        and not says(measure, number.measure)
        and not _is_conversion(evidence, partner, index)
    ]


def _is_conversion(evidence: Statement, partner: int, other: int) -> bool:
    """True for the second number of `3,000 m (9,800 ft)`: the same in another unit."""
    between = [token.key for token in evidence.tokens[partner + 1 : other]]
    if len(between) > UNIT_REACH or between[-1:] != ["("]:
        return False
    after = evidence.tokens[other + 1 :]
    inside = [token.key for token in itertools.takewhile(lambda token: token.key != ")", after)]
    # A unit of its own and nothing else: `(35 days for managers)` is another case.
    return len(inside) <= 1 and set(inside).isdisjoint(between)


def _is_in_clause(claim: Statement, clause: int, rival: Token) -> bool:
    return any(
        says(rival.measure, measure)
        for index in claim.in_clause(clause)
        if (measure := claim.tokens[index].measure) is not None and rival.measure is not None
    )


def _context(claim: Statement, number: int, evidence: Statement) -> Iterator[list[int]]:
    """For each word told of the number in its clause: where the evidence has it."""
    for index in claim.in_clause(claim.clauses[number]):
        token = claim.tokens[index]
        if index == number:
            continue
        where = (
            list(evidence.measures_saying(token))
            if token.measure is not None
            else evidence.indices_by_key.get(token.key)
        )
        if where:
            yield where


def _counts_the_same(claim: Statement, number: int, evidence: Statement, partner: int) -> bool:
    """False when the claim counts weeks where the evidence counts days."""
    counted = claim.tokens[number + 1] if number + 1 < len(claim.tokens) else None
    measure = claim.tokens[number].measure
    if counted is None or not counted.is_content or counted.measure or measure is None:
        return True
    if measure.kind in {"ordinal", "date"}:
        return True
    is_elsewhere = counted.key in evidence.indices_by_key and measure.kind == "plain"
    if not is_elsewhere and counted.key not in UNITS:
        return True
    if is_elsewhere and len(evidence.measures) == 1 and counted.key not in UNITS:
        return True
    beside = _keys_beside(evidence, partner)
    return counted.key in beside or has_like(counted.key, frozenset(beside))


def _keys_beside(evidence: Statement, number: int) -> set[str]:
    keys = set()
    for token in evidence.tokens[number + 1 : number + 1 + UNIT_REACH]:
        if token.measure is not None:
            break
        keys.add(token.key)
    if number and evidence.tokens[number - 1].measure is None:
        keys.add(evidence.tokens[number - 1].key)
    return keys
