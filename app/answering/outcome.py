"""The outcome of an answer: its status, the reason for it, and what it shows besides its claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from app.answering.claims import VerifiedClaim
from app.answering.context import Context
from app.answering.disagreement import Disagreement, newer
from app.answering.drafts import VerifiedDraft
from app.answering.guard.question_back import may_ask_back
from app.answering.question.question import Question
from app.answering.verify.verify import is_no_claim

AnswerStatus = Literal[
    "answered",
    "partially_supported",
    "unsupported",
    "conflicting",
    "needs_clarification",
    "escalate",
    "blocked",
]
AnswerReason = Literal[
    "no_results",
    "low_relevance",
    "insufficient_evidence",
    "verification_failed",
    "stale_evidence",
    "out_of_scope",
    "policy",
    "injection_detected",
]


@dataclass(frozen=True, kw_only=True)
class ShownConflict:
    """Two proved claims that cannot both hold.

    `newer` is the index (0 or 1) of the side that took effect later or was updated later.
    """

    sides: tuple[VerifiedClaim, VerifiedClaim]
    newer: int | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a question. `handover` is the reason for a person to take over."""

    status: AnswerStatus
    reason: AnswerReason | None = None
    clarifying_question: str | None = None
    conflict: ShownConflict | None = None
    handover: str | None = None


def decide_outcome(
    question: Question,
    context: Context,
    draft: VerifiedDraft,
    disagreement: Disagreement | None,
) -> Outcome:
    """The outcome of a draft; a sentence that claims nothing counts neither way.

    A question back that may not be shown leaves an answer without evidence, as does an output that
    cannot be read: nothing of it was there to be verified.
    """
    status = draft.report.status
    match status:
        case "needs_clarification":
            asked_back = _shown_question_back(question, context, draft)
            if asked_back is not None:
                return Outcome(status="needs_clarification", clarifying_question=asked_back)
            return Outcome(status="unsupported", reason="insufficient_evidence")
        case "unsupported" | None:
            return Outcome(status="unsupported", reason="insufficient_evidence")
        case "answered":
            checkable = [claim for claim in draft.last_claims if not is_no_claim(claim)]
            supported = [claim for claim in checkable if claim.verdict == "supported"]
            if not supported:
                return Outcome(status="unsupported", reason="verification_failed")
            conflict = _shown_conflict(disagreement, draft.claims)
            if conflict is not None:
                return Outcome(status="conflicting", conflict=conflict)
            is_whole = len(supported) == len(checkable) and not draft.report.lost
            return Outcome(status="answered" if is_whole else "partially_supported")
        case _:
            assert_never(status)


def ask_which_is_meant(disagreement: Disagreement) -> Outcome:
    """The outcome that asks which of the cases is meant, in the words of the sources."""
    first, second = (" ".join(case) for case in disagreement.cases)
    question = f"Which one do you mean: {first} or {second}?"
    return Outcome(status="needs_clarification", clarifying_question=question)


def _shown_question_back(question: Question, context: Context, draft: VerifiedDraft) -> str | None:
    """The model's question if it only asks back, in words of the conversation or of the sources."""
    asked_back = draft.report.clarifying_question
    said = " ".join([*(turn.content for turn in question.history), question.text])
    sources = [source.passage.text for source in context.sources]
    is_shown = asked_back is not None and may_ask_back(asked_back, question=said, sources=sources)
    return asked_back if is_shown else None


def _shown_conflict(
    disagreement: Disagreement | None, claims: Sequence[VerifiedClaim]
) -> ShownConflict | None:
    """The conflict as far as it is proved: None unless both sides are among the proved claims."""
    if disagreement is None or not disagreement.is_conflict:
        return None
    sides = (disagreement.first, disagreement.second)
    first, second = (
        next(
            (
                claim
                for claim in claims
                if claim.verdict == "supported"
                and any(
                    citation.source == side.source_id and side.text in citation.quote
                    for citation in claim.citations
                )
            ),
            None,
        )
        for side in sides
    )
    if first is None or second is None:
        return None
    later = newer(*sides)
    return ShownConflict(
        sides=(first, second), newer=None if later is None else int(later is disagreement.second)
    )
