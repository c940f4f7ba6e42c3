"""A cross-encoder tuned for grounding as a reader of claims in other words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from app.answering.claims import Reason
from app.answering.review.calibration import Calibration, find_calibration
from app.answering.verify.grounding import GroundedClaim
from app.answering.verify.profiles import ProfileName
from app.answering.verify.read import Opinion, ToRead
from kb.errors import ModelUnavailable
from models.grounding_model import CrossEncoderOutputs

NAME: Final = "grounding_model"
"""As it is named where it has read a claim."""

NOT_PROVED: Final = Reason(code="not_proved", detail=NAME)


class PairClassifier(Protocol):
    """A cross-encoder that scores pairs of a text and a claim."""

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
        """Raises ModelUnavailable unless the file explains all labels of the model and no other."""
        explained, labels = self.calibration.labels, self.classifier.labels
        if sorted(explained) != sorted(labels):
            raise ModelUnavailable(
                "The calibration of the grounding model must explain its labels "
                f"{', '.join(labels)}, and explains {', '.join(explained)}."
            )
        if "supported" not in explained.values():
            raise ModelUnavailable(
                "The calibration of the grounding model has no label that means 'supported'."
            )

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """(n,) float32, 0 to 1: that each claim follows from its text.

        0 for an output that is no number.
        """
        logits = self.classifier.logits(pairs)
        if logits.shape[1] == 1:
            chances = 1 / (1 + np.exp(-np.clip(logits[:, 0], -50, 50)))
        else:
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            meant = [self.calibration.labels[label] for label in self.classifier.labels]
            supporting = np.array([meaning == "supported" for meaning in meant])
            chances = weights[:, supporting].sum(axis=1) / weights.sum(axis=1)
        return np.nan_to_num(np.asarray(chances, dtype=np.float32), nan=0.0)

    def threshold(self, profile: ProfileName) -> float | None:
        """The probability from which on its word is enough; None where no model's is."""
        match profile:
            case "strict":
                return None
            case "balanced":
                return self.calibration.thresholds.balanced
            case "lenient":
                return self.calibration.thresholds.lenient
            case _:
                assert_never(profile)

    def review(self, claims: Sequence[GroundedClaim], profile: ProfileName) -> list[GroundedClaim]:
        """The claims in order, those that can be checked with the model's score and verdict.

        What a rule says is contradicted stays so: a model misses numbers.
        """
        threshold = self.threshold(profile)
        checkable = [claim for claim in claims if claim.citations]
        if threshold is None or not checkable:
            return list(claims)
        pairs = [
            ("\n".join(dict.fromkeys(quote.quote for quote in claim.citations)), claim.text)
            for claim in checkable
        ]
        probabilities = iter(self.probabilities(pairs).tolist())
        reviewed: list[GroundedClaim] = []
        for claim in claims:
            if not claim.citations:
                reviewed.append(claim)
                continue
            probability = next(probabilities)
            if claim.verdict == "contradicted":
                reviewed.append(replace(claim, score=min(claim.score, probability)))
            elif probability >= threshold:
                reviewed.append(replace(claim, verdict="supported", score=probability, reasons=()))
            else:
                reasons = claim.reasons or (NOT_PROVED,)
                reviewed.append(
                    replace(claim, verdict="unsupported", score=probability, reasons=reasons)
                )
        return reviewed


@dataclass(frozen=True, kw_only=True)
class GroundingModelReader:
    """The model as the reader of one answer's claims."""

    model: GroundingModel
    threshold: float
    name: str = NAME
    """As it is named in `verification.reader`."""

    async def read(self, claims: Sequence[ToRead]) -> Sequence[Opinion]:
        """An opinion for each claim, in order; one pass of the model for each."""
        texts = ["\n".join(filter(None, (each.background, each.evidence))) for each in claims]
        pairs = [(text, each.claim) for text, each in zip(texts, claims, strict=True)]
        if not pairs:
            return []
        found = await asyncio.to_thread(self.model.probabilities, pairs)
        return [
            Opinion(is_supported=chance >= self.threshold, probability=chance)
            for chance in found.tolist()
        ]


def load_grounding_model(setting: str) -> GroundingModel:
    """The model that FOOTNOTE_GROUNDING_MODEL names; takes seconds.

    Raises:
        ModelUnavailable: it has no calibration, or one of another model, or cannot be loaded.
    """
    found = find_calibration(setting)
    return GroundingModel(
        classifier=CrossEncoderOutputs(found.model), calibration=found.calibration
    )
