"""Fits the support score and its thresholds to labelled claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from app.answering.verify.grounding import Feature, score_of, supports_of
from app.answering.verify.profiles import Fitted, Profile, ProfileName, Weights
from footnote.evals.grounding import prepared
from footnote.evals.grounding_claims import LabelledClaim, claims_sha256

LENIENT_FALSE_ALARMS: Final = 0.03
"""Share of supported claims, mean over the sets, that the lenient threshold on the score flags. The
balanced one is where balanced accuracy, mean over the sets, is highest; in the strict profile the
score supports nothing."""

STEPS: Final = np.arange(0.2, 0.8, 0.005)
"""Thresholds tried."""


FEATURES: Final[Sequence[Feature]] = ("held", "veto")


@dataclass(frozen=True, kw_only=True)
class WeighedClaim:
    """A labelled claim with the features of its score; `is_decided`: no score supports it."""

    dataset: str
    is_supported: bool
    features: dict[Feature, float]
    is_decided: bool


def fit_profiles(claims: Sequence[LabelledClaim], before: Fitted, *, version: str) -> Fitted:
    """Weights and thresholds from these claims; what is no threshold of the score stays as it was.

    Every set, and in it either kind, weighs the same, so that no large set decides alone.
    ValueError when all claims are of one kind.
    """
    weighed = weigh_claims(claims)
    weights = fit_weights(weighed)
    sets = _by_set(weighed)
    scores_by_set = [
        [score_of(claim.features, weights) for claim in own if claim.is_supported]
        for own in sets.values()
    ]
    flagging = [np.quantile(scores, LENIENT_FALSE_ALARMS) for scores in scores_by_set if scores]
    thresholds: Mapping[ProfileName, float] = {
        "balanced": most_accurate(weighed, weights),
        "lenient": float(np.mean(flagging)),
    }
    profiles: dict[ProfileName, Profile] = dict(before["profiles"])
    for name, threshold in thresholds.items():
        profiles[name] = {**profiles[name], "min_score": round(threshold, 3)}

    # Balanced accuracy on each set when weights and threshold are fitted to the other sets.
    held_out = {}
    for dataset, own in sorted(sets.items()):
        rest = [claim for claim in weighed if claim.dataset != dataset]
        if all(len({claim.is_supported for claim in part}) > 1 for part in (own, rest)):
            others = fit_weights(rest)
            accuracy = _accuracy(*_limits(own, others), most_accurate(rest, others))
            held_out[dataset] = round(accuracy, 4)
    return Fitted(
        version=version,
        data_sha256=claims_sha256(list(claims)),
        sets=sorted(sets),
        weights=weights,
        held_out=held_out,
        profiles=profiles,
    )


def weigh_claims(claims: Sequence[LabelledClaim]) -> list[WeighedClaim]:
    """The features of each claim; consecutive claims on one source share its preparation.

    The features of several sentences are their means, and one that is decided decides.
    """
    found = []
    for claim in claims:
        supports = supports_of(claim.claim, prepared(claim.context))
        found.append(
            WeighedClaim(
                dataset=claim.dataset,
                is_supported=claim.is_supported,
                features={
                    name: sum(each.features[name] for each in supports) / max(1, len(supports))
                    for name in FEATURES
                },
                is_decided=not supports or any(each.is_decided for each in supports),
            )
        )
    return found


def fit_weights(claims: Sequence[WeighedClaim]) -> Weights:
    """The weights of the score; ValueError when all claims are of one kind."""
    labels = [claim.is_supported for claim in claims]
    if len(set(labels)) == 1:
        raise ValueError("Claims of both kinds are needed.")
    groups = [(claim.dataset, claim.is_supported) for claim in claims]
    importance = np.array([1 / groups.count(group) for group in groups])
    model = LogisticRegression()
    features = np.array([[claim.features[name] for name in FEATURES] for claim in claims])
    model.fit(features, np.array(labels), sample_weight=importance * len(groups))
    held, veto = (round(float(weight), 4) for weight in model.coef_[0])
    return Weights(bias=round(float(model.intercept_[0]), 4), held=held, veto=veto)


def most_accurate(claims: Sequence[WeighedClaim], weights: Weights) -> float:
    """The threshold of the highest balanced accuracy, mean over the sets that have both kinds."""
    limits = [_limits(found, weights) for found in _by_set(claims).values()]
    both = [each for each in limits if all(map(len, each))]
    return float(max(STEPS, key=lambda step: np.mean([_accuracy(*each, step) for each in both])))


def _by_set(claims: Sequence[WeighedClaim]) -> dict[str, list[WeighedClaim]]:
    found: dict[str, list[WeighedClaim]] = {}
    for claim in claims:
        found.setdefault(claim.dataset, []).append(claim)
    return found


def _limits(claims: Sequence[WeighedClaim], weights: Weights) -> tuple[list[float], list[float]]:
    """The highest thresholds that support a claim, below 0 for none: of true, of false claims."""
    limits: dict[bool, list[float]] = {True: [], False: []}
    for claim in claims:
        limit = -1.0 if claim.is_decided else score_of(claim.features, weights)
        limits[claim.is_supported].append(limit)
    return limits[True], limits[False]


def _accuracy(supported: Sequence[float], unsupported: Sequence[float], threshold: float) -> float:
    kept = float(np.mean(np.array(supported) >= threshold))
    caught = float(np.mean(np.array(unsupported) < threshold))
    return (kept + caught) / 2
