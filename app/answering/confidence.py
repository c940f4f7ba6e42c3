"""Why an answer is as it is, in one sentence that names what was seen.

Counts of claims, quotes and documents are told as they are; everything graded is told in words,
since a figure would be taken for the chance that the answer is right.
"""

import math
from collections.abc import Sequence
from typing import Final

from app.answering.abstention import packaged_model
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.pipeline import Answered

_Levels = Sequence[tuple[float, str]]
"""The words for a value, each from its bound on, highest first."""

COVERAGE: Final[_Levels] = ((0.99, "all"), (2 / 3, "most"), (1 / 3, "some"), (0.0, "few"))
"""Shares of the question's words by weight, in thirds."""

ANSWER: Final[_Levels] = (
    (0.75, "likely"),
    (0.5, "more likely than not"),
    (0.25, "possible"),
    (0.0, "unlikely"),
)
"""Quarters of the calibrated probability that the passages hold an answer."""

CLOSENESS: Final[_Levels] = (
    (1.0, "very close to it"),
    (0.0, "close to it"),
    (-1.0, "only related to it"),
    (-math.inf, "about something else"),
)
"""Deviations of the best cosine from its mean, as `footnote eval abstention --fit` found them."""

SURENESS: Final[_Levels] = ((0.9, "sure"), (0.7, "fairly sure"), (0.0, "unsure"))
"""Of its words, by the mean (geometric) probability of the model's tokens. Plain bounds, fitted to
nothing: whether a claim is shown never depends on them."""


def confidence_reason(answered: Answered) -> str:
    """The observed evidence in words."""
    match answered.outcome.status:
        case "blocked":
            return "The question was refused before anything was looked up."
        case "escalate":
            return "The tenant's policy wants a person to answer."
        case "unsupported" if not answered.evidence:
            return _without_evidence(answered)
        case "needs_clarification":
            return f"The sources answer more than one reading; {_best(answered)}."
        case "unsupported":
            return _unsupported(answered)
        case _:
            return _supported(answered)


def _without_evidence(answered: Answered) -> str:
    if answered.retrieved is None or not answered.retrieved.context.sources:
        return "No passage that could be read says anything on the question."
    return (
        "No passage that was found is about all that the question names and holds the thing that "
        "it asks for."
    )


def _unsupported(answered: Answered) -> str:
    best = _best(answered)
    match answered.outcome.reason:
        case "stale_evidence":
            return f"Only documents out of force would answer; of those in force, {best}."
        case "verification_failed":
            removed = _counted(len(answered.claims), "claim")
            return f"Of {removed}, no quote proved one; {best}{_sureness(answered)}."
        case _:
            return f"The evidence is too weak: {best}{_sureness(answered)}."


def _supported(answered: Answered) -> str:
    citations = [citation for claim in answered.supported for citation in claim.citations]
    exact = sum(citation.method == "exact" for citation in citations)
    documents = len({citation.passage.document_id for citation in citations})
    proved = (
        f"{len(answered.supported)} of {_counted(len(answered.claims), 'claim')} proved by "
        f"{_counted(len(citations), 'quote')} ({exact} word for word) from "
        f"{_counted(documents, 'document')}"
    )
    seen = f"; {_best(answered)}" if answered.evidence else ""
    return f"{proved}{seen}{_sureness(answered)}."


def _best(answered: Answered) -> str:
    best = answered.evidence[0]
    return (
        f"the best sentence holds {_level(best.coverage, COVERAGE)} of the question's words and is "
        f"{_level(_deviations(best), CLOSENESS)}; an answer in these passages is "
        f"{_level(answered.evidence_probability, ANSWER)}"
    )


def _deviations(evidence: SentenceEvidence) -> float:
    usual = packaged_model()["signals"]["best_cosine"]
    return (evidence.cosine - usual["mean"]) / usual["deviation"]


def _sureness(answered: Answered) -> str:
    mean_logprob = answered.generation.mean_logprob
    if mean_logprob is None:
        return ""
    return f"; the model was {_level(math.exp(mean_logprob), SURENESS)} of its words"


def _level(value: float, levels: _Levels) -> str:
    return next((word for bound, word in levels if value >= bound), levels[-1][1])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
