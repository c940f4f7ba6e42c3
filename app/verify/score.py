"""How well the sources hold a sentence: a score of three figures, fitted on labelled claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from app.claims import ReasonCode
from app.verify.passages import Holding, IndexedSources, hold
from app.verify.profiles import Weights
from app.verify.vetoes import Veto, explain_vetoes
from language.reading import read_sentence

BEST_SENTENCES: Final = 3
"""Sentences that a claim is held against together; recall over three told supported claims from
others best on answers to questions."""

DECISIVE: Final[frozenset[ReasonCode]] = frozenset(
    {"number_missing", "negation_added", "negation_dropped", "opposite_word"}
)
"""What no score outweighs. Deciding by these and `MIN_HELD_FOR_NAMES` made balanced accuracy .665
for .651 on three sets that nothing was fitted to, and .688 for .703 on those held out."""

MIN_HELD_FOR_NAMES: Final = 0.75
"""Share of the words besides which a missing name is one exchanged, and decides as well."""

Feature = Literal["held", "number", "veto"]


@dataclass(frozen=True, kw_only=True)
class Support:
    """What the sources say about one sentence; `best` are the sentences that hold it best."""

    text: str
    sources: IndexedSources
    holding: Holding
    best: Sequence[int]

    @cached_property
    def held(self) -> float:
        """Share of its content words that those sentences have together, 0 to 1."""
        return self.holding.share(self.best)

    @cached_property
    def vetoes(self) -> list[Veto]:
        """What speaks against it in the words of those sentences."""
        evidence = "\n".join(self.sources.sentences[index].quote for index in self.best)
        return explain_vetoes(self.text, evidence)

    @property
    def codes(self) -> frozenset[ReasonCode]:
        """What the vetoes are."""
        return frozenset(veto.rule["code"] for veto in self.vetoes)

    @property
    def features(self) -> dict[Feature, float]:
        """What the score is made of: what is held, and which kinds of vetoes there are."""
        others = self.codes - {"number_missing", "name_missing"}
        return {
            "held": self.held,
            "number": float("number_missing" in self.codes),
            "veto": float(bool(others)),
        }

    @property
    def is_decided(self) -> bool:
        """True when no score makes it supported."""
        is_renamed = "name_missing" in self.codes and self.held >= MIN_HELD_FOR_NAMES
        return is_renamed or not self.codes.isdisjoint(DECISIVE)

    def score(self, weights: Weights) -> float:
        """The chance that a person would call it supported, 0 to 1, where the fit was made."""
        return score_of(self.features, weights)


def score_of(features: dict[Feature, float], weights: Weights) -> float:
    """The logistic function of the weighted sum of the features."""
    logit = weights["bias"] + sum(weights[name] * value for name, value in features.items())
    return 1 / (1 + math.exp(-logit))


def support_of(text: str, sources: IndexedSources) -> Support:
    """The support of one cleaned sentence."""
    holding = hold(read_sentence(text), sources)
    return Support(text=text, sources=sources, holding=holding, best=holding.best(BEST_SENTENCES))
