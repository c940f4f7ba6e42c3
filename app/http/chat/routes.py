"""The OpenAI-compatible door: a collection is a model, an answer is a chat completion."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from app.http.answers.once import answer_once, begin_once
from app.http.answers.streams import StreamsDep
from app.http.chat.chunks import ChatStreamEvent
from app.http.chat.present import ChatStream, completion_out, question_of
from app.http.chat.schemas import (
    MODEL_PREFIX,
    ChatCompletion,
    ChatRequest,
    Model,
    Models,
)
from app.http.dependencies import AsksForAnswers, ResourcesDep
from app.http.idempotency import IdempotencyKey, request_digest
from app.http.openai_problems import chat_error
from app.http.problem_schemas import Problem
from app.http.problems import problem_of, response_headers
from app.http.sse import PING, event_stream, stream_response
from app.identity import Caller
from app.resources import Resources
from kb.errors import KnowledgeBaseError, NotFound
from kb.store.answer_events import StreamEvent
from kb.store.collections import readable_collections

router = APIRouter(tags=["openai"])

IGNORED_HEADER: Final = "Footnote-Ignored-Parameters"
"""Names what a request held that has no effect."""

DONE: Final = b"data: [DONE]\n\n"


@router.get("/models")
async def list_models(resources: ResourcesDep, caller: AsksForAnswers) -> Models:
    """The collections that hold something the caller may read."""
    return Models(data=await _models(resources, caller))


@router.get("/models/{model_id:path}")
async def show_model(
    resources: ResourcesDep,
    caller: AsksForAnswers,
    model_id: Annotated[str, Path(description="The model's id.", examples=["footnote/default"])],
) -> Model:
    """A collection that holds something the caller may read; its id has a slash in it."""
    return await _require_model(resources, caller, model_id)


@router.post(
    "/chat/completions", response_model=ChatCompletion, responses=event_stream(ChatStreamEvent)
)
async def complete_chat(
    request: Request,
    body: ChatRequest,
    resources: ResourcesDep,
    streams: StreamsDep,
    caller: AsksForAnswers,
    idempotency_key: IdempotencyKey = None,
) -> ChatCompletion | StreamingResponse:
    """Answer the last message from a collection; the content has `[1]` markers."""
    await _require_model(resources, caller, body.model)
    question = question_of(body)
    if body.ignored:
        response_headers(request.scope)[IGNORED_HEADER] = ", ".join(body.ignored)
    digest = request_digest("POST /v1/chat/completions", body.model_dump(mode="json"))

    if body.stream:
        answer_id = await begin_once(streams, caller, question, key=idempotency_key, digest=digest)
        events = streams.follow(caller, answer_id, after=0, idempotency_key=idempotency_key)
        return stream_response(_chunks(events, body, request_id=caller.request_id))
    answer = await answer_once(
        request, resources, caller, question, key=idempotency_key, digest=digest
    )
    return completion_out(answer, body.model)


async def _models(resources: Resources, caller: Caller) -> list[Model]:
    async with resources.database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
        collections = await readable_collections(scope)
    return [
        Model(id=f"{MODEL_PREFIX}{collection.name}", created=int(collection.created_at.timestamp()))
        for collection in collections
    ]


async def _require_model(resources: Resources, caller: Caller, name: str) -> Model:
    """The model of that name; NotFound unless it holds something the caller may read."""
    for model in await _models(resources, caller):
        if model.id == name:
            return model
    raise NotFound("There is no such model; /v1/models lists them.")


async def _chunks(
    events: AsyncIterator[StreamEvent | None], body: ChatRequest, *, request_id: str
) -> AsyncIterator[bytes]:
    include_usage = body.stream_options is not None and bool(body.stream_options.include_usage)
    stream = ChatStream(body.model, include_usage=include_usage)
    try:
        async for event in events:
            if event is None:
                yield PING
            elif event.name == "error":
                yield _encode_error(Problem.model_validate(event.data))
            else:
                for chunk in stream.chunks_of(event.name, event.data):
                    yield format_sse_event(data_str=chunk.model_dump_json())
    except KnowledgeBaseError as error:
        yield _encode_error(problem_of(error, request_id=request_id))
    yield DONE


def _encode_error(problem: Problem) -> bytes:
    """An error as this protocol has it."""
    return format_sse_event(data_str=chat_error(problem).model_dump_json())
