"""Where a claim repeats its evidence nearly word for word: does each slot hold what it held?

Numbers, names and negations are slots; the other words are the frame around them. Between two
frame words that claim and evidence have in common the slots must agree, which finds what was
exchanged, moved or turned round inside an otherwise true sentence.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from app.claims import Reason
from app.verify.numbers import says
from app.verify.statement import Statement
from app.verify.tokens import Token

MIN_SHARED_FRAME: Final = 0.7
"""Share of the claim's frame words that the evidence has in the same order. A claim with fewer was
put in other words: there, slots move for good reasons."""

LIST_WORDS: Final = frozenset({"and", "or", "respectively"})
"""What joins things of which the same is said; which goes with which, `check_pairing` asks."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """What stands between two frame words that both sides have."""

    claim: Sequence[Token]
    evidence: Sequence[Token]
    is_tight: bool
    """True when the claim adds no frame word there, and leaves out none that carries meaning."""
    nearby: Sequence[Token]
    """The evidence's tokens beside the two frame words, when the claim leaves out what is between;
    all of them otherwise."""


def check_alignment(claim: Statement, evidence: Statement) -> Reason | None:
    """Why a slot differs; None when all agree or the claim is no near repetition.

    A frame that repeats itself (`in 1903 and in 1911`) can be laid on the evidence from the left or
    from the right; one fitting way is enough.
    """
    names = frozenset(
        token.key for side in (claim, evidence) for token in side.tokens if token.is_name
    )
    found = _first_difference(claim, evidence, names)
    if found is None or _first_difference(claim, evidence, names, from_right=True) is None:
        return None
    return found


def _first_difference(
    claim: Statement, evidence: Statement, names: frozenset[str], *, from_right: bool = False
) -> Reason | None:
    gaps = _gaps(claim, evidence, names, from_right=from_right)
    # A name that the evidence lacks, or has in another form, has not moved.
    known = names.intersection(evidence.indices_by_key)
    return next((reason for gap in gaps if (reason := _difference(gap, known))), None)


def _gaps(
    claim: Statement, evidence: Statement, names: frozenset[str], *, from_right: bool
) -> list[Gap]:
    claim_frame, evidence_frame = _frame(claim, names), _frame(evidence, names)
    pairs = _common(
        [evidence.tokens[index].key for index in evidence_frame],
        [claim.tokens[index].key for index in claim_frame],
        from_right=from_right,
    )
    if len(pairs) < MIN_SHARED_FRAME * len(claim_frame):
        return []
    edges = [(-1, -1), *pairs, (len(evidence_frame), len(claim_frame))]
    return [
        Gap(
            claim=_between(claim, claim_frame, before[1], after[1]),
            evidence=_between(evidence, evidence_frame, before[0], after[0]),
            is_tight=after[1] - before[1] == 1
            and (
                after[0] - before[0] == 1
                or not any(
                    token.is_content
                    for token in _between(evidence, evidence_frame, before[0], after[0])
                )
            ),
            nearby=_nearby(evidence, evidence_frame, before[0], after[0])
            if after[1] - before[1] == 1
            else _between(evidence, evidence_frame, before[0], after[0]),
        )
        for before, after in itertools.pairwise(edges)
    ]


def _common(here: list[str], there: list[str], *, from_right: bool) -> list[tuple[int, int]]:
    """Positions of the words that both have in the same order."""
    if from_right:
        flipped = _common(here[::-1], there[::-1], from_right=False)
        return [(len(here) - 1 - a, len(there) - 1 - b) for a, b in reversed(flipped)]
    blocks = SequenceMatcher(None, here, there, autojunk=False).get_matching_blocks()
    return [(block.a + i, block.b + i) for block in blocks for i in range(block.size)]


def _nearby(statement: Statement, frame: list[int], before: int, after: int) -> Sequence[Token]:
    if after - before == 1 or _is_list(statement, frame[before + 1 : after]):
        return _between(statement, frame, before, after)
    # Before the first and after the last common word there is only one side to be beside of.
    left = _between(statement, frame, before, before + 1) if before >= 0 else ()
    right = _between(statement, frame, after - 1, after) if after < len(frame) else ()
    return [*left, *right]


def _is_list(statement: Statement, frame: list[int]) -> bool:
    """True when only `and` or `or` stands there: of `by Ana and Bo` either one may be told."""
    return all(statement.tokens[index].raw.casefold() in LIST_WORDS for index in frame)


def _frame(statement: Statement, names: frozenset[str]) -> list[int]:
    return [
        index
        for index, token in enumerate(statement.tokens)
        if token.kind != "mark" and not _is_slot(token, names)
    ]


def _is_slot(token: Token, names: frozenset[str]) -> bool:
    return token.is_negation or token.measure is not None or token.key in names


def _between(statement: Statement, frame: list[int], before: int, after: int) -> Sequence[Token]:
    start = frame[before] + 1 if before >= 0 else 0
    end = frame[after] if after < len(frame) else len(statement.tokens)
    return statement.tokens[start:end]


def _difference(gap: Gap, names: frozenset[str]) -> Reason | None:
    if not gap.claim and not gap.evidence:
        return None
    foreign = _out_of_order(gap, lambda token: token.measure is not None, _says_the_same)
    if foreign:
        return Reason(code="number_moved", detail=foreign.raw)
    foreign = _out_of_order(gap, lambda token: token.key in names, _has_same_key)
    if foreign:
        return Reason(code="name_moved", detail=foreign.raw)
    negations = [
        [token for token in side if token.is_negation] for side in (gap.claim, gap.evidence)
    ]
    if not gap.is_tight or len(negations[0]) == len(negations[1]):
        return None
    if len(negations[0]) > len(negations[1]):
        return Reason(code="negation_added", detail=negations[0][-1].raw)
    return Reason(code="negation_dropped", detail=negations[1][-1].raw)


def _out_of_order(
    gap: Gap, is_kind: Callable[[Token], bool], agree: Callable[[Token, Token], bool]
) -> Token | None:
    """The first slot of the claim that the evidence, having such slots here, has not in turn."""
    remaining = list(filter(is_kind, gap.nearby)) or list(filter(is_kind, gap.evidence))
    if not remaining:
        return None
    for token in filter(is_kind, gap.claim):
        places = [i for i, other in enumerate(remaining) if agree(other, token)]
        if not places:
            return token
        remaining = remaining[places[0] + 1 :]
    return None


def _says_the_same(evidence: Token, claim: Token) -> bool:
    return (
        evidence.measure is not None
        and claim.measure is not None
        and says(evidence.measure, claim.measure)
    )


def _has_same_key(evidence: Token, claim: Token) -> bool:
    return evidence.key == claim.key
