"""Answers: what is asked, and the answer with the proof of each sentence."""

from collections.abc import Collection
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from app.answering.claims import MatchMethod, Verdict
from app.answering.outcome import AnswerReason, AnswerStatus
from app.http.location import Location
from app.http.schemas import Count, Filename, RequestModel, ResponseModel, Text, Time, Words
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

Tokens = Annotated[int, Field(ge=1, le=MAX_TOKENS)]


class Turn(RequestModel):
    """An earlier turn of the conversation; its first 4,000 characters count."""

    role: Literal["user", "assistant"]
    content: Words


class AnswerRequest(FilteredRequest):
    """A question to be answered from the documents."""

    question: Words
    history: Annotated[list[Turn], Field(max_length=MAX_HISTORY_TURNS)] | None = None
    top_k: TopK | None = None
    max_context_tokens: Tokens | None = None
    max_output_tokens: Tokens | None = None
    model: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    prompt: PromptReference | None = None
    stream: bool = False
    include_retrieved: bool = False


def require_known_model(model: str | None, *, configured: Collection[str]) -> None:
    """Raises InvalidInput when the request names a model that is not configured."""
    if model is not None and model not in configured:
        known = ", ".join(sorted(configured)) or "none"
        raise InvalidInput(f"Unknown model {model!r}. Configured: {known}.")


class Checks(ResponseModel):
    """Which checks of a quote against its claim passed."""

    source: bool
    quote: bool
    numbers: bool
    names: bool
    negation: bool
    coverage: bool


class ReplacedDraft(ResponseModel):
    """A model's sentence in whose place its quote is shown, and what was found about it."""

    text: str
    verdict: Verdict
    checks: Checks


def _is_none(value: object) -> bool:
    return value is None


class Claim(ResponseModel):
    """One sentence; only supported ones make up the answer. `citations` are their ids.

    `wording` is `source` when the text is the document's own words, `model` when a reader has
    proved a paraphrase. A removed claim has no text in an answer: only the stored record has, and
    there `draft` is the model's sentence where its quote took its place; neither is kept in a
    conversation in which the assistant has said something before.
    """

    text: str
    verdict: Verdict
    score: float
    citations: list[str]
    wording: Literal["source", "model"]
    draft: ReplacedDraft | None = Field(default=None, exclude_if=_is_none)


class CitationVerification(ResponseModel):
    """How the quote was found in the source, and what was checked.

    `reader` names what has read the claim against it; null where the claim is the quote's words.
    """

    method: MatchMethod
    checks: Checks
    reader: str | None


class Citation(ResponseModel):
    """A quote, verbatim: `content[char_start:char_end]` of that version."""

    id: str
    marker: str
    document_id: UUID
    document_version: Count
    external_id: str | None
    title: str | None
    filename: Filename | None
    source_uri: str | None
    chunk_id: int
    quote: str
    location: Location
    content_sha256: str
    verification: CitationVerification


class Conflict(ResponseModel):
    """A point on which admissible sources disagree.

    `citations` are the ids of both sides; `newer` is the one of the side that took effect later or
    was updated later, null when neither did.
    """

    text: str
    citations: list[str]
    newer: str | None


class Handover(ResponseModel):
    """For the person who takes over: why, what was asked, and the documents that were found.

    `history` has the user's turns. What the assistant said stands in the answers it gave.
    """

    reason: str
    question: str
    history: list[Turn]
    document_ids: list[UUID]


class DroppedPassage(ResponseModel):
    """A passage that was found but not shown to the generator."""

    chunk_id: int
    reason: Literal["duplicate", "budget"]


class ContextUse(ResponseModel):
    """The generator's context, in tokens."""

    budget: Count
    used: Count
    dropped: list[DroppedPassage]


class Usage(ResponseModel):
    """What the answer cost; without a language model, nothing."""

    input_tokens: Count
    output_tokens: Count
    cost_usd: float | None
    cache: Literal["hit", "miss"] | None


class PromptUse(ResponseModel):
    """The prompt that was used."""

    name: str
    version: int


def _check_number(rating: object) -> object:
    # To Python they are equal, and so they are to pydantic.
    if isinstance(rating, bool | float):
        raise ValueError("a rating is the number 1 or -1")  # noqa: TRY004  # pydantic's own
    return rating


Rating = Annotated[
    Literal[-1, 1],
    BeforeValidator(_check_number),
    Field(description="1: the answer helped; -1: it did not.", examples=[-1]),
]
ReasonCode = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$"),
    Field(
        description="Why, as a code of your own: a lower-case word, with digits and underscores.",
        examples=["outdated_source"],
    ),
]
Comment = Annotated[
    Words,
    StringConstraints(max_length=MAX_COMMENT_CHARS),
    Field(description="Why, in words.", examples=["The allowance changed in March."]),
]


class FeedbackRequest(RequestModel):
    """What the caller thinks of an answer; it takes the place of what it thought before."""

    rating: Rating
    reason_code: ReasonCode | None = None
    comment: Comment | None = None


class Feedback(ResponseModel):
    """What somebody thinks of an answer."""

    answer_id: UUID
    rating: Rating
    reason_code: ReasonCode | None
    comment: str | None
    created_at: Annotated[Time, Field(description="Of the author's first feedback on it.")]
    updated_at: Annotated[Time, Field(description="Of this one.")]


class Answer(ResponseModel):
    """An answer; `answer` is empty unless at least one claim is supported."""

    id: UUID
    status: AnswerStatus
    reason: AnswerReason | None
    answer: str
    claims: list[Claim]
    citations: list[Citation]
    conflicts: list[Conflict]
    clarifying_question: str | None
    retrieved: list[SearchHit] | None
    context: ContextUse
    usage: Usage
    model: str
    prompt: PromptUse | None
    generation: Count
    timings_ms: dict[str, float]
    created_at: Time
    request_id: str
    handover: Handover | None
    confidence_reason: str
    feedback: list[Feedback] = Field(
        default_factory=list,
        description="In the stored record: the caller's own; for who asked, also that of others "
        "with no principals but the asker's; with the scope `admin`, all. The newest first.",
    )
