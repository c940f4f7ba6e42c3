"""The chat completions of OpenAI's API, as far as an answer from documents can mean them."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue

from app.answering.outcome import AnswerReason, AnswerStatus
from app.http.answers.schemas import Citation, Tokens
from app.http.schemas import Count, RequestModel, ResponseModel, Text

MODEL_PREFIX = "footnote/"
"""What comes after it is the collection that is asked."""

MAX_MESSAGES = 500
"""Of one conversation; only the last turns change what a question means."""

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


def _only(*allowed: object, why: str) -> AfterValidator:
    """Accepts what changes nothing; `why` is told of anything else."""

    def check(value: object) -> object:
        if value is not None and value not in allowed:
            raise ValueError(why)
        return value

    return AfterValidator(check)


_NO_TOOLS = "this service calls no tools"
_NO_LOGPROBS = "proved sentences have no log-probabilities"

NoTools = Annotated[list[JsonValue] | None, _only([], why=_NO_TOOLS)]
NoToolChoice = Annotated[JsonValue, _only("none", "auto", why=_NO_TOOLS)]
OnlyText = Annotated[
    dict[str, JsonValue] | None,
    _only({"type": "text"}, why="an answer is text with markers, in no other format"),
]
TextOnly = Annotated[list[Text] | None, _only([], ["text"], why="an answer is text")]
NoAudio = Annotated[JsonValue, _only(why="there is no sound, neither said nor heard")]
NoBias = Annotated[
    dict[Text, JsonValue] | None, _only({}, why="the documents' words are not weighed by token")
]
OneChoice = Annotated[int | None, _only(1, why="there is one answer")]
NoLogprobs = Annotated[bool | None, _only(False, why=_NO_LOGPROBS)]
NoTopLogprobs = Annotated[int | None, _only(0, why=_NO_LOGPROBS)]
NoWeb = Annotated[JsonValue, _only(why="answers are made of your documents, not of the web")]
NoModeration = Annotated[JsonValue, _only(why="moderation is for the operator to set up")]


class TextPart(RequestModel):
    """A piece of a message; pictures, sounds and files are refused."""

    type: Literal["text"]
    text: Text


class RefusalPart(RequestModel):
    """What a model said that did not want to answer."""

    type: Literal["refusal"]
    refusal: Text


ContentPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]


class ChatMessage(RequestModel):
    """A message of the conversation, as clients keep and resend it.

    System and developer messages are not followed. What tools were called and what they told is not
    read, and neither are the fields that the client copies from an answer.
    """

    role: Role
    content: Text | list[ContentPart] | None = None
    name: Text | None = None
    refusal: Text | None = None
    annotations: list[JsonValue] | None = None
    audio: NoAudio = None
    tool_calls: list[JsonValue] | None = None
    tool_call_id: Text | None = None
    function_call: JsonValue = None

    @property
    def text(self) -> str:
        """What the message says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""


class StreamOptions(RequestModel):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(RequestModel):
    """A question at the end of a conversation.

    The second group of fields is accepted as far as it cannot change an answer made of proved
    sentences, however a model is sampled; the third only with the value that asks for nothing.
    """

    model: Annotated[Text, Field(min_length=1, max_length=300)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    n: OneChoice = None

    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: Text | list[Text] | None = None
    user: Text | None = None
    metadata: dict[str, JsonValue] | None = None
    store: bool | None = None
    prediction: dict[str, JsonValue] | None = None
    reasoning_effort: Text | None = None
    verbosity: Text | None = None
    service_tier: Text | None = None
    safety_identifier: Text | None = None
    prompt_cache_key: Text | None = None
    prompt_cache_retention: Text | None = None
    prompt_cache_options: dict[str, JsonValue] | None = None
    parallel_tool_calls: bool | None = None

    tools: NoTools = None
    tool_choice: NoToolChoice = None
    functions: NoTools = None
    function_call: NoToolChoice = None
    response_format: OnlyText = None
    modalities: TextOnly = None
    audio: NoAudio = None
    logprobs: NoLogprobs = None
    top_logprobs: NoTopLogprobs = None
    logit_bias: NoBias = None
    web_search_options: NoWeb = None
    moderation: NoModeration = None

    @property
    def ignored(self) -> list[str]:
        """The fields that were sent and have no effect."""
        return [
            name
            for name in type(self).model_fields
            if name not in _HEEDED and getattr(self, name) is not None
        ]


_HEEDED: Final = frozenset(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n"}
)


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
