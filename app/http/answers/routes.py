"""Answers, whole or as a stream of events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from app.http.answers.events import AnswerStreamEvent
from app.http.answers.feedback import give_feedback
from app.http.answers.once import answer_once, begin_once
from app.http.answers.respond import read_record
from app.http.answers.schemas import Answer, AnswerRequest, Feedback, FeedbackRequest
from app.http.answers.streams import AnswerStreams, StreamsDep
from app.http.conditional import NOT_MODIFIED, IfNoneMatch, respond_tagged
from app.http.dependencies import AsksForAnswers, GivesFeedback, ResourcesDep
from app.http.idempotency import IdempotencyKey, request_digest
from app.http.response_fields import ANSWER_ID
from app.http.sse import MEDIA_TYPE, LastEventId, encode_events, event_stream, stream_response
from app.identity import Caller
from kb.errors import InvalidInput
from kb.ids import AnswerId

router = APIRouter(tags=["answers"])


ROUTE = "POST /v1/answers"
AnswerIdPath = Annotated[UUID, Path(description="The answer's id.", examples=[ANSWER_ID])]


@router.post("/answers", response_model=Answer, responses=event_stream(AnswerStreamEvent))
async def create_answer(  # noqa: PLR0913, PLR0917  # what FastAPI hands in
    request: Request,
    body: AnswerRequest,
    resources: ResourcesDep,
    streams: StreamsDep,
    caller: AsksForAnswers,
    idempotency_key: IdempotencyKey = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Answer a question; every sentence is proved by a quote that the caller may read.

    With `stream`, as events; the same request with `Last-Event-ID` goes on with a broken stream.
    """
    digest = request_digest(ROUTE, body.model_dump(mode="json"))
    if last_event_id is not None:
        if not body.stream:
            raise InvalidInput("Last-Event-ID belongs to a request with 'stream'.")
        found = await streams.find(caller, request_sha256=digest)
        return _follow(streams, caller, found, after=last_event_id)

    if body.stream:
        answer_id = await begin_once(streams, caller, body, key=idempotency_key, digest=digest)
        return _follow(streams, caller, answer_id, after=0, idempotency_key=idempotency_key)
    answer = await answer_once(request, resources, caller, body, key=idempotency_key, digest=digest)
    # Written as it is: FastAPI would first validate it a second time.
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get(
    "/answers/{answer_id}",
    response_model=Answer,
    responses={**event_stream(AnswerStreamEvent), **NOT_MODIFIED},
)
async def get_one(  # noqa: PLR0913, PLR0917  # what FastAPI hands in
    answer_id: AnswerIdPath,
    resources: ResourcesDep,
    streams: StreamsDep,
    caller: AsksForAnswers,
    accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
    last_event_id: LastEventId = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A stored answer, for callers who could get it today; its events with `text/event-stream`.

    The record also tells what the model wrote: the text of removed claims, and in `draft` the
    sentences in whose place their quotes were shown; not so once the assistant has said something
    before, which these may repeat.
    """
    if MEDIA_TYPE in accept:
        return _follow(streams, caller, AnswerId(answer_id), after=last_event_id or 0)
    record = await read_record(resources, caller, AnswerId(answer_id))
    return respond_tagged(record, if_none_match)


@router.post("/answers/{answer_id}/feedback")
async def create_feedback(
    answer_id: AnswerIdPath,
    body: FeedbackRequest,
    resources: ResourcesDep,
    caller: GivesFeedback,
    idempotency_key: IdempotencyKey = None,
) -> Feedback:
    """Say what you think of an answer that you may read, in place of what you said before."""
    return await give_feedback(
        resources, caller, AnswerId(answer_id), body, idempotency_key=idempotency_key
    )


def _follow(
    streams: AnswerStreams,
    caller: Caller,
    answer_id: AnswerId,
    *,
    after: int,
    idempotency_key: str | None = None,
) -> StreamingResponse:
    """The answer's events after that number; exactly one terminal event comes last."""
    events = streams.follow(caller, answer_id, after=after, idempotency_key=idempotency_key)
    return stream_response(encode_events(events, after=after, request_id=caller.request_id))
