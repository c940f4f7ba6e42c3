"""Server-sent events, numbered so that a caller whose connection broke can go on."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Header
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import Field

from app.http.problems import problem_of
from kb.errors import KnowledgeBaseError
from kb.store.answer_events import StreamEvent

MEDIA_TYPE: Final = "text/event-stream"
EVENT_STREAM: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}
"""Of a route that can stream, for the API's description."""

PING: Final = b": ping\n\n"

LastEventId = Annotated[
    int | None,
    Header(description="The number of the last event that arrived; the stream goes on after it."),
    Field(ge=0),
]


def stream_response(parts: AsyncIterator[bytes]) -> StreamingResponse:
    """A response that sends each part at once."""
    # A proxy that collects the response would hold back every event until the last.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(parts, media_type=MEDIA_TYPE, headers=headers)


async def encode_events(
    events: AsyncIterator[StreamEvent | None], *, after: int, request_id: str
) -> AsyncIterator[bytes]:
    """The events as they are sent, a ping for None; an error becomes the last event.

    `after` is the number of the event before the first one.
    """
    try:
        async for event in events:
            if event is None:
                yield PING
            else:
                after = event.number
                yield _encode(event)
    except KnowledgeBaseError as error:
        # The response has begun: what ends it is an event.
        problem = problem_of(error, request_id=request_id)
        fields = problem.model_dump(mode="json", exclude_none=True)
        yield _encode(StreamEvent(number=after + 1, name="error", data=fields))


def _encode(event: StreamEvent) -> bytes:
    return format_sse_event(
        data_str=json.dumps(event.data, ensure_ascii=False),
        event=event.name,
        id=str(event.number),
    )
