"""A sentence of a claim laid on its evidence, and the rule that is asked about the two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NotRequired, TypedDict

from app.answering.claims import ReasonCode
from language.numbers import says
from language.reading import MIN_SHARED_START, Reading
from language.tokens import Token

MIN_SHARE: Final = 0.6
"""Of the claim's content words, that the sentence has which the claim is said to distort."""

MIN_TIGHT: Final = 0.75
"""The same where the words alone must show that both speak of one thing."""


@dataclass(frozen=True)
class Alignment:
    """`pairs[i]` is the index of the evidence's token that says what the claim's i-th says."""

    claim: Reading
    evidence: Reading
    pairs: dict[int, int]

    @cached_property
    def back(self) -> dict[int, int]:
        """The same from the evidence's tokens."""
        return {there: here for here, there in self.pairs.items()}

    @cached_property
    def share(self) -> float:
        """Share of the claim's content tokens that the evidence has, 0 to 1."""
        return len(self.pairs) / len(self.claim.content) if self.claim.content else 0.0


def align(claim: Reading, evidence: Reading) -> Alignment:
    """The claim's content words laid on the evidence's; of several places the next one on."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    last = -1
    for index in claim.content:
        places = [i for i in _places(claim.tokens[index], evidence) if i not in taken]
        if places:
            # The nearest place behind the last one, else the nearest before it.
            place = min(places, key=lambda i: (i <= last, abs(i - last)))
            pairs[index] = last = place
            taken.add(place)
    return Alignment(claim, evidence, pairs)


def _places(token: Token, evidence: Reading) -> Sequence[int]:
    if token.measure is not None:
        return [
            i
            for i in evidence.measures
            if (there := evidence.tokens[i].measure) is not None and says(there, token.measure)
        ]
    places = evidence.places.get(token.key)
    if places or token.is_name or token.kind != "word":
        return places or ()
    return evidence.places_by_start.get(token.key[:MIN_SHARED_START], ())


class Rule(TypedDict):
    """One entry of `vetoes.toml`; `exchanges` are pairs of names of marks of `group`."""

    id: str
    kind: str
    code: ReasonCode
    is_of_cells: NotRequired[bool]
    group: NotRequired[str]
    exchanges: NotRequired[Sequence[Sequence[str]]]
    excuse: NotRequired[Sequence[str]]
    evidence_excuse: NotRequired[Sequence[str]]
    catches: Sequence[Mapping[str, str]]
    spares: Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A sentence of the claim beside all of its evidence; `best` has most of its words."""

    claim: Reading
    best: Alignment
    evidence: Sequence[Reading]
    background: Sequence[Reading]

    @property
    def is_close(self) -> bool:
        """True when the words show that the best sentence and the claim speak of one thing."""
        return self.best.share >= MIN_SHARE

    @property
    def around(self) -> Sequence[Reading]:
        """The evidence and its background."""
        return (*self.evidence, *self.background)

    @cached_property
    def known(self) -> frozenset[str]:
        """All content keys and folded words of evidence and background."""
        keys = {key for reading in self.around for key in reading.places}
        return frozenset(keys.union(*(reading.words for reading in self.around)))

    def is_excused(self, rule: Rule) -> bool:
        """True when the claim, or the evidence, says in other words what the edit did."""
        return any(
            mark.group in names or f"{mark.group}.{mark.name}" in names
            for readings, names in (
                ((self.claim,), rule.get("excuse", ())),
                (self.around, rule.get("evidence_excuse", ())),
            )
            for reading in readings
            for mark in reading.marks
        )
