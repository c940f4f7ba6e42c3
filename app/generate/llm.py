"""A draft from a language model: asked once, repaired at most twice, never taken on trust."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from app.claims import Draft, DraftCitation, DraftClaim, DraftStatus
from app.context import Context
from app.gateway.language_model import LanguageModel, Message
from app.gateway.response import Completion
from app.prompts.prompt import Prompt
from app.prompts.render import Turn, render_prompt
from kb.errors import LlmOutputInvalid

MAX_REPAIRS: Final = 2
"""A model that fails three times in a row fails on, and each try costs a whole prompt."""

MAX_FAULTS_TOLD: Final = 10
"""More faults than this have one cause; the first ones show it."""

MAX_ECHO_CHARS: Final = 8_000
"""The longest failed output shown to the model again: more than a usable draft has."""

FENCE_BYTES: Final = 6
"""2**48 tokens: no document can be written to hold the one that a later request will draw."""


@dataclass(frozen=True, kw_only=True)
class LlmDraft:
    """A draft of the right shape; tokens are those of all attempts, None when one is unknown."""

    draft: Draft
    model: str
    input_tokens: int | None
    output_tokens: int | None
    attempts: int


class DraftGivenUp(LlmOutputInvalid):
    """No attempt of the language model had the agreed shape."""

    def __init__(
        self, *, attempts: int, input_tokens: int | None, output_tokens: int | None
    ) -> None:
        """Holds what was spent, so that it is counted although nothing came of it."""
        super().__init__(f"The language model's output had the wrong shape {attempts} times.")
        self.attempts = attempts
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


async def generate(
    question: str,
    history: Sequence[Turn],
    context: Context,
    *,
    model: LanguageModel,
    prompt: Prompt,
    max_output_tokens: int | None = None,
) -> LlmDraft:
    """The model's draft of an answer; whether it is true is for verification to find out.

    Costs one to three completions, each within the model's own time limit.

    Raises:
        LlmOutputInvalid: no output of the right shape; as `DraftGivenUp` it says what was spent.
        LlmUnavailable: the model cannot be asked at the moment; `LlmTimedOut` is one of these.
        Misconfigured: the model's server refuses to be asked this way.
    """
    rendered = render_prompt(
        prompt,
        question=question,
        history=history,
        sources=context.sources,
        fence=secrets.token_hex(FENCE_BYTES),
    )
    opening = (
        Message(role="system", content=rendered.system),
        Message(role="user", content=rendered.user),
    )
    repair: tuple[Message, ...] = ()
    completions: list[Completion] = []
    draft: Draft | None = None
    while draft is None and len(completions) <= MAX_REPAIRS:
        completion = await model.complete(
            (*opening, *repair), json_schema=DRAFT_SCHEMA, max_output_tokens=max_output_tokens
        )
        completions.append(completion)
        try:
            draft = _read_draft(completion)
        except _WrongShape as wrong_shape:
            repair = _ask_again(prompt, completion, wrong_shape.faults)
    input_tokens = _sum([completion.input_tokens for completion in completions])
    output_tokens = _sum([completion.output_tokens for completion in completions])
    if draft is None:
        raise DraftGivenUp(
            attempts=len(completions), input_tokens=input_tokens, output_tokens=output_tokens
        )
    return LlmDraft(
        draft=draft,
        model=completions[-1].model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        attempts=len(completions),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _ask_again(prompt: Prompt, completion: Completion, faults: str) -> tuple[Message, Message]:
    return (
        Message(role="assistant", content=completion.text[:MAX_ECHO_CHARS]),
        Message(role="user", content=prompt.repair.substitute(faults=faults)),
    )


class _WrongShape(Exception):
    """The output is no draft; `faults` is for the model's eyes only, it may hold its words."""

    def __init__(self, faults: str) -> None:
        super().__init__("wrong shape")
        self.faults = faults


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


# The checks are validators, not Field constraints: OpenAI's strict mode refuses some keywords.
_Text = Annotated[str, AfterValidator(_not_blank)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _CitationShape(_Shape):
    source: _Text
    quote: _Text


class _ClaimShape(_Shape):
    text: _Text
    citations: list[_CitationShape]

    @model_validator(mode="after")
    def _is_cited(self) -> Self:
        if not self.citations:
            raise ValueError("each claim needs at least one citation")
        return self


class _DraftShape(_Shape):
    status: DraftStatus
    claims: list[_ClaimShape]
    clarifying_question: str | None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.status == "answered") != bool(self.claims):
            raise ValueError("'claims' must hold a claim when 'status' is 'answered', only then")
        if self.status == "needs_clarification" and not (self.clarifying_question or "").strip():
            raise ValueError("'needs_clarification' needs a 'clarifying_question'")
        return self


DRAFT_SCHEMA: Final[dict[str, object]] = _DraftShape.model_json_schema()
"""The JSON schema sent to the model's server."""


def _read_draft(completion: Completion) -> Draft:
    if completion.finish_reason == "length":
        raise _WrongShape("- it was cut off at the output limit: make fewer and shorter claims")
    try:
        shape = _DraftShape.model_validate_json(completion.text)
    except ValidationError as error:
        raise _WrongShape(_faults(error)) from None
    return Draft(
        status=shape.status,
        claims=tuple(
            DraftClaim(
                text=claim.text,
                citations=tuple(
                    DraftCitation(source=citation.source, quote=citation.quote)
                    for citation in claim.citations
                ),
            )
            for claim in shape.claims
        ),
        clarifying_question=(
            shape.clarifying_question if shape.status == "needs_clarification" else None
        ),
    )


def _faults(error: ValidationError) -> str:
    told = error.errors(include_url=False, include_context=False, include_input=False)
    return "\n".join(
        f"- {'.'.join(str(step) for step in fault['loc']) or 'the whole output'}: {fault['msg']}"
        for fault in told[:MAX_FAULTS_TOLD]
    )
