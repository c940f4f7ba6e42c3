"""Sentences of the sources with an index of their words, made once and asked for each claim."""

import math
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.context import Source
from kb.text import Span
from language.numbers import Hint, Measure, asked_hints, hints_of, says
from language.reading import Reading, read_sentence
from language.sentences import bounded_sentences
from language.tokens import Token

MIN_GAIN: Final = 0.05
"""Share of the claim's weight that a further sentence must add."""


@dataclass(frozen=True, kw_only=True)
class PlacedSentence:
    """A sentence and where it stands: `source.passage.text[span.start:span.end]`."""

    source: Source
    span: Span
    reading: Reading

    @property
    def quote(self) -> str:
        """The sentence as the source has it."""
        return self.source.passage.text[self.span.start : self.span.end]


@dataclass(frozen=True)
class IndexedSources:
    """All sentences of the sources; what asking them needs is worked out once."""

    sources: Sequence[Source]

    @cached_property
    def sentences(self) -> list[PlacedSentence]:
        """Every sentence of every source, in order."""
        return [
            PlacedSentence(source=source, span=span, reading=read_sentence(text[slice(*span)]))
            for source in self.sources
            for text in (source.passage.text,)
            for span in bounded_sentences(text)
        ]

    def prepare(self) -> None:
        """Works out now what the first claim would have to wait for."""
        _ = self.places_by_key, self.measures_by_hint

    @cached_property
    def places_by_key(self) -> dict[str, set[int]]:
        """For each content key the sentences that hold it."""
        found: dict[str, set[int]] = {}
        for index, placed in enumerate(self.sentences):
            for key in placed.reading.places:
                found.setdefault(key, set()).add(index)
        return found

    @cached_property
    def places_by_measure(self) -> dict[Measure, list[int]]:
        """For each number and date the sentences that hold it."""
        found: dict[Measure, list[int]] = {}
        for index, placed in enumerate(self.sentences):
            tokens = placed.reading.tokens
            for measure in {tokens[position].measure for position in placed.reading.measures}:
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
        return math.log(1 + (1 + len(self.sentences)) / (1 + count))

    def places_of(self, token: Token) -> AbstractSet[int]:
        """The sentences that say what the token says."""
        if token.measure is not None:
            return self._places_saying(token.measure)
        return self.places_by_key.get(token.key, set())

    def _places_saying(self, claimed: Measure) -> frozenset[int]:
        return frozenset(
            index
            for hint in asked_hints(claimed)
            for measure in self.measures_by_hint.get(hint, ())
            if says(measure, claimed)
            for index in self.places_by_measure[measure]
        )


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Which sentences hold a claim best.

    `places[i]` are the sentences that have the claim's i-th content token; `weights[i]` is what
    that token counts.
    """

    tokens: Sequence[Token]
    weights: Sequence[float]
    places: Sequence[AbstractSet[int]]

    def share(self, sentences: Collection[int]) -> float:
        """Share of the claim's content tokens that these sentences have together, 0 to 1."""
        held = sum(not places.isdisjoint(sentences) for places in self.places)
        return held / max(1, len(self.places))

    def missing(self, sentences: Collection[int]) -> list[Token]:
        """The content tokens that none of them has."""
        pairs = zip(self.tokens, self.places, strict=True)
        return [token for token, places in pairs if places.isdisjoint(sentences)]

    def best(self, count: int) -> list[int]:
        """Up to `count` sentences, each the one that adds most weight to those before it."""
        left = set(range(len(self.tokens)))
        enough = MIN_GAIN * sum(self.weights)
        chosen: list[int] = []
        while len(chosen) < count:
            gains: dict[int, float] = {}
            for index in sorted(left):
                for sentence in self.places[index]:
                    gains[sentence] = gains.get(sentence, 0.0) + self.weights[index]
            # Of equals the first, so that the same claim is always given the same quotes.
            found = max(sorted(gains), key=gains.__getitem__, default=None)
            if found is None or gains[found] < enough:
                break
            chosen.append(found)
            left = {index for index in left if found not in self.places[index]}
        return chosen


def hold(claim: Reading, sources: IndexedSources) -> Holding:
    """Where the sources hold the claim's content words."""
    tokens = [claim.tokens[index] for index in claim.content]
    return Holding(
        tokens=tokens,
        weights=[sources.weight(token.key) for token in tokens],
        places=[sources.places_of(token) for token in tokens],
    )
