"""`Ana and Bo lead Rome and Bonn respectively`: does the claim keep who goes with what?"""

from typing import Final

from app.claims import Reason
from app.verify.statement import Statement

PAIRED: Final = (4, 6)
"""Names and numbers of two lists of two or three; where more stand, some are in neither list."""

_BETWEEN: Final = frozenset({"and", "or", ","})


def check_pairing(claim: Statement, evidence: Statement) -> Reason | None:
    """Why the claim takes one thing of the first list and another of the second; None if not."""
    if all(token.raw.casefold() != "respectively" for token in evidence.tokens):
        return None
    runs = _slots(evidence)
    told = [not run.isdisjoint(claim.indices_by_key) for run in runs]
    if len(runs) not in PAIRED:
        return None
    first, second = told[: len(told) // 2], told[len(told) // 2 :]
    if first == second or not any(first) or not any(second):
        return None
    return Reason(code="name_moved", detail=evidence.tokens[evidence.content[-1]].raw)


def _slots(statement: Statement) -> list[set[str]]:
    """The names and numbers in order, those of several words as one."""
    runs: list[set[str]] = []
    last = -2
    for index in statement.content:
        if not _is_slot(statement, index):
            continue
        if index - last > 1:
            runs.append(set())
        runs[-1].add(statement.tokens[index].key)
        last = index
    return runs


def _is_slot(statement: Statement, index: int) -> bool:
    token = statement.tokens[index]
    if token.is_name or token.measure is not None:
        return True
    # The first word of a sentence is a name when a list begins with it.
    is_first = index == statement.content[0] and token.raw[0].isupper()
    return is_first and any(
        token.key in _BETWEEN for token in statement.tokens[index + 1 : index + 2]
    )
