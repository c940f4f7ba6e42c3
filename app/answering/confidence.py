"""The reason for an answer's status, in one sentence that names what was observed.

Counts of claims, quotes and documents stand there as numbers. Whatever is graded stands in words,
because a reader would take a figure for the chance that the answer is right.
"""

import math
from collections.abc import Sequence
from typing import Final, assert_never

from app.answering.abstention import fitted_model
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
    status = answered.outcome.status
    match status:
        case "blocked":
            return "The question was refused before anything was looked up."
        case "escalate":
            return "The tenant's policy wants a person to answer."
        case "needs_clarification":
            return f"The sources answer more than one reading; {_best(answered)}."
        case "unsupported":
            return _unsupported(answered)
        case "answered" | "partially_supported" | "conflicting":
            supported = answered.supported
            citations = [citation for claim in supported for citation in claim.citations]
            exact = sum(citation.method == "exact" for citation in citations)
            documents = len({citation.passage.document_id for citation in citations})
            return (
                f"{len(supported)} of {_counted(len(answered.claims), 'claim')} proved by "
                f"{_counted(len(citations), 'quote')} ({exact} word for word) from "
                f"{_counted(documents, 'document')}; {_best(answered)}{_sureness(answered)}."
            )
        case _:
            assert_never(status)


def _unsupported(answered: Answered) -> str:
    retrieved, reason = answered.retrieved, answered.outcome.reason
    if retrieved is None or not retrieved.context.sources:
        return "No passage that could be read says anything on the question."
    if not retrieved.evidence:
        return (
            "No passage that was found is about all that the question names and holds the thing "
            "that it asks for."
        )
    best = _best(answered)
    match reason:
        case "stale_evidence":
            return f"Only documents out of force would answer; of those in force, {best}."
        case "verification_failed":
            removed = _counted(len(answered.claims), "claim")
            return f"Of {removed}, no quote proved one; {best}{_sureness(answered)}."
        case "no_results" | "low_relevance" | "insufficient_evidence" | None:
            return f"The evidence is too weak: {best}{_sureness(answered)}."
        case "out_of_scope" | "policy" | "injection_detected":
            raise ValueError(f"{reason!r} is no reason of an unsupported answer")
        case _:
            assert_never(reason)


def _best(answered: Answered) -> str:
    """The best piece and how well it answers; outcomes that name it are decided from one."""
    assert answered.retrieved is not None  # noqa: S101 - else nothing could be found
    best = answered.retrieved.evidence[0]
    tuning = answered.retrieved.retrieval.embedder.tuning
    usual = fitted_model(tuning)["signals"]["best_cosine"]
    deviations = (best.cosine - usual["mean"]) / usual["deviation"]
    return (
        f"the best sentence holds {_level(best.coverage, COVERAGE)} of the question's words and is "
        f"{_level(deviations, CLOSENESS)}; an answer in these passages is "
        f"{_level(answered.retrieved.evidence_probability, ANSWER)}"
    )


def _sureness(answered: Answered) -> str:
    mean_logprob = answered.draft_report.mean_logprob
    if mean_logprob is None:
        return ""
    return f"; the model was {_level(math.exp(mean_logprob), SURENESS)} of its words"


def _level(value: float, levels: _Levels) -> str:
    return next((word for bound, word in levels if value >= bound), levels[-1][1])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
