"""Finds the sentences of sources that hold most of a claim's words, from an index made once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.answering.verify.cited import CitedSource, LocatedQuote
from language.reading import Reading, read_sentence

MIN_GAIN: Final = 0.05
"""Share of the claim's weight that one more sentence must add."""


@dataclass(frozen=True)
class SentenceIndex:
    """All sentences of the sources by their words; a number counts as the same in any unit."""

    sources: Sequence[CitedSource]

    @cached_property
    def sentences(self) -> Sequence[LocatedQuote]:
        """Every sentence of every source, in order."""
        return [
            source.quote_at(sentence.span)
            for source in self.sources
            for sentence in source.sentences
        ]

    @cached_property
    def places(self) -> dict[str, set[int]]:
        """The sentences that hold each content key."""
        found: dict[str, set[int]] = {}
        for index, sentence in enumerate(self.sentences):
            for key in read_sentence(sentence.text).places:
                found.setdefault(key, set()).add(index)
        return found

    def best(self, claim: Reading, count: int) -> list[LocatedQuote]:
        """Up to `count` sentences; each adds more of the claim to those before it than any other.

        A word counts the more, the fewer sentences hold it (inverse document frequency).
        """
        keys = [claim.tokens[index].key for index in claim.content]
        wanted = [self.places.get(key, set()) for key in keys]
        total = len(self.sentences)
        weights = [math.log(1 + (1 + total) / (1 + len(places))) for places in wanted]
        enough = MIN_GAIN * sum(weights)
        left = set(range(len(wanted)))
        chosen: list[int] = []
        while len(chosen) < count:
            gains: dict[int, float] = {}
            for index in sorted(left):
                for sentence in wanted[index]:
                    gains[sentence] = gains.get(sentence, 0.0) + weights[index]
            # Of equals the first, so that the same claim is always given the same quotes.
            found = max(gains, key=lambda sentence: (gains[sentence], -sentence), default=None)
            if found is None or gains[found] < enough:
                break
            chosen.append(found)
            left = {index for index in left if found not in wanted[index]}
        return [self.sentences[index] for index in chosen]
