"""An answer made once for an Idempotency-Key: what every route that answers shares."""

from uuid import UUID

from fastapi import Request

from app.http.answers.respond import accept_question, respond_answer
from app.http.answers.schemas import AnswerRequest
from app.http.answers.streams import AnswerStreams
from app.http.idempotency import Remember, do_once
from app.http.while_connected import while_connected
from app.identity import Caller
from kb.ids import AnswerId
from kb.store.idempotency import StoredResponse


async def answer_once(
    request: Request,
    streams: AnswerStreams,
    caller: Caller,
    question: AnswerRequest,
    *,
    key: str | None,
    digest: str,
) -> AnswerId:
    """The id of the stored answer, or with `stream` of the one that is being made.

    Errors are those of `respond_answer` and `do_once`.
    """
    resources = streams.resources

    async def act(_remember: Remember) -> StoredResponse:
        if question.stream:
            answer_id: UUID = await streams.begin(
                accept_question(resources, caller, question),
                request_sha256=digest,
                idempotency_key=key,
            )
        else:
            work = respond_answer(resources, caller, question)
            answer_id = (await while_connected(request, work)).id
        # Only the id is kept for repetitions: what it quotes may have been taken away by then.
        return StoredResponse(status_code=200, body={"id": str(answer_id)})

    stored = await do_once(resources.database, caller, key=key, digest=digest, act=act)
    return AnswerId(UUID(str(stored.body["id"])))
