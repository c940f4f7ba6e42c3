"""A tuned cross-encoder looks again at claims that passed the hard checks.

It can take support away and label what it thinks; it gives support to nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.claims import Checks, Reason, VerifiedCitation, VerifiedClaim
from app.second_opinion.calibration import Calibration, check_labels, find_calibration
from app.verify.grounding import GroundedClaim
from kb.grounding_model import CrossEncoderOutputs

REASON: Final = Reason(code="second_opinion", detail="grounding_model")

_Claim = TypeVar("_Claim", VerifiedClaim, GroundedClaim)


class PairClassifier(Protocol):
    """What is needed of a cross-encoder."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its outputs, in order."""
        ...

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """(n, labels) float32 of each text and claim."""
        ...


@dataclass(frozen=True, kw_only=True)
class GroundingModel:
    """A cross-encoder and its calibration."""

    classifier: PairClassifier
    calibration: Calibration

    def __post_init__(self) -> None:
        """Raises ModelUnavailable when the calibration is of another model."""
        check_labels(self.calibration, self.classifier.labels)

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """(n,) float32, 0 to 1: that each text supports its claim."""
        logits = self.classifier.logits(pairs)
        if logits.shape[1] == 1:
            chances = 1 / (1 + np.exp(-np.clip(logits[:, 0], -50, 50)))
        else:
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            meant = [self.calibration.labels[label] for label in self.classifier.labels]
            supporting = np.array([meaning == "supported" for meaning in meant])
            chances = weights[:, supporting].sum(axis=1) / weights.sum(axis=1)
        return np.asarray(chances, dtype=np.float32)

    def review(self, claims: Sequence[_Claim]) -> list[_Claim]:
        """The claims in order; the supported ones with the model's opinion, or without support.

        Costs as many passes of the model as there are supported claims.
        """
        supported = [claim for claim in claims if claim.verdict == "supported"]
        pairs = [(_evidence(claim.citations), claim.text) for claim in supported]
        opinions = iter(self.probabilities(pairs).tolist() if pairs else [])
        return [
            self._labelled(claim, next(opinions)) if claim.verdict == "supported" else claim
            for claim in claims
        ]

    def _labelled(self, claim: _Claim, probability: float) -> _Claim:
        # A broken model may say `not a number`, which is no score and agrees with nothing.
        probability = 0.0 if math.isnan(probability) else probability
        agrees = probability >= self.calibration.threshold
        citations = tuple(
            replace(each, checks=Checks(**{**each.checks, "grounding_model": agrees}))
            for each in claim.citations
        )
        if agrees:
            return replace(claim, citations=citations)
        return replace(
            claim,
            verdict="unsupported",
            # Below one half, as for all claims without support.
            score=probability / self.calibration.threshold / 2,
            citations=citations,
            reasons=(*claim.reasons, REASON),
        )


def load_grounding_model(setting: str) -> GroundingModel:
    """The model that FOOTNOTE_GROUNDING_MODEL names; takes seconds.

    Raises:
        ModelUnavailable: it has no calibration, or one of another model, or cannot be loaded.
    """
    found = find_calibration(setting)
    return GroundingModel(
        classifier=CrossEncoderOutputs(found.model), calibration=found.calibration
    )


def _evidence(citations: Sequence[VerifiedCitation]) -> str:
    return "\n".join(dict.fromkeys(citation.quote for citation in citations))
