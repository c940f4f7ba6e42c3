"""Server-sent events, numbered so that a caller whose connection broke can go on."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final, Generic, Literal, TypeVar

from fastapi import Header
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaValue

from app.http.problem_schemas import Problem
from app.http.problems import problem_of
from app.http.schemas import ResponseModel
from kb.errors import KnowledgeBaseError
from kb.store.answer_events import StreamEvent

MEDIA_TYPE: Final = "text/event-stream"
PING: Final = b": ping\n\n"

LastEventId = Annotated[
    int | None,
    Header(
        description="The number of the last event that arrived; the stream goes on after it.",
        examples=[3],
    ),
    Field(ge=0),
]


class SentAsText:
    """Annotates what a data line holds as JSON."""

    @staticmethod
    def __get_pydantic_json_schema__(
        schema: object, handler: Callable[[object], JsonSchemaValue]
    ) -> JsonSchemaValue:
        """A string, and the schema of what is in it."""
        return {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": handler(schema),
        }


Name = TypeVar("Name", bound=str)
Data = TypeVar("Data")


class Event(ResponseModel, Generic[Name, Data]):
    """An event of a stream, as a parser of server-sent events gives it; `data` is JSON."""

    id: str = Field(
        pattern="^[0-9]+$",
        description="The event's number: one more than that before it.",
        examples=["1"],
    )
    event: Name = Field(description="What happened.")
    data: Annotated[Data, SentAsText] = Field(description="What is told of it, as JSON.")


class ErrorEvent(Event[Literal["error"], Problem]):
    """The last event of a stream that failed: the problem."""


def event_stream(union: type[BaseModel]) -> dict[int | str, dict[str, object]]:
    """The responses of a route that can stream these events, for the API's description."""
    schema = {"$ref": f"#/components/schemas/{union.__name__}"}
    return {200: {"content": {MEDIA_TYPE: {"schema": schema}}}}


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
        # In an order of its own: a stored event comes back in another one.
        data_str=json.dumps(event.data, ensure_ascii=False, sort_keys=True),
        event=event.name,
        id=str(event.number),
    )
