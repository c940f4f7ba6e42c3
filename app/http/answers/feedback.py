"""Feedback on answers: taken from whoever may read one, shown with its record."""

from typing import Final

from app.http.answers.schemas import Feedback, FeedbackRequest
from app.http.idempotency import Remember, do_once, request_digest
from app.identity import Caller
from app.resources import Resources
from kb.ids import AnswerId
from kb.postgres.database import TenantSession, retried
from kb.store import answer_feedback
from kb.store.answer_feedback import Opinion, list_feedback, store_feedback
from kb.store.answers import StoredAnswer, read_answer
from kb.store.audit import record_event
from kb.store.idempotency import StoredResponse

ROUTE = "POST /v1/answers/{id}/feedback"
TIMES: Final = {"created_at", "updated_at"}
"""Of the response, what the request does not say."""


async def give_feedback(
    resources: Resources,
    caller: Caller,
    answer_id: AnswerId,
    request: FeedbackRequest,
    *,
    idempotency_key: str | None,
) -> Feedback:
    """The stored feedback; AnswerNotFound unless the caller could get the answer today."""
    opinion = Opinion(**request.model_dump())

    async def store(remember: Remember) -> StoredResponse:
        # It finds its own key; what may be read are its principals' answers alone.
        viewer = caller.managing_viewer
        async with resources.database.tenant(caller.tenant_id, viewer=viewer) as scope:
            await read_answer(scope, answer_id)
            async with scope.whole_tenant() as whole:
                feedback = await store_feedback(
                    whole,
                    answer_id,
                    opinion,
                    author=caller.author,
                    principals=caller.principals,
                    now=resources.clock(),
                )
            # A reason may be anybody's words, and the audit trail is kept for ever.
            await record_event(
                scope, caller.actor, "answer.feedback", str(answer_id), {"rating": opinion.rating}
            )
            # Its words go with the answer; the request that is repeated brings them again.
            body = _feedback_out(answer_id, feedback).model_dump(mode="json", include=TIMES)
            response = StoredResponse(status_code=200, body=body)
            await remember(scope, response)
        return response

    async def act(remember: Remember) -> StoredResponse:
        response = await retried(lambda: store(remember))
        resources.metrics.count_feedback(rating=opinion.rating)
        return response

    sent = {"answer_id": str(answer_id), **request.model_dump(mode="json")}
    stored = await do_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest(ROUTE, sent),
        act=act,
    )
    return Feedback.model_validate({**stored.body, **sent})


async def shown_feedback(
    scope: TenantSession, caller: Caller, answer_id: AnswerId, answer: StoredAnswer
) -> list[Feedback]:
    """The feedback on an answer that the caller may read: all for administrators.

    For who asked it, that of callers with no principals but the asker's; for others their own.
    """
    if caller.actor.is_admin:
        async with scope.whole_tenant() as whole:
            found = await list_feedback(whole, answer_id)
    else:
        is_asker = caller.author == answer.asker
        found = await list_feedback(scope, answer_id, author=None if is_asker else caller.author)
    return [_feedback_out(answer_id, feedback) for feedback in found]


def _feedback_out(answer_id: AnswerId, feedback: answer_feedback.Feedback) -> Feedback:
    opinion = feedback.opinion
    return Feedback.model_validate(
        {
            "answer_id": answer_id,
            "rating": opinion.rating,
            "reason_code": opinion.reason_code,
            "comment": opinion.comment,
            "created_at": feedback.created_at,
            "updated_at": feedback.updated_at,
        }
    )
