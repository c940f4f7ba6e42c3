"""Answers and checks of the contract, as they come back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from footnote_client.contract import (
    AnswerReason,
    AnswerStatus,
    Location,
    SearchHit,
    Verdict,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checks:
    """Which checks of a quote against its claim passed."""

    source: bool
    quote: bool
    numbers: bool
    names: bool
    negation: bool
    coverage: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplacedDraft:
    """A model's sentence in whose place its quote is shown, and what was found about it."""

    text: str
    verdict: Verdict
    checks: Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One sentence of an answer; `citations` are the ids of its quotes.

    `wording` is `source` for the document's own words, `model` for a proved paraphrase. A removed
    claim has no text. `draft` is in stored records only.
    """

    text: str
    verdict: Verdict
    score: float
    citations: tuple[str, ...]
    wording: Literal["source", "model"]
    draft: ReplacedDraft | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CitationVerification:
    """How the quote was found in the source, and what was checked; `reader` has read the claim."""

    method: Literal["exact", "normalized", "snapped"]
    checks: Checks
    reader: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """A quote, verbatim: `content[char_start:char_end]` of that version of the document."""

    id: str
    marker: str
    document_id: str
    document_version: int
    external_id: str | None
    title: str | None
    filename: str | None
    source_uri: str | None
    chunk_id: int
    quote: str
    location: Location
    content_sha256: str
    verification: CitationVerification


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """A point on which sources disagree; `citations` are the ids of both sides."""

    text: str
    citations: tuple[str, ...]
    newer: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """An earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """For the person who takes over: why, what was asked, and the documents that were found."""

    reason: str
    question: str
    history: tuple[Turn, ...]
    document_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DroppedPassage:
    """A passage that was found but not shown to the generator."""

    chunk_id: int
    reason: Literal["duplicate", "budget"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextUse:
    """The generator's context, in tokens."""

    budget: int
    used: int
    dropped: tuple[DroppedPassage, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What the answer cost."""

    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    cache: Literal["hit", "miss"] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptUse:
    """The prompt that was used."""

    name: str
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What somebody thinks of an answer; `created_at` is of its author's first feedback on it."""

    answer_id: str
    rating: Literal[-1, 1]
    reason_code: str | None
    comment: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer; `answer` is text with `[n]` markers, empty unless a claim is supported.

    `feedback` is in stored records only.
    """

    id: str
    status: AnswerStatus
    reason: AnswerReason | None
    answer: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    conflicts: tuple[Disagreement, ...]
    clarifying_question: str | None
    retrieved: tuple[SearchHit, ...] | None
    context: ContextUse
    usage: Usage
    model: str
    prompt: PromptUse | None
    generation: int
    timings_ms: Mapping[str, float]
    created_at: datetime
    request_id: str
    handover: Handover | None
    confidence_reason: str
    feedback: tuple[Feedback, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedClaim:
    """A claim of a streamed answer, with the quotes that prove it."""

    index: int
    claim: Claim
    citations: tuple[Citation, ...]

    @property
    def text(self) -> str:
        """The claim's words."""
        return self.claim.text


@dataclass(frozen=True, kw_only=True, slots=True)
class GroundingCitation:
    """A sentence of a source: `quote` is its `text[char_start:char_end]`."""

    source_id: str
    quote: str
    char_start: int
    char_end: int
    checks: Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class GroundingReason:
    """A reason why a claim is not supported; `detail` is the word or number at fault."""

    code: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GroundingClaim:
    """One checked claim; `score` (0 to 1) ranks, the verdict also heeds the checks."""

    text: str
    verdict: Literal["supported", "unsupported", "contradicted", "not_checkable"]
    score: float
    polarity_checked: bool
    citations: tuple[GroundingCitation, ...]
    reasons: tuple[GroundingReason, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class GroundingResponse:
    """All claims in order; `support_rate` is the share of the checkable ones supported."""

    claims: tuple[GroundingClaim, ...]
    support_rate: float | None
    profile: str
    profile_version: str
    reader: str | None
