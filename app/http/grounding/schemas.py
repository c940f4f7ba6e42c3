"""The request and response of `grounding:check`."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.http.answers.schemas import Checks
from app.http.schemas import RequestModel, ResponseModel, Words

MAX_SOURCES: Final = 100
"""Texts of one request: the most passages that a search gives."""

MAX_SOURCE_CHARS: Final = 200_000
"""Characters of all texts together: a book chapter; preparing them takes about a second."""

MAX_CLAIMS: Final = 200
"""Claims of one request, and sentences of one answer."""

MAX_CLAIM_CHARS: Final = 4_000
"""Characters of one claim: no sentence is longer."""

MAX_ANSWER_CHARS: Final = 40_000
"""Characters of one answer."""

MAX_SOURCE_ID_CHARS: Final = 200
"""Characters of a name for a text."""


class SourceText(RequestModel):
    """A text that claims are held against, under the caller's name for it."""

    id: Annotated[Words, StringConstraints(max_length=MAX_SOURCE_ID_CHARS)]
    text: Words


def _check_sources(sources: list[SourceText]) -> list[SourceText]:
    if len({source.id for source in sources}) < len(sources):
        raise ValueError("two sources have the same id")
    if sum(len(source.text) for source in sources) > MAX_SOURCE_CHARS:
        raise ValueError(f"the sources are longer than {MAX_SOURCE_CHARS} characters together")
    return sources


class GroundingRequest(RequestModel):
    """Either an answer, which is divided into sentences, or claims."""

    answer: Annotated[Words, StringConstraints(max_length=MAX_ANSWER_CHARS)] | None = None
    claims: (
        Annotated[
            list[Annotated[Words, StringConstraints(max_length=MAX_CLAIM_CHARS)]],
            Field(min_length=1, max_length=MAX_CLAIMS),
        ]
        | None
    ) = None
    sources: Annotated[
        list[SourceText],
        Field(min_length=1, max_length=MAX_SOURCES),
        AfterValidator(_check_sources),
    ]

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.answer is None) == (self.claims is None):
            raise ValueError("give either an answer or claims")
        return self


class GroundingCitation(ResponseModel):
    """A sentence of a source: `quote` is its `text[char_start:char_end]`."""

    source_id: str
    quote: str
    char_start: int
    char_end: int
    checks: Checks


class GroundingReason(ResponseModel):
    """A reason why a claim is not supported; `detail` is the word or number at fault."""

    code: str
    detail: str


class GroundingClaim(ResponseModel):
    """One claim; `score` (0 to 1) ranks, the verdict also heeds the checks.

    `polarity_checked` is false when the negations of the text's language are not understood: then
    only what its source says word for word is supported.
    """

    text: str
    verdict: Literal["supported", "unsupported", "contradicted", "not_checkable"]
    score: float
    polarity_checked: bool
    citations: list[GroundingCitation]
    reasons: list[GroundingReason]


class GroundingResponse(ResponseModel):
    """All claims in order; `support_rate` is the share of the checkable ones supported.

    `reader` names the model that has read the claims; null: rules have compared their words.
    """

    claims: list[GroundingClaim]
    support_rate: float | None
    profile: str
    profile_version: str
    reader: str | None
