"""The request and response of `grounding:check`."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue

from app.http.answers.schemas import Checks
from app.http.response_fields import QUOTE
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

    id: Annotated[Words, StringConstraints(max_length=MAX_SOURCE_ID_CHARS)] = Field(
        description="The caller's name for the text.", examples=["handbook"]
    )
    text: Words = Field(description="The text.", examples=[QUOTE])


def _check_sources(sources: list[SourceText]) -> list[SourceText]:
    if len({source.id for source in sources}) < len(sources):
        raise ValueError("two sources have the same id")
    if sum(len(source.text) for source in sources) > MAX_SOURCE_CHARS:
        raise ValueError(f"the sources are longer than {MAX_SOURCE_CHARS} characters together")
    return sources


class GroundingRequest(RequestModel):
    """Either an answer, which is divided into sentences, or claims."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "claims": ["Parental leave is 16 weeks."],
                    "sources": [{"id": "handbook", "text": QUOTE}],
                }
            ]
        }
    )

    # As `_has_one` checks.
    among_fields: ClassVar[JsonSchemaValue] = {
        "if": {"required": ["answer"], "properties": {"answer": {"type": "string"}}},
        "then": {"properties": {"claims": {"type": "null"}}},
        "else": {"required": ["claims"], "properties": {"claims": {"type": "array"}}},
    }

    answer: Annotated[Words, StringConstraints(max_length=MAX_ANSWER_CHARS)] | None = Field(
        default=None,
        description="A text to divide into sentences, each of which is a claim.",
        examples=["Parental leave is 16 weeks. It is paid in full."],
    )
    claims: (
        Annotated[
            list[Annotated[Words, StringConstraints(max_length=MAX_CLAIM_CHARS)]],
            Field(min_length=1, max_length=MAX_CLAIMS),
        ]
        | None
    ) = Field(
        default=None, description="The claims to check.", examples=[["Parental leave is 16 weeks."]]
    )
    sources: Annotated[
        list[SourceText],
        Field(min_length=1, max_length=MAX_SOURCES),
        AfterValidator(_check_sources),
    ] = Field(
        description=f"The texts to hold the claims against, {MAX_SOURCE_CHARS} characters together "
        "at most, each with an id of its own."
    )

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.answer is None) == (self.claims is None):
            raise ValueError("give either an answer or claims")
        return self


class GroundingCitation(ResponseModel):
    """A sentence of a source: `quote` is its `text[char_start:char_end]`."""

    source_id: str = Field(description="The id of the text.", examples=["handbook"])
    quote: str = Field(description="The sentence, verbatim.", examples=[QUOTE])
    char_start: int = Field(
        description="Where it begins in the text, in code points.", examples=[0]
    )
    char_end: int = Field(description="Where it ends, exclusive.", examples=[len(QUOTE)])
    checks: Checks = Field(description="Which checks of the quote passed.")


class GroundingReason(ResponseModel):
    """A reason why a claim is not supported; `detail` is the word or number at fault."""

    code: str = Field(description="The check that failed.", examples=["numbers"])
    detail: str = Field(description="The word or number at fault.", examples=["18"])


class GroundingClaim(ResponseModel):
    """One claim; `score` (0 to 1) ranks, the verdict also heeds the checks.

    `polarity_checked` is false when the negations of the text's language are not understood: then
    only what its source says word for word is supported.
    """

    text: str = Field(description="The claim.", examples=["Parental leave is 16 weeks."])
    verdict: Literal["supported", "unsupported", "contradicted", "not_checkable"] = Field(
        description="What the texts say about it; `not_checkable` is no statement.",
        examples=["supported"],
    )
    score: float = Field(description="0 to 1; claims are ranked by it.", examples=[0.98])
    polarity_checked: bool = Field(
        description="Whether the negations of the text's language are understood.", examples=[True]
    )
    citations: list[GroundingCitation] = Field(description="The sentences that prove it.")
    reasons: list[GroundingReason] = Field(description="Why it is not supported.", examples=[[]])


class GroundingResponse(ResponseModel):
    """All claims in order; `support_rate` is the share of the checkable ones supported.

    `reader` names the model that has read the claims; null: rules have compared their words.
    """

    claims: list[GroundingClaim] = Field(description="The claims, in order.")
    support_rate: float | None = Field(
        description="The share of the checkable claims that are supported; null without any.",
        examples=[1.0],
    )
    profile: str = Field(description="The strictness of the checks.", examples=["balanced"])
    profile_version: str = Field(
        description="The version of the profile's thresholds.", examples=["2026-11-20"]
    )
    reader: str | None = Field(
        description="The model that has read the claims; null: rules have compared their words.",
        examples=[None],
    )
