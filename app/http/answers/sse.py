"""A streamed answer as server-sent events."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Header
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import Field

from app.http.answers.streams import AnswerStreams
from app.http.problems import problem_of
from app.identity import Caller
from kb.errors import KnowledgeBaseError
from kb.ids import AnswerId
from kb.store.answer_events import StreamEvent

MEDIA_TYPE: Final = "text/event-stream"
EVENT_STREAM: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}
"""What the API's description says of a route that can stream."""

PING: Final = b": ping\n\n"
NO_BUFFERING: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy that collects the response would hold back every event until the last."""

LastEventId = Annotated[
    int | None,
    Header(description="The number of the last event that arrived; the stream goes on after it."),
    Field(ge=0),
]


def event_stream(
    streams: AnswerStreams, caller: Caller, answer_id: AnswerId, *, after: int
) -> StreamingResponse:
    """The answer's events after that number; exactly one terminal event comes last."""
    return StreamingResponse(
        _encoded(streams, caller, answer_id, after),
        media_type=MEDIA_TYPE,
        headers=NO_BUFFERING,
    )


async def _encoded(
    streams: AnswerStreams, caller: Caller, answer_id: AnswerId, after: int
) -> AsyncIterator[bytes]:
    try:
        async for event in streams.follow(caller, answer_id, after=after):
            if event is not None:
                after = event.number
            yield PING if event is None else _encode(event)
    except KnowledgeBaseError as error:
        # The response has begun: what ends it is an event.
        problem = problem_of(error, request_id=caller.request_id)
        told = problem.model_dump(mode="json", exclude_none=True)
        yield _encode(StreamEvent(number=after + 1, name="error", data=told))


def _encode(event: StreamEvent) -> bytes:
    return format_sse_event(
        data_str=json.dumps(event.data, ensure_ascii=False),
        event=event.name,
        id=str(event.number),
    )
