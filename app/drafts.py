"""The claims of one answer: who writes them, in which turn, and what is proved of them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime

from app.auth import Caller
from app.claims import Draft, DraftClaim, VerifiedClaim
from app.context import Context
from app.gateway.gateway import ModelSession
from app.gateway.route import Tier
from app.generate.difficulty import difficulties
from app.generate.drafting import (
    EXTRACTIVE,
    Generation,
    draft_by_model,
    draft_from_sentences,
)
from app.generate.evidence import SentenceEvidence
from app.guard.claim import guard_claim
from app.guard.policy import TenantPolicy
from app.outcome.disagreement import Disagreement
from app.prompts.prompt import Prompt
from app.prompts.render import Turn
from app.question import Question
from app.retrieve.conversation import Conversation
from app.second_opinion.grounding_model import GroundingModel
from app.second_opinion.judge import judge_claim
from app.second_opinion.moderation import moderate_claim
from app.verify.profiles import ProfileName
from app.verify.verify import verify
from kb.errors import LlmUnavailable

MAX_QUOTED_WITHOUT_PROMPT = 4_000
"""Characters of a claim made of a source's own sentence, which no prompt bounds."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A question that may be answered, and what it is answered with."""

    caller: Caller
    question: Question
    told: tuple[Turn, ...]
    """Of the turns before the question, those that a model is shown."""

    conversation: Conversation | None
    policy: TenantPolicy
    session: ModelSession | None
    prompt: Prompt
    verify_profile: ProfileName
    grounding_model: GroundingModel | None
    now: datetime

    @property
    def in_context(self) -> str:
        """The question; one that leans on the question before it, with that."""
        is_follow_up = self.conversation is not None and self.conversation.bearing == "follow_up"
        return self.question.in_context if is_follow_up else self.question.text

    @property
    def model_name(self) -> str:
        """What the answer names as its model when none was asked in the end."""
        return self.session.alias if self.session else EXTRACTIVE


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of generating: all claims of the last model asked, proved or not."""

    generation: Generation
    claims: tuple[VerifiedClaim, ...] = ()


async def judged_claims(
    asking: Asking,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    disagreement: Disagreement | None,
) -> AsyncGenerator[VerifiedClaim | Judged, None]:
    """Each claim once it is judged, then all that came of it; raises what `generate` raises."""
    judged = Judged(generation=Generation(status=None, model=asking.model_name))
    for tier in _tiers(asking):
        claims: list[VerifiedClaim] = []
        drafting = _drafts(asking, context, evidence, disagreement, tier)
        async with aclosing(drafting):
            async for drafted in drafting:
                if isinstance(drafted, Generation):
                    judged = Judged(generation=drafted, claims=tuple(claims))
                    continue
                judgement = await asyncio.to_thread(_judge, drafted, asking, context)
                claims.append(await _reviewed(judgement, asking, context))
                yield claims[-1]
        if not _needs_stronger_model(judged):
            break
    yield judged


def _judge(claim: DraftClaim, asking: Asking, context: Context) -> VerifiedClaim:
    """The claim as verification, the guard and a second opinion leave it."""
    judged = verify(
        Draft(status="answered", claims=(claim,)), context, asking.verify_profile
    ).claims[0]
    limit = asking.prompt.settings.guardrails.max_claim_chars
    guarded = guard_claim(
        judged,
        question=asking.in_context,
        passages={source.id: source.passage for source in context.sources},
        max_chars=limit if asking.session else MAX_QUOTED_WITHOUT_PROMPT,
    )
    model = asking.grounding_model
    return guarded if model is None else model.review([guarded])[0]


async def _reviewed(claim: VerifiedClaim, asking: Asking, context: Context) -> VerifiedClaim:
    """The claim as the models leave it that the tenant wants asked about it."""
    session = asking.session
    if session is None:
        return claim
    return await judge_claim(session, await moderate_claim(session, claim), context)


def _tiers(asking: Asking) -> Sequence[Tier]:
    """The models to ask in turn; the next one only if verification left nothing of the last."""
    if asking.session is None or not asking.session.has_strong_tier:
        return ("standard",)
    return ("strong",) if difficulties(asking.question.text) else ("standard", "strong")


def _needs_stronger_model(judged: Judged) -> bool:
    """True when the model answered, or tried to, and nothing of it was proved."""
    has_failed = judged.generation.status in {"answered", None}
    return has_failed and all(claim.verdict != "supported" for claim in judged.claims)


async def _drafts(
    asking: Asking,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    conflict: Disagreement | None,
    tier: Tier,
) -> AsyncGenerator[DraftClaim | Generation, None]:
    """The claims to judge; in a conflict both sides are among them, in their own words."""
    sides = [] if conflict is None else [conflict.first, conflict.second]
    if sides and asking.session is None:
        for side in sides:
            yield side.claim
        yield Generation(status="answered", model=EXTRACTIVE)
        return
    async with aclosing(_written(asking, context, evidence, tier)) as drafting:
        async for drafted in drafting:
            if isinstance(drafted, Generation) and drafted.status == "answered":
                for side in sides:
                    yield side.claim
            yield drafted


async def _written(
    asking: Asking, context: Context, evidence: Sequence[SentenceEvidence], tier: Tier
) -> AsyncGenerator[DraftClaim | Generation, None]:
    session = asking.session
    if session is None:
        async for drafted in draft_from_sentences(asking.question, evidence):
            yield drafted
        return
    has_written = False
    try:
        by_model = draft_by_model(
            replace(asking.question, history=asking.told),
            context,
            session=session,
            prompt=asking.prompt,
            tier=tier,
        )
        async with aclosing(by_model):
            async for drafted in by_model:
                has_written = True
                yield drafted
    except LlmUnavailable:
        if has_written or not session.is_extractive_when_down:
            raise
        async for drafted in draft_from_sentences(asking.question, evidence):
            yield drafted
