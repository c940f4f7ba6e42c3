"""The provider's moderation of what is asked and what is answered, where the tenant wants it.

A question that is flagged is refused, a claim that is flagged is not shown. When the provider
cannot be asked the request fails, unless the tenant lets texts pass that nobody moderated.
"""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from app.answering.claims import Reason, VerifiedClaim
from app.answering.guard.checks import CheckResult, Guarded
from app.gateway.gateway import ModelSession
from kb.errors import (
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    Misconfigured,
    ModerationUnavailable,
)

CHECK: Final = "moderation"

log = structlog.get_logger(__name__)


async def moderate_question(session: ModelSession, guarded: Guarded) -> Guarded:
    """The question with what moderation found; unchanged for a tenant without moderation.

    Raises:
        ModerationUnavailable: it cannot be moderated, and the tenant's policy wants it to be.
        BudgetExhausted, RequestBudgetExceeded: the tenant may not spend as much.
    """
    if session.access.moderation is None:
        return guarded
    is_flagged = await _is_flagged(session, guarded.text)
    result = CheckResult(name=CHECK, outcome="pass", reason=None)
    if is_flagged is None:
        result["reason"] = "not moderated: the provider could not be asked"
    elif is_flagged:
        result = CheckResult(name=CHECK, outcome="reject", reason="flagged by the provider")
    return replace(
        guarded,
        results=(*guarded.results, result),
        refusal="policy" if is_flagged else guarded.refusal,
    )


async def moderate_claim(session: ModelSession, claim: VerifiedClaim) -> VerifiedClaim:
    """The claim, or the claim taken back because it is flagged; raises as `moderate_question`."""
    if claim.verdict != "supported" or not await _is_flagged(session, claim.text):
        return claim
    reason = Reason(code="flagged", detail=CHECK)
    return replace(claim, verdict="unsupported", score=0.0, reasons=(*claim.reasons, reason))


async def _is_flagged(session: ModelSession, text: str) -> bool | None:
    """True when the provider flags the text; None when it was not asked."""
    moderation = session.moderation()
    if moderation is None:
        return None
    try:
        async with asyncio.timeout(session.seconds_for_aside):
            return await moderation.moderate(text)
    except (TimeoutError, LlmUnavailable, LlmOutputInvalid, Misconfigured) as failure:
        if session.access.moderation_when_down == "allow":
            code = LlmTimedOut.code if isinstance(failure, TimeoutError) else failure.code
            log.warning("moderation.skipped", model=moderation.name, code=code)
            return None
        pause = failure.retry_after_seconds if isinstance(failure, LlmUnavailable) else None
        raise ModerationUnavailable(retry_after_seconds=pause) from failure
