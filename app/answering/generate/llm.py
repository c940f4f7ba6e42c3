"""A draft from a language model, claim by claim while it writes; nothing of it is trusted.

A claim is given as soon as its JSON has closed. An output of the wrong shape is sent back with its
faults, at most twice; once a claim has been given, what follows it and cannot be read is lost.
"""

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from app.answering.claims import DraftCitation, DraftClaim, DraftStatus
from app.answering.context import Context, best_at_ends
from app.answering.generate.draft_reader import DraftReader, UnreadableDraft
from app.answering.generate.draft_report import DraftReport
from app.answering.prompts.prompt import Prompt
from app.answering.prompts.render import LeftOut, render_prompt
from app.answering.question.question import Question
from app.answering.window import Turn
from app.gateway.chat import ChatModel, Completion, Message
from kb.errors import LlmOutputInvalid, LlmUnavailable

MAX_REPAIRS: Final = 2
"""A model that fails three times in a row fails on, and each try costs a whole prompt."""

MAX_FAULTS_TOLD: Final = 10
"""More faults than this have one cause; the first ones show it."""

MAX_CLAIMS_READ: Final = 1_000
"""Of one output: what writes more, writes without end."""

FENCE_BYTES: Final = 6
"""2**48 tokens: no document can be written to hold the one that a later request will draw."""

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class _Attempt:
    """One output while it comes."""

    max_claims: int
    reader: DraftReader = field(default_factory=DraftReader)
    waiting: list[DraftClaim] = field(default_factory=list)
    """Read before the model has said that it answers."""

    given: int = 0
    read: int = 0
    faults: list[str] = field(default_factory=list)
    is_unreadable: bool = False
    is_beyond_limit: bool = False
    completion: Completion | None = None

    def feed(self, piece: str) -> list[DraftClaim]:
        """The claims that can be given now: none before the model has said that it answers."""
        try:
            values = self.reader.feed(piece)
        except UnreadableDraft as broken:
            values = broken.claims
            self.is_unreadable = True
        for index, value in enumerate(values, start=self.read):
            if index >= MAX_CLAIMS_READ:
                self.is_unreadable = True
                continue
            try:
                claim = _ClaimShape.model_validate(value)
            except ValidationError as error:
                self.faults += _faults(error, "claims", str(index))
                continue
            citations = (
                DraftCitation(source=each.source, quote=each.quote) for each in claim.citations
            )
            self.waiting.append(DraftClaim(text=claim.text, citations=tuple(citations)))
        self.read += len(values)
        if self.reader.fields.get("status") != "answered":
            return []
        ready, self.waiting = self.waiting, []
        room = self.max_claims - self.given
        self.is_beyond_limit = len(ready) > room
        ready = ready[:room]
        self.given += len(ready)
        return ready

    def ending(self) -> "_EndShape":
        """The fields besides the claims; raises _WrongShape when there is nothing to use."""
        is_closed = self.reader.is_closed
        if not is_closed and self.completion and self.completion.finish_reason == "length":
            raise _WrongShape("- it was cut off at the output limit: make fewer, shorter claims")
        if self.is_unreadable or not is_closed:
            raise _WrongShape("- it is not one JSON object")
        try:
            ending = _EndShape.model_validate(
                {**self.reader.fields, "claim_count": len(self.waiting) + self.given}
            )
        except ValidationError as error:
            raise _WrongShape("\n".join([*self.faults, *_faults(error)])) from None
        if self.faults:
            raise _WrongShape("\n".join(self.faults))
        return ending


async def draft_by_model(
    question: Question,
    context: Context,
    *,
    shown_history: Sequence[Turn],
    model: ChatModel,
    prompt: Prompt,
    on_claim: Callable[[DraftClaim], Awaitable[None]],
) -> DraftReport:
    """The report on a draft whose claims go to `on_claim` while the model writes on.

    Whether a claim is true is for verification to find out. Costs one to three completions, within
    the model's own time limit. What `on_claim` raises stops the model.

    Raises:
        LlmUnavailable: the model cannot be asked at the moment; `LlmTimedOut` is one of these.
        LlmOutputInvalid: what came is no completion at all.
        Misconfigured: the model's server refuses to be asked this way.
        BudgetExhausted, RequestBudgetExceeded: the tenant may not spend as much.
    """
    rendered = render_prompt(
        prompt,
        question=question.text,
        history=shown_history,
        sources=best_at_ends(context.sources),
        fence=secrets.token_hex(FENCE_BYTES),
    )
    opening = (
        Message(role="system", content=rendered.system),
        Message(role="user", content=rendered.user),
    )
    messages: tuple[Message, ...] = opening
    limits = (question.max_output_tokens, prompt.settings.model.max_output_tokens)
    max_output_tokens = min((each for each in limits if each is not None), default=None)
    attempts: list[_Attempt] = []
    ending: _EndShape | None = None
    while ending is None and len(attempts) <= MAX_REPAIRS:
        attempt = _Attempt(max_claims=prompt.settings.guardrails.max_claims)
        attempts.append(attempt)
        # Closed at once when the caller goes away, so that the model stops.
        async with aclosing(_claims_of(attempt, messages, model, max_output_tokens)) as claims:
            async for claim in claims:
                await on_claim(claim)
        try:
            ending = attempt.ending()
        except _WrongShape as wrong_shape:
            if attempt.given:
                break
            written = attempt.reader.text or "(nothing)"
            faults = prompt.repair.substitute(faults=wrong_shape.faults)
            messages = (
                *opening,
                Message(role="assistant", content=written),
                Message(role="user", content=faults),
            )
    return _report(attempts, ending, model, prompt, rendered.left_out)


async def _claims_of(
    attempt: _Attempt,
    messages: Sequence[Message],
    model: ChatModel,
    max_output_tokens: int | None,
) -> AsyncGenerator[DraftClaim, None]:
    """The claims of one output; leaving it early stops the model.

    A failure of the model ends it where a claim has been given, and is raised elsewhere.
    """
    try:
        async with model.stream(
            messages, json_schema=DRAFT_SCHEMA, max_output_tokens=max_output_tokens
        ) as stream:
            async for piece in stream:
                for claim in attempt.feed(piece):
                    yield claim
                if attempt.reader.is_closed and "status" in attempt.reader.fields:
                    # The draft has ended, whatever the model writes behind it.
                    stream.need_no_more()
                if attempt.is_unreadable or attempt.is_beyond_limit:
                    return
            attempt.completion = stream.completion
    except (LlmUnavailable, LlmOutputInvalid) as failure:
        if not attempt.given:
            raise
        # What has been given is proved or not by itself; the rest counts as lost.
        log.warning("draft.broken_off", code=failure.code)


def _report(
    attempts: Sequence[_Attempt],
    ending: "_EndShape | None",
    model: ChatModel,
    prompt: Prompt,
    left_out: tuple[LeftOut, ...],
) -> DraftReport:
    last = attempts[-1]
    completion = last.completion
    completions = [attempt.completion for attempt in attempts]
    input_tokens = [each.input_tokens if each else None for each in completions]
    output_tokens = [each.output_tokens if each else None for each in completions]
    has_answered = ending is None and last.given > 0
    asks_back = ending is not None and ending.status == "needs_clarification"
    # The rest of a broken output counts as one.
    lost = len(last.faults) + int(not last.reader.is_closed)
    return DraftReport(
        status="answered" if has_answered else (ending.status if ending else None),
        model=completion.model if completion else model.name,
        clarifying_question=ending.clarifying_question if ending and asks_back else None,
        prompt=prompt,
        input_tokens=0 if None in input_tokens else sum(filter(None, input_tokens)),
        output_tokens=0 if None in output_tokens else sum(filter(None, output_tokens)),
        attempts=len(attempts),
        lost=lost if has_answered else int(last.is_beyond_limit),
        left_out=left_out,
        mean_logprob=completion.mean_logprob if completion else None,
    )


class _WrongShape(Exception):
    """The output is no draft; `faults` is for the model only, it may hold its words."""

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


class _EndShape(_Shape):
    """The fields around the claims."""

    status: DraftStatus
    claim_count: int
    clarifying_question: str | None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.status == "answered") != bool(self.claim_count):
            raise ValueError("'claims' must hold a claim when 'status' is 'answered', only then")
        if self.status == "needs_clarification" and not (self.clarifying_question or "").strip():
            raise ValueError("'needs_clarification' needs a 'clarifying_question'")
        return self


class _DraftShape(_Shape):
    status: DraftStatus
    claims: list[_ClaimShape]
    clarifying_question: str | None


DRAFT_SCHEMA: Final[dict[str, object]] = _DraftShape.model_json_schema()
"""The JSON schema sent to the model's server."""


def _faults(error: ValidationError, *inside: str) -> list[str]:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        f"- {'.'.join([*inside, *map(str, fault['loc'])]) or 'the whole output'}: {fault['msg']}"
        for fault in errors[:MAX_FAULTS_TOLD]
    ]
