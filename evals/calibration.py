"""Fits the support score and its thresholds to labelled claims."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.linear_model import (  # type: ignore[import-untyped]  # ships no type information
    LogisticRegression,
)

from app.verify.claim_text import clean_claim, is_claim, whole_statement
from app.verify.grounding import split_answer
from app.verify.passages import IndexedSources, hold
from app.verify.profiles import Fitted, Profile, ProfileName, Weights
from app.verify.support import support_of
from evals.grounding import prepared
from evals.grounding_claims import LabelledClaim, claims_sha256

ALLOWED_FALSE_ALARMS: Final[Mapping[ProfileName, float]] = {"balanced": 0.08, "lenient": 0.03}
"""Share of supported claims, mean over the sets, that a threshold on the score may flag. `strict`
is left alone: there the score supports nothing."""

Shares = Sequence[tuple[float, float]]
"""For each claim its covered and its checked share."""


def fit_profiles(claims: Sequence[LabelledClaim], before: Fitted, *, version: str) -> Fitted:
    """Weights and thresholds from these claims; what is no threshold of the score stays as it was.

    Every set, and in it either kind, weighs the same, so that no large set decides alone.
    ValueError when all claims are of one kind.
    """
    shares = shares_of(claims, before["profiles"]["balanced"])
    labels = [claim.is_supported for claim in claims]
    weights = _fit(shares, labels, [claim.dataset for claim in claims])
    scores = [score_of(each, weights) for each in shares]
    profiles: dict[ProfileName, Profile] = dict(before["profiles"])
    for name, allowed in ALLOWED_FALSE_ALARMS.items():
        threshold = _threshold(scores, claims, allowed)
        profiles[name] = {**profiles[name], "min_score": round(threshold, 3)}
    return Fitted(
        version=version,
        data_sha256=claims_sha256(list(claims)),
        sets=sorted({claim.dataset for claim in claims}),
        weights=weights,
        profiles=profiles,
    )


def write_profiles(fitted: Fitted, path: Path) -> None:
    """Writes the file that the verifier reads."""
    path.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")


def shares_of(claims: Sequence[LabelledClaim], needs: Profile) -> list[tuple[float, float]]:
    """Covered and checked share of each claim, the mean over its sentences."""
    context, sources = None, IndexedSources([])
    found = []
    for claim in claims:
        if claim.context != context:
            context, sources = claim.context, prepared(claim.context)
        pairs = _sentence_shares(claim.claim, sources, needs) or [(0.0, 0.0)]
        found.append(
            (
                sum(covered for covered, _ in pairs) / len(pairs),
                sum(checked for _, checked in pairs) / len(pairs),
            )
        )
    return found


def score_of(shares: tuple[float, float], weights: Weights) -> float:
    """The score that the verifier gives a claim of these shares."""
    logit = weights["bias"] + weights["covered"] * shares[0] + weights["checked"] * shares[1]
    return float(1 / (1 + np.exp(-logit)))


def _sentence_shares(
    claim: str, sources: IndexedSources, needs: Profile
) -> list[tuple[float, float]]:
    texts = [clean_claim(sentence) for sentence in split_answer(claim)]
    supports = [
        support_of(text, hold(whole_statement(text), sources), sources, needs)
        for text in texts
        if is_claim(text)
    ]
    return [(support.covered, support.checked) for support in supports]


def _fit(shares: Shares, labels: Sequence[bool], datasets: Sequence[str]) -> Weights:
    if len(set(labels)) == 1:
        raise ValueError("Claims of both kinds are needed.")
    groups = list(zip(datasets, labels, strict=True))
    importance = np.array([1 / groups.count(group) for group in groups])
    model = LogisticRegression()
    model.fit(np.array(shares), np.array(labels), sample_weight=importance * len(groups))
    covered, checked = (float(weight) for weight in model.coef_[0])
    return Weights(
        bias=round(float(model.intercept_[0]), 4),
        covered=round(covered, 4),
        checked=round(checked, 4),
    )


def _threshold(scores: Sequence[float], claims: Sequence[LabelledClaim], allowed: float) -> float:
    """The mean over the sets of the score under which the allowed share of supported claims is."""
    by_set: dict[str, list[float]] = {}
    for score, claim in zip(scores, claims, strict=True):
        if claim.is_supported:
            by_set.setdefault(claim.dataset, []).append(score)
    return float(np.mean([np.quantile(each, allowed) for each in by_set.values()]))
