"""Answers."""

from uuid import UUID

from fastapi import APIRouter

from app.auth import Caller
from app.dependencies import AsksForAnswers, ResourcesDep
from app.once import IdempotencyKey, do_once, request_digest
from app.resources import Resources
from app.respond import respond_answer
from app.schemas.answers import Answer, AnswerRequest
from kb.answers import read_answer
from kb.idempotency import StoredResponse
from kb.ids import AnswerId

router = APIRouter(tags=["answers"])


@router.post("/answers")
async def create_answer(
    body: AnswerRequest,
    resources: ResourcesDep,
    caller: AsksForAnswers,
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """Answer a question; every sentence is proved by a quote that the caller may read."""

    async def act() -> StoredResponse:
        answer = await respond_answer(resources, caller, body)
        # Only the id is kept for repetitions: what it quotes may have been taken away by then.
        return StoredResponse(status_code=200, body={"id": str(answer.id)})

    stored = await do_once(
        resources.database,
        caller,
        key=idempotency_key,
        digest=request_digest("POST /v1/answers", body.model_dump(mode="json")),
        act=act,
    )
    return await _read(resources, caller, UUID(str(stored.body["id"])))


@router.get("/answers/{answer_id}")
async def get_one(answer_id: UUID, resources: ResourcesDep, caller: AsksForAnswers) -> Answer:
    """A stored answer, for callers who could get it today."""
    return await _read(resources, caller, answer_id)


async def _read(resources: Resources, caller: Caller, answer_id: UUID) -> Answer:
    async with resources.database.tenant(caller.tenant_id, eyes=caller.reading_eyes) as scope:
        return Answer.model_validate(await read_answer(scope, AnswerId(answer_id)))
