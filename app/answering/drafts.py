"""The claims of one answer: who writes them, in which turn, and what is proved of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.answering.claims import VerifiedClaim
from app.answering.difficulty import difficulties
from app.answering.generate.draft_report import EXTRACTIVE, DraftReport
from app.answering.generate.extractive import extract
from app.answering.generate.llm import draft_by_model
from app.answering.proving import OnClaim, Prover
from app.answering.run import AnswerRun, Retrieved
from app.gateway.metered import Purpose
from app.gateway.route import Tier
from kb.errors import LlmOutputInvalid, LlmUnavailable


@dataclass(frozen=True, kw_only=True)
class VerifiedDraft:
    """All claims, proved or not, of each model that was asked, in their order.

    `report` and `last_claims` are those of the last model: of the others' nothing was proved.
    """

    report: DraftReport
    claims: tuple[VerifiedClaim, ...] = ()
    last_claims: tuple[VerifiedClaim, ...] = ()


async def draft_and_verify(
    run: AnswerRun,
    retrieved: Retrieved,
    on_claim: OnClaim,
) -> VerifiedDraft:
    """The draft of the first model of which anything is proved, else of the last one.

    Each claim goes to `on_claim` once it is decided; in a conflict both sides are among them, in
    their own words. Raises what `draft_by_model` raises; LlmOutputInvalid also where nothing of the
    last model's output can be read, if the tenant wants an error then.
    """
    session, disagreement = run.session, retrieved.disagreement
    tiers: Sequence[Tier] = ("standard",)
    if session is not None and session.has_strong_tier:
        tiers = ("strong",) if difficulties(run.question.text) else ("standard", "strong")
    draft = VerifiedDraft(report=DraftReport(status=None, model=run.release.model))
    for tier in tiers:
        prover = Prover(run, retrieved.context, on_claim)
        if session is None and disagreement is not None:
            report = DraftReport(status="answered", model=EXTRACTIVE)
        else:
            report = await _write(run, retrieved, tier, prover)
        is_unreadable = report.status is None and tier == tiers[-1]
        if session is not None and is_unreadable and session.fails_when_unreadable:
            raise LlmOutputInvalid
        if report.status == "answered" and disagreement is not None:
            for side in (disagreement.first, disagreement.second):
                await prover.add(side.claim)
        await prover.finish()
        last_claims = tuple(prover.claims)
        draft = VerifiedDraft(
            report=report, claims=draft.claims + last_claims, last_claims=last_claims
        )
        has_failed = report.status in {"answered", None}
        if not has_failed or any(claim.verdict == "supported" for claim in last_claims):
            break
    return draft


async def _write(
    run: AnswerRun,
    retrieved: Retrieved,
    tier: Tier,
    prover: Prover,
) -> DraftReport:
    """The report on what a model, or else the sources themselves, gave the prover."""
    session, prompt = run.session, run.release.prompt
    if session is not None:
        purpose = Purpose(feature="answer", prompt_name=prompt.name, prompt_version=prompt.version)
        try:
            report = await draft_by_model(
                run.question,
                retrieved.context,
                shown_history=run.shown_history,
                model=session.model(purpose, tier=tier),
                prompt=prompt,
                on_claim=prover.add,
            )
        except LlmUnavailable:
            if not prover.is_untouched or not session.is_extractive_when_down:
                raise
        else:
            return replace(report, tier=tier)
    draft = await asyncio.to_thread(
        extract, run.question.reading, retrieved.evidence, retrieved.context
    )
    for claim in draft.claims:
        await prover.add(claim)
    return DraftReport(status=draft.status, model=EXTRACTIVE)
