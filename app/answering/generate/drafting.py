"""Claims to be judged: from the documents' own sentences, or from a language model."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from app.answering.claims import DraftClaim, DraftStatus
from app.answering.context import Context
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.generate.extractive import extract
from app.answering.generate.llm import Drafted, generate
from app.answering.prompts.prompt import Prompt
from app.answering.prompts.render import LeftOut
from app.answering.question.parts import read_question
from app.answering.question.question import Question
from app.gateway.gateway import ModelSession
from app.gateway.metered import Purpose
from app.gateway.route import Tier
from kb.errors import LlmOutputInvalid

EXTRACTIVE: Final = "extractive"
"""What the answer names as its model when no language model wrote it."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """How generating ended and what it cost.

    `status` None: no output had the agreed shape. `lost`: pieces of the output that could not be
    read after others had been given. `mean_logprob`: of the model's tokens, where it is told.
    """

    status: DraftStatus | None
    model: str
    clarifying_question: str | None = None
    prompt: Prompt | None = None
    tier: Tier | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    lost: int = 0
    left_out: tuple[LeftOut, ...] = ()
    mean_logprob: float | None = None

    @property
    def failure(self) -> str | None:
        """The code of what the model did wrong besides its claims, for the record; often None."""
        if self.status is None:
            return "draft_unreadable"
        return "draft_incomplete" if self.lost else None


async def draft_from_sentences(
    question: Question,
    evidence: Sequence[SentenceEvidence],
    context: Context,
    *,
    in_context: str,
) -> AsyncGenerator[DraftClaim | Generation, None]:
    """The claims in the sources' words, then the end; `in_context` as `read_question` takes it."""
    draft = extract(read_question(question.text, in_context), evidence, context)
    for claim in draft.claims:
        yield claim
    yield Generation(status=draft.status, model=EXTRACTIVE)


async def draft_by_model(
    question: Question, context: Context, *, session: ModelSession, prompt: Prompt, tier: Tier
) -> AsyncGenerator[DraftClaim | Generation, None]:
    """The model's claims as it writes them, then how it ended; raises as `generate` says.

    LlmOutputInvalid also where nothing of the output can be read, if the tenant wants that told.
    """
    purpose = Purpose(feature="answer", prompt_name=prompt.name, prompt_version=prompt.version)
    drafting = generate(
        question.text,
        question.history,
        context,
        model=session.model(purpose, tier=tier),
        prompt=prompt,
        max_output_tokens=_lower(
            question.max_output_tokens, prompt.settings.model.max_output_tokens
        ),
    )
    # Closed at once when the caller goes away, so that the model stops.
    async with aclosing(drafting):
        async for drafted in drafting:
            if not isinstance(drafted, Drafted):
                yield drafted
                continue
            is_last_try = tier == "strong" or not session.has_strong_tier
            if drafted.status is None and is_last_try and session.fails_when_unreadable:
                raise LlmOutputInvalid
            yield _generation(drafted, session, prompt, tier)


def _generation(drafted: Drafted, session: ModelSession, prompt: Prompt, tier: Tier) -> Generation:
    return Generation(
        status=drafted.status,
        clarifying_question=drafted.clarifying_question,
        model=drafted.model or session.alias,
        prompt=prompt,
        tier=tier,
        input_tokens=drafted.input_tokens or 0,
        output_tokens=drafted.output_tokens or 0,
        lost=drafted.lost,
        left_out=drafted.left_out,
        mean_logprob=drafted.mean_logprob,
    )


def _lower(first: int | None, second: int | None) -> int | None:
    known = [limit for limit in (first, second) if limit is not None]
    return min(known, default=None)
