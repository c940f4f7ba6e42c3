"""What the judged claims come to: the status of the answer, its reason, and what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.answering.claims import VerifiedClaim
from app.answering.disagreement import Disagreement, Side, newer
from app.answering.generate.drafting import Generation
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
    """How a question ended. `handover`: why a person should take over."""

    status: AnswerStatus
    reason: AnswerReason | None = None
    clarifying_question: str | None = None
    conflict: ShownConflict | None = None
    handover: str | None = None


def settle(
    generation: Generation,
    claims: Sequence[VerifiedClaim],
    *,
    conflict: ShownConflict | None,
    asked_back: str | None,
) -> Outcome:
    """The outcome of what was generated; a sentence that claims nothing counts neither way.

    A question back that may not be shown leaves an answer without evidence, as does an output that
    cannot be read: nothing of it was there to be verified.
    """
    if generation.status == "needs_clarification" and asked_back is not None:
        return Outcome(status="needs_clarification", clarifying_question=asked_back)
    if generation.status in {None, "unsupported", "needs_clarification"}:
        return Outcome(status="unsupported", reason="insufficient_evidence")
    checkable = [claim for claim in claims if not is_no_claim(claim)]
    supported = [claim for claim in checkable if claim.verdict == "supported"]
    if not supported:
        return Outcome(status="unsupported", reason="verification_failed")
    if conflict is not None:
        return Outcome(status="conflicting", conflict=conflict)
    is_whole = len(supported) == len(checkable) and not generation.lost
    return Outcome(status="answered" if is_whole else "partially_supported")


def conflict_of(
    disagreement: Disagreement | None, claims: Sequence[VerifiedClaim]
) -> ShownConflict | None:
    """The conflict as far as it is proved: None unless both sides are among the proved claims."""
    if disagreement is None or not disagreement.is_conflict:
        return None
    first, second = (_claim_of(side, claims) for side in (disagreement.first, disagreement.second))
    if first is None or second is None:
        return None
    later = newer(disagreement.first, disagreement.second)
    return ShownConflict(
        sides=(first, second),
        newer=None if later is None else int(later is disagreement.second),
    )


def question_back(disagreement: Disagreement) -> str:
    """Asks which of the cases is meant, in the words of the sources."""
    first, second = (" ".join(case) for case in disagreement.cases)
    return f"Which one do you mean: {first} or {second}?"


def _claim_of(side: Side, claims: Sequence[VerifiedClaim]) -> VerifiedClaim | None:
    found = (
        claim
        for claim in claims
        if claim.verdict == "supported"
        and any(
            citation.source == side.source_id and side.text in citation.quote
            for citation in claim.citations
        )
    )
    return next(found, None)
