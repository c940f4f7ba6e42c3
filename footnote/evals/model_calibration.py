"""Finds out from which probability on a grounding model's word is enough, and writes it down.

A claim in other words is shown when the model says that it follows: its threshold is as high as it
takes to keep false claims out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, TypedDict, cast, get_args

from app.answering.review.calibration import Calibration, Meaning, Thresholds
from app.answering.review.grounding_model import GroundingModel, PairClassifier
from app.answering.verify.grounding import ground
from app.answering.verify.profiles import fitted_profiles
from footnote.evals.grounding import prepared
from footnote.evals.grounding_claims import (
    LabelledClaim,
    claims_sha256,
)
from footnote.evals.metrics import auroc, share
from kb.errors import InvalidInput

MAX_FALSE_SHOWN: Final[Mapping[str, float]] = {"balanced": 0.02, "lenient": 0.05}
"""Share of false claims that may pass, by profile."""

_MEANT: Final[Sequence[tuple[Meaning, tuple[str, ...]]]] = (
    ("contradicted", ("contradict", "refut")),
    ("unsupported", ("not_", "not ", "un", "neutral", "hallucinat", "inconsistent", "non")),
    ("supported", ("entail", "support", "consistent", "faithful", "ground")),
)
"""The beginnings of label names by meaning, in the order to try."""


class CalibrationReport(TypedDict):
    """Shares of the true and of the false claims with evidence that are shown."""

    file: str
    claims: int
    auroc: float
    thresholds: dict[str, float]
    true_shown: dict[str, float]
    false_shown: dict[str, float]


def meanings_of(labels: Sequence[str], named: Mapping[str, str]) -> dict[str, Meaning]:
    """The meaning of each label: as named, else by its own name; a single label means `supported`.

    Raises:
        InvalidInput: a label's name says nothing, or what is named is no meaning.
    """
    unknown = sorted(set(named.values()) - set(get_args(Meaning)))
    if unknown:
        raise InvalidInput(f"No meaning: {', '.join(unknown)}. Use {', '.join(get_args(Meaning))}.")
    if len(labels) == 1:
        return {labels[0]: "supported"}
    by_name = {
        label: meaning
        for meaning, starts in reversed(_MEANT)
        for label in labels
        if label.casefold().startswith(starts)
    }
    meant = {**by_name, **named}
    silent = [label for label in labels if not meant.get(label)]
    if silent:
        raise InvalidInput(
            f"What do {', '.join(silent)} mean? Say --label {silent[0]}=supported, and so on."
        )
    # Both sources of meanings hold nothing else.
    return cast("dict[str, Meaning]", {label: meant[label] for label in labels})


def fit_threshold(false: Sequence[float], max_shown: float) -> float:
    """The lowest threshold that lets no more than this share of the false claims pass.

    Raises:
        InvalidInput: there are no false claims.
    """
    if not false:
        raise InvalidInput("False claims are needed to calibrate.")
    highest_first = sorted(false, reverse=True)
    refused = highest_first[int(max_shown * len(false))]
    # Rounded up, so that the claim it comes from stays out.
    return min(max(math.floor(refused * 10_000 + 1) / 10_000, 0.0001), 1.0)


def fit_calibration(
    classifier: PairClassifier, claims: Sequence[LabelledClaim], *, labels: Mapping[str, Meaning]
) -> tuple[Calibration, CalibrationReport]:
    """The calibration of a model, and what its word is worth on these claims."""
    unfitted = Calibration(
        version="2",
        labels=labels,
        thresholds=Thresholds(balanced=1.0, lenient=1.0),
        data_sha256=claims_sha256(list(claims)),
    )
    model = GroundingModel(classifier=classifier, calibration=unfitted)
    # Each claim with the sentences of its text that hold some of it; those without are left out.
    profiles = fitted_profiles()
    pairs, are_supported = [], []
    for claim in sorted(claims, key=lambda each: each.context):
        found = ground(claim.claim, prepared(claim.context), profiles, "balanced")
        quotes = dict.fromkeys(citation.quote for citation in found.citations)
        if quotes:
            pairs.append(("\n".join(quotes), claim.claim))
            are_supported.append(claim.is_supported)

    told = list(zip(model.probabilities(pairs).tolist(), are_supported, strict=True))
    true = [chance for chance, is_supported in told if is_supported]
    false = [chance for chance, is_supported in told if not is_supported]
    thresholds = {
        name: fit_threshold(false, max_shown) for name, max_shown in MAX_FALSE_SHOWN.items()
    }
    fitted = replace(
        unfitted,
        thresholds=Thresholds(**thresholds),
        fitted_on=datetime.now(UTC).date().isoformat(),
    )
    return fitted, CalibrationReport(
        file="",
        claims=len(told),
        # A high probability is a low risk: what is unsupported counts as positive.
        auroc=auroc([-each for each in false], [-each for each in true]),
        thresholds=thresholds,
        true_shown={n: share([each >= t for each in true]) for n, t in thresholds.items()},
        false_shown={n: share([each >= t for each in false]) for n, t in thresholds.items()},
    )
