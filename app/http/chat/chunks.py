"""The pieces of a streamed chat completion."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field, RootModel

from app.http.chat.schemas import Annotation, ChatUsage, CompletionId, Created, ModelName, Proof
from app.http.openai_problems import ChatErrorBody
from app.http.response_fields import QUOTE
from app.http.schemas import ResponseModel
from app.http.sse import SentAsText


class Delta(ResponseModel):
    """What a chunk adds to the message."""

    role: Literal["assistant"] | None = Field(
        default=None, description="Who says it, in the first chunk.", examples=["assistant"]
    )
    content: str | None = Field(
        default=None, description="What follows of the content.", examples=[f"{QUOTE} [1]"]
    )
    annotations: list[Annotation] | None = Field(
        default=None, description="The markers of all the content, in the last chunk."
    )


class ChunkChoice(ResponseModel):
    """The only choice, so far."""

    index: Literal[0] = Field(description="0.", examples=[0])
    delta: Delta = Field(description="What is added.")
    finish_reason: Literal["stop"] | None = Field(
        default=None, description="`stop` in the last chunk.", examples=[None]
    )


class ChatChunk(ResponseModel):
    """A piece of a streamed chat completion; the last one has the proof."""

    id: CompletionId
    object: Literal["chat.completion.chunk"] = Field(
        default="chat.completion.chunk",
        description="What this is.",
        examples=["chat.completion.chunk"],
    )
    created: Created
    model: ModelName
    choices: list[ChunkChoice] = Field(
        description="What is added to the only choice; empty in the chunk with the usage."
    )
    usage: ChatUsage | None = Field(
        default=None, description="In the last chunk, if `include_usage` was sent."
    )
    footnote: Proof | None = Field(
        default=None, description="What stands behind the content, in the last chunk."
    )


ChatData = TypeVar("ChatData")


class ChatEvent(ResponseModel, Generic[ChatData]):
    """An event of a streamed chat completion, as a parser of server-sent events gives it."""

    event: Literal["message"] = Field(
        default="message", description="The name of events without one: it is not sent."
    )
    data: ChatData = Field(description="Its data line: JSON, or `[DONE]`.")


class ChatChunkEvent(ChatEvent[Annotated[ChatChunk, SentAsText]]):
    """A piece of the answer."""


class ChatErrorEvent(ChatEvent[Annotated[ChatErrorBody, SentAsText]]):
    """The answer failed."""


class ChatDoneEvent(ChatEvent[Literal["[DONE]"]]):
    """The end of every stream."""


class ChatStreamEvent(RootModel[ChatChunkEvent | ChatErrorEvent | ChatDoneEvent]):
    """An event of a streamed chat completion."""
