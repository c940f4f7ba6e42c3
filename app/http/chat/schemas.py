"""The chat completions of OpenAI's API, as far as an answer from documents can mean them."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue

from app.answering.outcome import AnswerReason, AnswerStatus
from app.http.answers.schemas import Citation, Tokens
from app.http.response_fields import ANSWER_ID, QUESTION, QUOTE
from app.http.schemas import Count, RequestModel, ResponseModel, Text, WrittenAsFloat

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


def _described(schema: JsonSchemaValue) -> WithJsonSchema:
    """What `_only` accepts, for the API's description: null, or what the schema says."""
    return WithJsonSchema({"anyOf": [schema, {"type": "null"}]})


NULL = WithJsonSchema({"type": "null"})

_NO_TOOLS = "this service calls no tools"
_NO_LOGPROBS = "proved sentences have no log-probabilities"

NoTools = Annotated[
    list[JsonValue] | None,
    _only([], why=_NO_TOOLS),
    _described({"type": "array", "maxItems": 0, "items": {}}),
]
NoToolChoice = Annotated[
    JsonValue,
    _only("none", "auto", why=_NO_TOOLS),
    _described({"type": "string", "enum": ["none", "auto"]}),
]
OnlyText = Annotated[
    dict[str, JsonValue] | None,
    _only({"type": "text"}, why="an answer is text with markers, in no other format"),
    _described(
        {
            "type": "object",
            "properties": {"type": {"type": "string", "const": "text"}},
            "required": ["type"],
            "additionalProperties": False,
        }
    ),
]
TextOnly = Annotated[
    list[Text] | None,
    _only([], ["text"], why="an answer is text"),
    _described({"type": "array", "maxItems": 1, "items": {"type": "string", "const": "text"}}),
]
NoAudio = Annotated[JsonValue, _only(why="there is no sound, neither said nor heard"), NULL]
NoBias = Annotated[
    dict[Text, JsonValue] | None,
    _only({}, why="the documents' words are not weighed by token"),
    _described({"type": "object", "maxProperties": 0}),
]
OneChoice = Annotated[
    int | None,
    _only(1, why="there is one answer"),
    WrittenAsFloat,
    _described({"type": "integer", "enum": [1]}),
]
NoLogprobs = Annotated[
    bool | None,
    _only(False, why=_NO_LOGPROBS),
    _described({"type": "boolean", "enum": [False]}),
]
NoTopLogprobs = Annotated[
    int | None,
    _only(0, why=_NO_LOGPROBS),
    WrittenAsFloat,
    _described({"type": "integer", "enum": [0]}),
]
NoWeb = Annotated[JsonValue, _only(why="answers are made of your documents, not of the web"), NULL]
NoModeration = Annotated[JsonValue, _only(why="moderation is for the operator to set up"), NULL]


class TextPart(RequestModel):
    """A piece of a message; pictures, sounds and files are refused."""

    type: Literal["text"] = Field(description="It is text.", examples=["text"])
    text: Text = Field(description="The text.", examples=[QUESTION])


class RefusalPart(RequestModel):
    """What a model said that did not want to answer."""

    type: Literal["refusal"] = Field(description="It is a refusal.", examples=["refusal"])
    refusal: Text = Field(description="What was said.", examples=["I cannot help with that."])


ContentPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]


class ChatMessage(RequestModel):
    """A message of the conversation, as clients keep and resend it.

    System and developer messages are not followed. What tools were called and what they told is not
    read, and neither are the fields that the client copies from an answer.
    """

    role: Role = Field(description="Who says it.", examples=["user"])
    content: Text | list[ContentPart] | None = Field(
        default=None, description="The text, whole or in pieces.", examples=[QUESTION]
    )
    name: Text | None = Field(default=None, description="Not read.", examples=["ana"])
    refusal: Text | None = Field(default=None, description="Not read.", examples=[None])
    annotations: list[JsonValue] | None = Field(
        default=None, description="Not read: as an answer had them.", examples=[[]]
    )
    audio: NoAudio = Field(default=None, description="Null.", examples=[None])
    tool_calls: list[JsonValue] | None = Field(
        default=None, description="Not read.", examples=[None]
    )
    tool_call_id: Text | None = Field(default=None, description="Not read.", examples=[None])
    function_call: JsonValue = Field(default=None, description="Not read.", examples=[None])

    @property
    def text(self) -> str:
        """What the message says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""


class StreamOptions(RequestModel):
    """What a stream tells besides the answer."""

    include_usage: bool | None = Field(
        default=None, description="Send a last chunk with the usage.", examples=[True]
    )
    include_obfuscation: bool | None = Field(
        default=None, description="Has no effect.", examples=[False]
    )


def _ignored(example: object) -> Any:  # noqa: ANN401  # of any type, as pydantic's Field
    """A field that is accepted and cannot change an answer made of proved sentences."""
    return Field(default=None, description="Accepted; has no effect.", examples=[example])


class ChatRequest(RequestModel):
    """A question at the end of a conversation.

    The second group of fields is accepted as far as it cannot change an answer made of proved
    sentences, however a model is sampled; the third only with the value that asks for nothing.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "footnote/default", "messages": [{"role": "user", "content": QUESTION}]}
            ]
        }
    )

    model: Annotated[Text, Field(min_length=1, max_length=300)] = Field(
        description="`footnote/` and the collection to ask.", examples=["footnote/default"]
    )
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)] = Field(
        description="The conversation; the last message is the user's question."
    )
    stream: bool | None = Field(
        default=None, description="Answer with chunks instead of one body.", examples=[False]
    )
    stream_options: StreamOptions | None = Field(
        default=None, description="What a stream tells besides the answer."
    )
    max_tokens: Tokens | None = Field(
        default=None, description="As `max_completion_tokens`, which comes first.", examples=[500]
    )
    max_completion_tokens: Tokens | None = Field(
        default=None, description="Most tokens that the model may write.", examples=[500]
    )
    n: OneChoice = Field(default=None, description="One.", examples=[1])

    temperature: float | None = _ignored(0.2)
    top_p: float | None = _ignored(1.0)
    presence_penalty: float | None = _ignored(0.0)
    frequency_penalty: float | None = _ignored(0.0)
    seed: Annotated[int, WrittenAsFloat] | None = _ignored(7)
    stop: Text | list[Text] | None = _ignored(["\n"])
    user: Text | None = _ignored("ana")
    metadata: dict[str, JsonValue] | None = _ignored({"team": "hr"})
    store: bool | None = _ignored(False)
    prediction: dict[str, JsonValue] | None = _ignored({"type": "content", "content": QUOTE})
    reasoning_effort: Text | None = _ignored("low")
    verbosity: Text | None = _ignored("low")
    service_tier: Text | None = _ignored("auto")
    safety_identifier: Text | None = _ignored("user-7")
    prompt_cache_key: Text | None = _ignored("handbook")
    prompt_cache_retention: Text | None = _ignored("24h")
    prompt_cache_options: dict[str, JsonValue] | None = _ignored({"mode": "implicit"})
    parallel_tool_calls: bool | None = _ignored(False)

    tools: NoTools = Field(default=None, description="Empty: no tools are called.", examples=[[]])
    tool_choice: NoToolChoice = Field(
        default=None, description="No tools are called.", examples=["none"]
    )
    functions: NoTools = Field(default=None, description="As `tools`.", examples=[[]])
    function_call: NoToolChoice = Field(
        default=None, description="As `tool_choice`.", examples=["none"]
    )
    response_format: OnlyText = Field(
        default=None, description="An answer is text.", examples=[{"type": "text"}]
    )
    modalities: TextOnly = Field(
        default=None, description="An answer is text.", examples=[["text"]]
    )
    audio: NoAudio = Field(default=None, description="Null: there is no sound.", examples=[None])
    logprobs: NoLogprobs = Field(
        default=None, description="False: there are none.", examples=[False]
    )
    top_logprobs: NoTopLogprobs = Field(
        default=None, description="0: there are none.", examples=[0]
    )
    logit_bias: NoBias = Field(default=None, description="Empty.", examples=[{}])
    web_search_options: NoWeb = Field(
        default=None, description="Null: the web is not searched.", examples=[None]
    )
    moderation: NoModeration = Field(
        default=None, description="Null: the operator sets it up.", examples=[None]
    )

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


CompletionId = Annotated[
    str,
    Field(description="The same for all chunks of an answer.", examples=[f"chatcmpl-{ANSWER_ID}"]),
]
Created = Annotated[int, Field(description="Seconds since 1970.", examples=[1_772_355_600])]
ModelName = Annotated[
    str,
    Field(description="`footnote/` and the collection's name.", examples=["footnote/default"]),
]


class UrlCitation(ResponseModel):
    """The source behind a marker; the indices are the marker's in the content."""

    url: str = Field(
        description="The source's address; a URN of its document where it has none.",
        examples=["https://intranet.example.org/handbook/leave"],
    )
    title: str = Field(description="The source's title.", examples=["Employee handbook"])
    start_index: Count = Field(
        description="Where the marker begins, in code points.", examples=[len(QUOTE) + 1]
    )
    end_index: Count = Field(
        description="Where the marker ends, exclusive.", examples=[len(QUOTE) + 4]
    )


class Annotation(ResponseModel):
    """A marker of the content."""

    type: Literal["url_citation"] = Field(
        default="url_citation", description="It is a citation.", examples=["url_citation"]
    )
    url_citation: UrlCitation = Field(description="The source behind the marker.")


class AnsweredMessage(ResponseModel):
    """The answer with its `[1]` markers."""

    role: Literal["assistant"] = Field(
        default="assistant", description="Who says it.", examples=["assistant"]
    )
    content: str = Field(
        description="The answer as Markdown, or a notice where there is none.",
        examples=[f"{QUOTE} [1]"],
    )
    refusal: None = Field(default=None, description="Null.", examples=[None])
    annotations: list[Annotation] = Field(description="The markers of the content, in order.")


class Choice(ResponseModel):
    """The only choice."""

    index: Literal[0] = Field(description="0.", examples=[0])
    message: AnsweredMessage = Field(description="The answer.")
    logprobs: None = Field(default=None, description="Null.", examples=[None])
    finish_reason: Literal["stop"] = Field(
        default="stop", description="The answer is whole.", examples=["stop"]
    )


class ChatUsage(ResponseModel):
    """Tokens of the language model behind; none without one."""

    prompt_tokens: Count = Field(description="Tokens that the model read.", examples=[1043])
    completion_tokens: Count = Field(description="Tokens that it wrote.", examples=[64])
    total_tokens: Count = Field(description="Both together.", examples=[1107])


class Proof(ResponseModel):
    """What stands behind the content."""

    status: AnswerStatus = Field(
        description="What became of the question; the reference explains each.",
        examples=["answered"],
    )
    reason: AnswerReason | None = Field(
        description="Why there is no answer; null where the status says enough.", examples=[None]
    )
    answer_id: UUID = Field(
        description="The id of the answer, for `GET /v1/answers/{answer_id}`.", examples=[ANSWER_ID]
    )
    citations: list[Citation] = Field(description="The quotes that prove the content.")


class ChatCompletion(ResponseModel):
    """An answer as a chat completion."""

    id: CompletionId
    object: Literal["chat.completion"] = Field(
        default="chat.completion", description="What this is.", examples=["chat.completion"]
    )
    created: Created
    model: ModelName
    choices: list[Choice] = Field(description="The answer, as the only choice.")
    usage: ChatUsage = Field(description="What the answer cost.")
    footnote: Proof = Field(description="What stands behind the content.")


class Model(ResponseModel):
    """A collection that can be asked."""

    id: ModelName
    object: Literal["model"] = Field(
        default="model", description="What this is.", examples=["model"]
    )
    created: Created
    owned_by: Literal["footnote"] = Field(
        default="footnote", description="Whose it is.", examples=["footnote"]
    )


class Models(ResponseModel):
    """All collections that hold something for the caller."""

    object: Literal["list"] = Field(default="list", description="What this is.", examples=["list"])
    data: list[Model] = Field(description="The collections, by name.")
