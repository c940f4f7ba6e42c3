"""The claims of one answer: who writes them, in which turn, and what is proved of them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.answering.asking import Asking
from app.answering.claims import DraftClaim, VerifiedClaim
from app.answering.context import Context
from app.answering.difficulty import difficulties
from app.answering.disagreement import Disagreement
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.generate.drafting import (
    EXTRACTIVE,
    Generation,
    draft_by_model,
    draft_from_sentences,
)
from app.answering.proving import Proving
from app.gateway.route import Tier
from kb.errors import LlmUnavailable


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of generating: all claims, proved or not, of each model asked, in their order.

    `last_claims` are those of the last model: of the others' nothing was proved.
    """

    generation: Generation
    claims: tuple[VerifiedClaim, ...] = ()
    last_claims: tuple[VerifiedClaim, ...] = ()


async def judged_claims(
    asking: Asking,
    context: Context,
    evidence: Sequence[SentenceEvidence],
    disagreement: Disagreement | None,
) -> AsyncGenerator[VerifiedClaim | Judged, None]:
    """Each claim once it is judged, then all that came of it; raises what `generate` raises."""
    judged = Judged(generation=Generation(status=None, model=asking.model_name))
    claims: list[VerifiedClaim] = []
    for tier in _tiers(asking):
        of_earlier = len(claims)
        proving = Proving(asking, context)
        drafting = _drafts(asking, context, evidence, disagreement, tier)
        async with aclosing(drafting):
            async for drafted in drafting:
                decided = await (
                    proving.finish() if isinstance(drafted, Generation) else proving.add(drafted)
                )
                for claim in decided:
                    claims.append(claim)
                    yield claim
                if isinstance(drafted, Generation):
                    judged = Judged(
                        generation=drafted,
                        claims=tuple(claims),
                        last_claims=tuple(claims[of_earlier:]),
                    )
        if not _needs_stronger_model(judged):
            break
    yield judged


def _tiers(asking: Asking) -> Sequence[Tier]:
    """The models to ask in turn; the next one only if verification left nothing of the last."""
    if asking.session is None or not asking.session.has_strong_tier:
        return ("standard",)
    return ("strong",) if difficulties(asking.question.text) else ("standard", "strong")


def _needs_stronger_model(judged: Judged) -> bool:
    """True when the model answered, or tried to, and nothing of it was proved."""
    has_failed = judged.generation.status in {"answered", None}
    return has_failed and all(claim.verdict != "supported" for claim in judged.last_claims)


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
        async for drafted in _from_sentences(asking, context, evidence):
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
        async for drafted in _from_sentences(asking, context, evidence):
            yield drafted


def _from_sentences(
    asking: Asking, context: Context, evidence: Sequence[SentenceEvidence]
) -> AsyncGenerator[DraftClaim | Generation, None]:
    return draft_from_sentences(asking.question, evidence, context, in_context=asking.in_context)
