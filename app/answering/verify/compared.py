"""Aligns a sentence of a claim with its evidence, for the rules that compare the two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NotRequired, TypedDict

from app.answering.claims import ReasonCode
from language.reading import MIN_SHARED_START, Reading

MIN_SHARE: Final = 0.6
"""Share of the claim's content words in the sentence that the claim is said to distort."""

MIN_TIGHT: Final = 0.75
"""That share where the words alone must show that both are about one thing."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The claim's content words beside those of one sentence of its evidence.

    Attributes:
        claim: the claim's sentence.
        evidence: the evidence's.
        pairs: the index of the evidence's token that says what the claim's token says.
        back: the same from the evidence's tokens.
        share: of the claim's content tokens, those that the evidence has, 0 to 1.
    """

    claim: Reading
    evidence: Reading
    pairs: Mapping[int, int]
    back: Mapping[int, int]
    share: float


def align(claim: Reading, evidence: Reading) -> Alignment:
    """The claim's content words aligned with the evidence's; of several places the next one on."""
    pairs: dict[int, int] = {}
    back: dict[int, int] = {}
    last = -1
    for index in claim.content:
        token = claim.tokens[index]
        places: Sequence[int]
        if token.measure is not None:
            places = [i for i in evidence.measures if evidence.tokens[i].says(token)]
        else:
            places = evidence.places.get(token.key, ())
            if not places and not token.is_name and token.kind == "word":
                places = evidence.places_by_start.get(token.key[:MIN_SHARED_START], ())
        free = [place for place in places if place not in back]
        if free:
            # The nearest place behind the last one, else the nearest before it.
            last = min(free, key=lambda place: (place <= last, abs(place - last)))
            pairs[index], back[last] = last, index
    share = len(pairs) / len(claim.content) if claim.content else 0.0
    return Alignment(claim=claim, evidence=evidence, pairs=pairs, back=back, share=share)


EditKind = Literal[
    "changed",
    "condition",
    "excluded",
    "number_missing",
    "unit",
    "belongs",
    "name_missing",
    "polarity",
]
"""The kinds of edits; each is found by the function of `edits` with its name."""


class Rule(TypedDict):
    """One entry of `vetoes.toml`; `exchanges` are pairs of names of marks of `group`."""

    id: str
    kind: EditKind
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
