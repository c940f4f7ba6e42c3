"""Sentences of the sources with an index of their words, made once and asked for each claim."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.verify.evidence import SearchableSource
from app.verify.numbers import Hint, Measure, asked_hints, hints_of, says
from app.verify.statement import Statement
from app.verify.tokens import Token
from kb.text import Span

MIN_SHARED_START: Final = 5
"""Letters that two words of one family share at least: `publisher`, `publication`."""

FAMILY_CREDIT: Final = 0.5
"""What a word of the same family counts: it may be the word, and may be another one."""

MIN_GAIN: Final = 0.05
"""Share of the claim's weight that a further sentence must add."""


@dataclass(frozen=True, kw_only=True)
class PlacedStatement:
    """A sentence and where it stands: `source.text.text[span.start:span.end]`."""

    source: SearchableSource
    span: Span
    statement: Statement

    @property
    def quote(self) -> str:
        """The sentence as the source has it."""
        return self.source.text.text[self.span.start : self.span.end]


@dataclass(frozen=True)
class IndexedSources:
    """All sentences of the sources; what asking them needs is worked out once."""

    sources: Sequence[SearchableSource]

    @cached_property
    def statements(self) -> list[PlacedStatement]:
        """Every sentence of every source, in order."""
        return [
            PlacedStatement(source=source, span=span, statement=source.statements(span)[0])
            for source in self.sources
            for span in source.text.sentences
        ]

    def prepare(self) -> None:
        """Works out now what the first claim would have to wait for."""
        _ = self.places_by_key, self.places_by_start, self.measures_by_hint

    @cached_property
    def places_by_key(self) -> dict[str, list[int]]:
        """For each content key the sentences that hold it."""
        found: dict[str, list[int]] = {}
        for index, placed in enumerate(self.statements):
            for key in placed.statement.keys:
                found.setdefault(key, []).append(index)
        return found

    @cached_property
    def places_by_start(self) -> dict[str, list[int]]:
        """For the first letters of each content word the sentences that hold it."""
        found: dict[str, list[int]] = {}
        for key, places in self.places_by_key.items():
            if _has_family(key):
                found.setdefault(key[:MIN_SHARED_START], []).extend(places)
        return found

    @cached_property
    def places_by_measure(self) -> dict[Measure, list[int]]:
        """For each number and date the sentences that hold it."""
        found: dict[Measure, list[int]] = {}
        for index, placed in enumerate(self.statements):
            tokens = placed.statement.tokens
            for measure in {tokens[position].measure for position in placed.statement.measures}:
                if measure is not None:
                    found.setdefault(measure, []).append(index)
        return found

    @cached_property
    def measures_by_hint(self) -> dict[Hint, list[Measure]]:
        """The different numbers and dates by what they may be asked for by."""
        found: dict[Hint, list[Measure]] = {}
        for measure in self.places_by_measure:
            for hint in hints_of(measure):
                found.setdefault(hint, []).append(measure)
        return found

    def weight(self, key: str) -> float:
        """How much a word tells: more the fewer sentences hold it (inverse document frequency)."""
        count = len(self.places_by_key.get(key, ()))
        return math.log(1 + (1 + len(self.statements)) / (1 + count))

    def places_of(self, token: Token) -> dict[int, float]:
        """The sentences that hold what the token says, with its credit in each, 0 to 1."""
        if token.measure is not None:
            return self._places_saying(token.measure)
        places = self.places_by_key.get(token.key)
        if places:
            return dict.fromkeys(places, 1.0)
        if token.is_name or not _has_family(token.key):
            return {}
        return dict.fromkeys(
            self.places_by_start.get(token.key[:MIN_SHARED_START], ()), FAMILY_CREDIT
        )

    def _places_saying(self, claimed: Measure) -> dict[int, float]:
        places = {
            index
            for hint in asked_hints(claimed)
            for measure in self.measures_by_hint.get(hint, ())
            if says(measure, claimed)
            for index in self.places_by_measure[measure]
        }
        return dict.fromkeys(sorted(places), 1.0)


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Which sentences hold a claim best.

    `credits[i][s]` is what sentence s gives to the claim's i-th content token; `weights[i]` is what
    that token counts.
    """

    claim: Statement
    tokens: Sequence[Token]
    weights: Sequence[float]
    credits: Sequence[dict[int, float]]

    def covered_by(self, sentences: Iterable[int]) -> float:
        """Weighted share of the claim's tokens that these sentences hold together, 0 to 1."""
        total = sum(self.weights)
        chosen = tuple(sentences)
        held = sum(
            weight * max((credit.get(sentence, 0.0) for sentence in chosen), default=0.0)
            for weight, credit in zip(self.weights, self.credits, strict=True)
        )
        return held / total if total else 0.0

    def best(self, count: int) -> list[int]:
        """Up to `count` sentences, each the one that adds most to those before it."""
        held = [0.0] * len(self.tokens)
        enough = MIN_GAIN * sum(self.weights)
        chosen: list[int] = []
        while len(chosen) < count:
            gains: dict[int, float] = {}
            for index, credit in enumerate(self.credits):
                for sentence, share in credit.items():
                    if share > held[index]:
                        gain = self.weights[index] * (share - held[index])
                        gains[sentence] = gains.get(sentence, 0.0) + gain
            if not gains or max(gains.values()) < enough:
                break
            # Of equals the first, so that the same claim is always given the same quotes.
            chosen.append(max(sorted(gains), key=gains.__getitem__))
            held = [
                max(before, credit.get(chosen[-1], 0.0))
                for before, credit in zip(held, self.credits, strict=True)
            ]
        return chosen


def hold(claim: Statement, sources: IndexedSources) -> Holding:
    """Where the sources hold the claim's content words."""
    tokens = [claim.tokens[index] for index in claim.content]
    return Holding(
        claim=claim,
        tokens=tokens,
        weights=[sources.weight(token.key) for token in tokens],
        credits=[sources.places_of(token) for token in tokens],
    )


def _has_family(key: str) -> bool:
    return len(key) >= MIN_SHARED_START and key.isalpha()
