"""Of several numbers, or of a word and its opposite: with which one does another word go?"""

from typing import Final

from app.verify.statement import Statement, is_boundary
from kb.text import word_set

TURNS: Final = word_set("to from and or but against versus than vs compared then")
"""Words that lead on to the next of several numbers; each counts as one more step of distance."""


def is_told_of(
    evidence: Statement, where: list[int], partner: int, rivals: list[int], said: frozenset[str]
) -> bool:
    """True when the word, in one of its places, goes with `partner` and not with a rival.

    `said` are the content keys of the claim.
    """
    return any(_goes_with(evidence, index, partner, rivals, said) for index in where)


def _goes_with(
    evidence: Statement, word: int, partner: int, rivals: list[int], said: frozenset[str]
) -> bool:
    clause = evidence.clauses[word]
    near = [rival for rival in rivals if evidence.clauses[rival] == clause]
    if not near and evidence.clauses[partner] == clause:
        return True
    candidates = near if evidence.clauses[partner] == clause else rivals
    nearest = min(candidates, key=lambda rival: _distance(evidence, word, rival))
    if _distance(evidence, word, partner) <= _distance(evidence, word, nearest):
        return True
    return word < min(nearest, partner) and _shares_what_is_before(evidence, partner, said)


def _distance(evidence: Statement, one: int, other: int) -> int:
    between = range(min(one, other) + 1, max(one, other))
    turns = sum(
        is_boundary(evidence.tokens[index]) or evidence.tokens[index].key in TURNS
        for index in between
    )
    return len(between) + turns


def _shares_what_is_before(evidence: Statement, number: int, said: frozenset[str]) -> bool:
    """True when the claim leaves out nothing between the number and the `and` before it.

    So in `10 for members and 20 for guests`; in `members pay 10 and guests pay 20` the guests are
    left out by a claim about members.
    """
    for index in range(number - 1, -1, -1):
        token = evidence.tokens[index]
        if is_boundary(token) or token.key in TURNS:
            return True
        if token.is_content and token.measure is None and token.key not in said:
            return False
    return True
