"""Answers: what is asked, and the answer with the proof of each sentence."""

from collections.abc import Collection
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from app.answering.claims import MatchMethod, Verdict
from app.answering.outcome import AnswerReason, AnswerStatus
from app.http.location import Location
from app.http.response_fields import (
    ANSWER_ID,
    DOCUMENT_ID,
    LATER,
    QUESTION,
    QUOTE,
    TIME,
    ChunkIdField,
    CreatedAtField,
    DocumentIdField,
    ExternalIdField,
    FilenameField,
    GenerationField,
    RequestIdField,
    Sha256Field,
    SourceUriField,
    TitleField,
    VersionField,
)
from app.http.schemas import (
    Count,
    RequestModel,
    ResponseModel,
    Text,
    Time,
    Words,
    WrittenAsFloat,
)
from app.http.search.schemas import FilteredRequest, SearchHit, TopK
from kb.errors import InvalidInput

PromptReference = Annotated[Text, Field(min_length=1, max_length=50)]
"""A prompt's name for its newest version, or `answer@1`; `footnote prompts` lists them."""

MAX_HISTORY_TURNS = 50
"""Earlier turns of a conversation; only the last few change what a question means."""

MAX_TOKENS = 1_000_000
"""More than any model's window."""

MAX_COMMENT_CHARS = 4_000
"""As many as of a turn of a conversation are read."""

Tokens = Annotated[int, Field(ge=1, le=MAX_TOKENS), WrittenAsFloat]


class Turn(RequestModel):
    """An earlier turn of the conversation; its first 4,000 characters count."""

    role: Literal["user", "assistant"] = Field(description="Who said it.", examples=["user"])
    content: Words = Field(description="What was said.", examples=["I am about to have a child."])


class AnswerRequest(FilteredRequest):
    """A question to be answered from the documents."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": QUESTION, "collections": ["default"]}]}
    )

    question: Words = Field(description="What is asked.", examples=[QUESTION])
    history: Annotated[list[Turn], Field(max_length=MAX_HISTORY_TURNS)] | None = Field(
        default=None, description="The conversation before the question, oldest turn first."
    )
    top_k: TopK | None = Field(
        default=None,
        description="Most passages to look for; this service may allow fewer.",
        examples=[10],
    )
    max_context_tokens: Tokens | None = Field(
        default=None, description="Most tokens of passages shown to the model.", examples=[4000]
    )
    max_output_tokens: Tokens | None = Field(
        default=None, description="Most tokens that the model may write.", examples=[500]
    )
    model: Annotated[Text, Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="The alias of a configured model; unset: the tenant's.",
        examples=["default"],
    )
    prompt: PromptReference | None = Field(
        default=None,
        description="A prompt's name for its newest version, or with `@` and a number.",
        examples=["answer@1"],
    )
    stream: bool = Field(
        default=False, description="Answer with events instead of one body.", examples=[False]
    )
    include_retrieved: bool = Field(
        default=False, description="Show the passages that were found.", examples=[False]
    )


def require_known_model(model: str | None, *, configured: Collection[str]) -> None:
    """Raises InvalidInput when the request names a model that is not configured."""
    if model is not None and model not in configured:
        known = ", ".join(sorted(configured)) or "none"
        raise InvalidInput(f"Unknown model {model!r}. Configured: {known}.")


class Checks(ResponseModel):
    """Which checks of a quote against its claim passed."""

    source: bool = Field(description="The passage is one that was shown.", examples=[True])
    quote: bool = Field(description="The quote stands in it.", examples=[True])
    numbers: bool = Field(description="Every number of the claim is in the quote.", examples=[True])
    names: bool = Field(description="Every name of the claim is in the quote.", examples=[True])
    negation: bool = Field(description="Both deny, or neither does.", examples=[True])
    coverage: bool = Field(
        description="Enough of the claim's words are in the quote.", examples=[True]
    )


class ReplacedDraft(ResponseModel):
    """A model's sentence in whose place its quote is shown, and what was found about it."""

    text: str = Field(
        description="The model's sentence.", examples=["New parents get 16 weeks of paid leave."]
    )
    verdict: Verdict = Field(description="What was found about it.", examples=["unsupported"])
    checks: Checks = Field(description="Which checks it passed.")


def _is_none(value: object) -> bool:
    return value is None


class Claim(ResponseModel):
    """One sentence; only supported ones make up the answer. `citations` are their ids.

    `wording` is `source` when the text is the document's own words, `model` when a reader has
    proved a paraphrase. A removed claim has no text in an answer: only the stored record has, and
    there `draft` is the model's sentence where its quote took its place; neither is kept in a
    conversation in which the assistant has said something before.
    """

    text: str = Field(description="The sentence; empty when it was removed.", examples=[QUOTE])
    verdict: Verdict = Field(description="Whether its citations prove it.", examples=["supported"])
    score: float = Field(description="0 to 1; claims are ranked by it.", examples=[0.98])
    citations: list[str] = Field(description="The ids of what proves it.", examples=[["c1"]])
    wording: Literal["source", "model"] = Field(
        description="Whose words the text is.", examples=["source"]
    )
    draft: ReplacedDraft | None = Field(
        default=None,
        exclude_if=_is_none,
        description="The model's sentence, where a quote took its place; in records only.",
    )


class CitationVerification(ResponseModel):
    """How the quote was found in the source, and what was checked.

    `reader` names what has read the claim against it; null where the claim is the quote's words.
    """

    method: MatchMethod = Field(
        description="How the quote was found in the source: to the letter, but for white space and "
        "the like, or moved to the nearest such place.",
        examples=["exact"],
    )
    checks: Checks = Field(description="Which checks the quote passed.")
    reader: str | None = Field(
        description="What has read the claim against the quote; null where both are the same "
        "words.",
        examples=[None],
    )


class Citation(ResponseModel):
    """A quote, verbatim: `content[char_start:char_end]` of that version."""

    id: str = Field(description="The citation's id within the answer.", examples=["c1"])
    marker: str = Field(description="Stands in `answer` behind what it proves.", examples=["[1]"])
    document_id: DocumentIdField
    document_version: VersionField
    external_id: ExternalIdField
    title: TitleField
    filename: FilenameField
    source_uri: SourceUriField
    chunk_id: ChunkIdField
    quote: str = Field(description="The document's words.", examples=[QUOTE])
    location: Location = Field(description="The quote's place in that version.")
    content_sha256: Sha256Field
    verification: CitationVerification = Field(description="How the quote was checked.")


class Conflict(ResponseModel):
    """A point on which admissible sources disagree.

    `citations` are the ids of both sides; `newer` is the one of the side that took effect later or
    was updated later, null when neither did.
    """

    text: str = Field(
        description="What each side says.",
        examples=["Handbook: \u201c16 weeks\u201d / Memo: \u201c18 weeks\u201d"],
    )
    citations: list[str] = Field(
        description="The ids of the citations of both sides.", examples=[["c1", "c2"]]
    )
    newer: str | None = Field(
        description="The one of the side that is newer; null when neither is.", examples=["c2"]
    )


class Handover(ResponseModel):
    """For the person who takes over: why, what was asked, and the documents that were found.

    `history` has the user's turns. What the assistant said stands in the answers it gave.
    """

    reason: str = Field(
        description="Why a person has to answer.", examples=["The topic is left to people."]
    )
    question: str = Field(description="What was asked.", examples=[QUESTION])
    history: list[Turn] = Field(description="The user's turns before it.")
    document_ids: list[UUID] = Field(
        description="The documents that were found.", examples=[[DOCUMENT_ID]]
    )


class DroppedPassage(ResponseModel):
    """A passage that was found but not shown to the generator."""

    chunk_id: ChunkIdField
    reason: Literal["duplicate", "budget"] = Field(
        description="It says the same as another, or there was no room.", examples=["budget"]
    )


class ContextUse(ResponseModel):
    """The generator's context, in tokens."""

    budget: Count = Field(description="Tokens there was room for.", examples=[4000])
    used: Count = Field(description="Tokens of the passages shown.", examples=[812])
    dropped: list[DroppedPassage] = Field(description="Passages found and not shown.")


class Usage(ResponseModel):
    """What the answer cost; without a language model, nothing."""

    input_tokens: Count = Field(description="Tokens that the model read.", examples=[1043])
    output_tokens: Count = Field(description="Tokens that it wrote.", examples=[64])
    cost_usd: float | None = Field(
        description="US dollars; null when the model has no price.", examples=[0.00041]
    )
    cache: Literal["hit", "miss"] | None = Field(
        description="Whether the answer came from a cache; null without one.", examples=[None]
    )


class PromptUse(ResponseModel):
    """The prompt that was used."""

    name: str = Field(description="The prompt's name.", examples=["answer"])
    version: int = Field(description="Its version.", examples=[1])


def _check_number(rating: object) -> object:
    # To Python it is equal to 1, and so it is to pydantic.
    if isinstance(rating, bool):
        raise ValueError("a rating is the number 1 or -1")  # noqa: TRY004  # pydantic's own
    return rating


Rating = Annotated[
    Literal[-1, 1],
    BeforeValidator(_check_number),
    WrittenAsFloat,
    Field(description="1: the answer helped; -1: it did not.", examples=[-1]),
]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Comment = Annotated[Words, StringConstraints(max_length=MAX_COMMENT_CHARS)]


class FeedbackRequest(RequestModel):
    """What the caller thinks of an answer; it takes the place of what it thought before."""

    rating: Rating
    reason_code: ReasonCode | None = Field(
        default=None,
        description="Why, as a code of your own: a lower-case word, with digits and underscores.",
        examples=["outdated_source"],
    )
    comment: Comment | None = Field(
        default=None, description="Why, in words.", examples=["The allowance changed in March."]
    )


class Feedback(ResponseModel):
    """What somebody thinks of an answer."""

    answer_id: UUID = Field(description="The answer's id.", examples=[ANSWER_ID])
    rating: Rating
    reason_code: ReasonCode | None = Field(
        description="Why, as a code of the author's own.", examples=["outdated_source"]
    )
    comment: str | None = Field(
        description="Why, in words.", examples=["The allowance changed in March."]
    )
    created_at: Time = Field(
        description="When the author first gave feedback on it.", examples=[TIME]
    )
    updated_at: Time = Field(description="When the author gave this.", examples=[LATER])


class Answer(ResponseModel):
    """An answer; `answer` is empty unless at least one claim is supported."""

    id: UUID = Field(description="The answer's id.", examples=[ANSWER_ID])
    status: AnswerStatus = Field(
        description="What became of the question; the reference explains each.",
        examples=["answered"],
    )
    reason: AnswerReason | None = Field(
        description="Why there is no answer, or not all of it; null where the status says enough.",
        examples=[None],
    )
    answer: str = Field(
        description="The supported claims as plain text, each with the markers of its citations.",
        examples=[f"{QUOTE} [1]"],
    )
    claims: list[Claim] = Field(description="Every sentence that was drafted, in order.")
    citations: list[Citation] = Field(description="The quotes that prove the claims.")
    conflicts: list[Conflict] = Field(
        description="Points on which sources disagree.", examples=[[]]
    )
    clarifying_question: str | None = Field(
        description="What has to be known first; null unless the status is `needs_clarification`.",
        examples=[None],
    )
    retrieved: list[SearchHit] | None = Field(
        description="The passages that were found; null unless asked for.", examples=[None]
    )
    context: ContextUse = Field(description="What the generator was shown.")
    usage: Usage = Field(description="What the answer cost.")
    model: str = Field(description="What drafted the answer.", examples=["extractive"])
    prompt: PromptUse | None = Field(
        description="The prompt that was used; null without a language model.", examples=[None]
    )
    generation: GenerationField
    timings_ms: dict[str, float] = Field(
        description="How long each stage took, in ms.",
        examples=[{"retrieve": 9.1, "draft": 4.0, "verify": 6.3}],
    )
    created_at: CreatedAtField
    request_id: RequestIdField
    handover: Handover | None = Field(
        description="For the person who takes over; null unless the status is `escalate`.",
        examples=[None],
    )
    confidence_reason: str = Field(
        description="The evidence in words.",
        examples=["One source says it word for word; the best passage covers the question."],
    )
    feedback: list[Feedback] = Field(
        description="In the stored record: the caller's own; for who asked, also that of others "
        "with no principals but the asker's; with the scope `admin`, all. The newest first.",
    )
