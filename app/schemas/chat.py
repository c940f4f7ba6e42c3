"""The chat completions of OpenAI's API, as far as an answer from documents can mean them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from app.schemas.answers import AnswerReason, AnswerStatus, Citation, Tokens
from app.schemas.wire import Count, RequestModel, ResponseModel, Text

MODEL_PREFIX = "footnote/"
"""What comes after it is the collection that is asked."""

MAX_MESSAGES = 500
"""Of one conversation; only the last turns change what a question means."""

Role = Literal["system", "developer", "user", "assistant"]


class TextPart(RequestModel):
    """A piece of a message; pictures, sounds and files are refused."""

    type: Literal["text"]
    text: Text


class ChatMessage(RequestModel):
    """A message of the conversation. System and developer messages are not followed."""

    role: Role
    content: Text | Annotated[list[TextPart], Field(min_length=1)]
    name: Text | None = None

    @property
    def text(self) -> str:
        """What the message says."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content)


class StreamOptions(RequestModel):
    """What a stream tells besides the answer."""

    include_usage: bool = False


class ChatRequest(RequestModel):
    """A question at the end of a conversation.

    The second group of fields is accepted because clients always send it, and has no effect: an
    answer is made of proved sentences, however the model is sampled.
    """

    model: Annotated[Text, Field(min_length=1, max_length=300)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    n: Literal[1] | None = None

    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    user: Text | None = None
    metadata: dict[str, JsonValue] | None = None


class UrlCitation(ResponseModel):
    """The source behind a marker; the indices are the marker's in the content."""

    url: str
    title: str
    start_index: Count
    end_index: Count


class Annotation(ResponseModel):
    """A marker of the content."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class AnsweredMessage(ResponseModel):
    """The answer with its `[1]` markers."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(ResponseModel):
    """The only choice."""

    index: Literal[0] = 0
    message: AnsweredMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class ChatUsage(ResponseModel):
    """Tokens of the language model behind; none without one."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count


class Proof(ResponseModel):
    """What stands behind the content."""

    status: AnswerStatus
    reason: AnswerReason | None
    answer_id: UUID
    citations: list[Citation]


class ChatCompletion(ResponseModel):
    """An answer as a chat completion."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage
    footnote: Proof


class Delta(ResponseModel):
    """What a chunk adds to the message."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    annotations: list[Annotation] | None = None


class ChunkChoice(ResponseModel):
    """The only choice, so far."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: Literal["stop"] | None = None


class ChatChunk(ResponseModel):
    """A piece of a streamed chat completion; the last one has the proof."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: ChatUsage | None = None
    footnote: Proof | None = None


class Model(ResponseModel):
    """A collection that can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["footnote"] = "footnote"


class Models(ResponseModel):
    """All collections that hold something for the caller."""

    object: Literal["list"] = "list"
    data: list[Model]
