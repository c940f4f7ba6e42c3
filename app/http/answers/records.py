"""What is stored of an answer, with all that determined it.

Of what the assistant said earlier in the conversation no word is stored: these are words of
documents that have to go with them, and nobody can tell which documents these were.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict
from uuid import UUID

from app.answering.claims import VerifiedClaim
from app.answering.fingerprint import fingerprint_answer
from app.answering.pipeline import Answered
from app.http.answers.present import AcceptedRequest, answer_out, shown_documents
from app.http.answers.schemas import AnswerRequest, Checks, ReplacedDraft
from app.resources import Resources
from kb.store.answers import AnswerRecord

NO_DOCUMENTS: Final[frozenset[UUID]] = frozenset()


def running_record(accepted: AcceptedRequest) -> AnswerRecord:
    """The record of an answer that is about to be made."""
    caller = accepted.caller
    return AnswerRecord(
        id=accepted.answer_id,
        subject=caller.subject,
        principals=caller.principals,
        request=_kept_request(accepted.request),
        response={},
        status="running",
        generation=0,
        created_at=accepted.now,
        cited_document_ids=NO_DOCUMENTS,
    )


def answer_record(
    resources: Resources, accepted: AcceptedRequest, answered: Answered
) -> AnswerRecord:
    """The record of an answer that was made; it is counted in the metrics."""
    caller = accepted.caller
    answer = answer_out(answered, accepted)
    resources.metrics.count_answer(status=answer.status, reason=answer.reason)
    if answered.draft_report.failure is not None:
        resources.metrics.count_unusable_draft(answered.draft_report.failure)
    seconds_by_stage = {stage: each / 1000 for stage, each in answered.timings_ms.items()}
    resources.metrics.observe_stages(seconds_by_stage, prefix="answer_")
    return AnswerRecord(
        id=accepted.answer_id,
        subject=caller.subject,
        principals=caller.principals,
        request=_kept_request(accepted.request),
        response=answer.model_dump(mode="json"),
        status=answer.status,
        generation=answer.generation,
        created_at=answer.created_at,
        cited_document_ids=shown_documents(answered, answer),
        trace=_trace(answered, accepted.request),
    )


def _kept_request(request: AnswerRequest) -> Mapping[str, object]:
    """The request, in which a hash stands for what the assistant said."""
    kept = request.model_dump(mode="json")
    if request.history is not None:
        kept["history"] = [
            turn.model_dump(mode="json")
            if turn.role == "user"
            else {
                "role": turn.role,
                "content_sha256": hashlib.sha256(turn.content.encode()).hexdigest(),
            }
            for turn in request.history
        ]
    return kept


def _trace(answered: Answered, request: AnswerRequest) -> Mapping[str, object]:
    """Everything that determined the answer and is not part of the response."""
    has_said = any(turn.role == "assistant" for turn in request.history or ())
    report, run, retrieved = answered.draft_report, answered.run, answered.retrieved
    trace: dict[str, object] = {
        "checks": list(answered.checks),
        "tier": report.tier,
        "lost": report.lost,
        "failure": report.failure,
        "mean_logprob": report.mean_logprob,
        "left_out": [
            {"source": each.source_id, "start": each.span.start, "end": each.span.end}
            for each in report.left_out
        ],
        "claims": [_claim_record(claim, has_said=has_said) for claim in answered.claims],
        "rejected": [
            [reason.code for reason in claim.reasons]
            for claim in answered.claims
            if claim.verdict != "supported"
        ],
        "conversation": None,
    }
    if run is not None and retrieved is not None:
        conversation = run.question.conversation
        trace["release"] = run.release.record()
        trace["fingerprint"] = fingerprint_answer(
            run.caller.tenant_id,
            run.caller.principals,
            generation=retrieved.retrieval.generation,
            release=run.release,
            question=run.question,
        )
        if conversation is not None:
            trace["conversation"] = {
                "bearing": conversation.bearing,
                "signs": list(conversation.signs),
            }
    return trace


class _ClaimRecord(TypedDict):
    """The words of a claim that only the record of an answer shows: those of the model."""

    text: NotRequired[str]
    draft: NotRequired[dict[str, object]]


def _claim_record(claim: VerifiedClaim, *, has_said: bool) -> _ClaimRecord:
    """The claim's text, removed or not, and the sentence that it took the place of.

    Once the assistant `has_said` something before, no word that nothing proves: a model may repeat
    it in words of its own.
    """
    record = _ClaimRecord()
    if claim.verdict == "supported" or not has_said:
        record["text"] = claim.text
    draft = claim.draft
    if draft is not None and not has_said:
        record["draft"] = ReplacedDraft(
            text=draft.text, verdict=draft.verdict, checks=Checks(**draft.checks)
        ).model_dump(mode="json")
    return record
