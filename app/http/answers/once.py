"""An answer made once for an Idempotency-Key: what every route that answers shares."""

from uuid import UUID

from fastapi import Request

from app.http.answers.respond import accept_question, read_stored, respond_answer
from app.http.answers.schemas import Answer, AnswerRequest
from app.http.answers.streams import AnswerStreams
from app.http.idempotency import Remember, do_once
from app.http.while_connected import while_connected
from app.identity import Caller
from app.resources import Resources
from kb.ids import AnswerId
from kb.store.idempotency import StoredResponse


async def answer_once(
    request: Request,
    resources: Resources,
    caller: Caller,
    question: AnswerRequest,
    *,
    key: str | None,
    digest: str,
) -> Answer:
    """The stored answer; errors are those of `respond_answer`, `read_stored` and `do_once`."""
    made: Answer | None = None

    async def act(_remember: Remember) -> StoredResponse:
        nonlocal made
        made = await while_connected(request, respond_answer(resources, caller, question))
        return _kept(made.id)

    stored = await do_once(resources.database, caller, key=key, digest=digest, act=act)
    return made or await read_stored(resources, caller, _id_of(stored))


async def begin_once(
    streams: AnswerStreams,
    caller: Caller,
    question: AnswerRequest,
    *,
    key: str | None,
    digest: str,
) -> AnswerId:
    """The id of the streamed answer that is being made, or was; errors are those of `do_once`."""
    resources = streams.resources

    async def act(remember: Remember) -> StoredResponse:
        accepted = accept_question(resources, caller, question)
        kept = _kept(accepted.answer_id)

        async def keep() -> None:
            viewer = caller.managing_viewer
            async with resources.database.tenant(caller.tenant_id, viewer=viewer) as scope:
                await remember(scope, kept)

        await streams.begin(
            accepted,
            request_sha256=digest,
            idempotency_key=key,
            remember=None if key is None else keep,
        )
        return kept

    return _id_of(await do_once(resources.database, caller, key=key, digest=digest, act=act))


def _kept(answer_id: UUID) -> StoredResponse:
    # Only the id is kept for repetitions: what it quotes may have been taken away by then.
    return StoredResponse(status_code=200, body={"id": str(answer_id)})


def _id_of(stored: StoredResponse) -> AnswerId:
    return AnswerId(UUID(str(stored.body["id"])))
