"""How well the sources hold a sentence: a score that explains itself, fitted on labelled claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.claims import Reason
from app.verify.compare import CHECK_BY_REASON, Comparison, compare
from app.verify.passages import Holding, IndexedSources
from app.verify.profiles import Profile, Weights
from app.verify.same_name import has_name
from app.verify.statement import Statement

BEST_SENTENCES: Final = 3
"""Sentences that a claim is held against together; recall over three told supported claims from
others best on answers to questions."""

FAILED_CHECK_FACTOR: Final = 0.7
"""What a failed number, name or negation check leaves of the held share. Between 0.7 and 0.85 AUROC
moves by less than 1 point on six public sets of claims; 0.4 and 1 are worse by 1 to 3."""


@dataclass(frozen=True, kw_only=True)
class Support:
    """What the sources say about one sentence; `best` are the sentences that hold it best.

    `covered` is the share of its words that those hold, a rare word counting more; `checked` is the
    plain share, lowered for each check that `comparison`, with the closest of them, has failed.
    """

    best: Sequence[int]
    comparison: Comparison | None
    covered: float
    checked: float
    absent: tuple[Reason, ...]
    """Numbers and names that no sentence of any source has."""
    absent_words: frozenset[str]
    """Any other words that none has, as the claim writes them."""
    closest: int | None
    pooled_share: float
    """Plain share of the words that the best hold together, in any form."""
    closest_share: float
    """Plain share of the words that the closest one holds alone."""

    def score(self, weights: Weights) -> float:
        """The chance that a person would call it supported, 0 to 1, where the fit was made."""
        logit = (
            weights["bias"] + weights["covered"] * self.covered + weights["checked"] * self.checked
        )
        return 1 / (1 + math.exp(-logit))


def support_of(text: str, holding: Holding, sources: IndexedSources, needs: Profile) -> Support:
    """The support of one sentence, `text`, whose words stand where `holding` says."""
    best = holding.best(BEST_SENTENCES)
    # Checks cost most of the time, and the sentence that holds most decides.
    closest = max(best, key=lambda index: _held_share(holding, [index]), default=None)
    comparison = (
        None if closest is None else compare(text, [sources.statements[closest].statement], needs)
    )
    reasons = comparison.reasons if comparison else ()
    failed = {CHECK_BY_REASON.get(reason.code) for reason in reasons} - {"coverage"}
    return Support(
        best=best,
        comparison=comparison,
        covered=holding.covered_by(best),
        checked=_held_share(holding, best) * FAILED_CHECK_FACTOR ** len(failed),
        absent=_absent(holding, [sources.statements[index].statement for index in best]),
        absent_words=frozenset(
            token.raw
            for token, credit in zip(holding.tokens, holding.credits, strict=True)
            if not credit
        ),
        closest=closest,
        pooled_share=sum(not credit.keys().isdisjoint(best) for credit in holding.credits)
        / max(1, len(holding.credits)),
        closest_share=0.0 if closest is None else _held_share(holding, [closest]),
    )


def _held_share(holding: Holding, sentences: Sequence[int]) -> float:
    held = sum(any(credit.get(index) == 1.0 for index in sentences) for credit in holding.credits)
    return held / max(1, len(holding.credits))


def _absent(holding: Holding, best: Sequence[Statement]) -> tuple[Reason, ...]:
    return tuple(
        Reason(code="number_missing" if token.measure else "name_missing", detail=token.raw)
        for token, credit in zip(holding.tokens, holding.credits, strict=True)
        if not credit
        and (token.measure is not None or token.is_name)
        and not (token.is_name and any(has_name(each, holding.claim, token) for each in best))
    )
