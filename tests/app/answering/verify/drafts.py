"""A short way to put a claim and its quotes before the verifier."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.claims import (
    Draft,
    DraftCitation,
    DraftClaim,
    VerifiedClaim,
)
from app.answering.context import Context
from app.answering.outcome import AnswerReason, AnswerStatus
from app.answering.verify.cited import cited_sources
from app.answering.verify.extract import Extract
from app.answering.verify.read import Opinion
from app.answering.verify.verify import IsAbout, decide, examine, is_no_claim


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The judged draft; only its supported claims may be shown as an answer."""

    status: AnswerStatus
    reason: AnswerReason | None
    claims: tuple[VerifiedClaim, ...]
    clarifying_question: str | None = None

    @property
    def supported(self) -> Sequence[VerifiedClaim]:
        """The claims that make up the answer, in order."""
        return [claim for claim in self.claims if claim.verdict == "supported"]


AGREES = Opinion(is_supported=True, probability=0.97)


def claim_of(text: str, *quotes: str, context: Context, source: str | None = None) -> DraftClaim:
    """A claim that cites these quotes of the first source, or of the one named."""
    source_id = context.sources[0].id if source is None else source
    citations = tuple(DraftCitation(source=source_id, quote=quote) for quote in quotes)
    return DraftClaim(text=text, citations=citations)


def judge(text: str, *quotes: str, context: Context, source: str | None = None) -> VerifiedClaim:
    """What is shown of one claim where nothing reads it."""
    claim = claim_of(text, *quotes, context=context, source=source)
    return verify(Draft(status="answered", claims=(claim,)), context).claims[0]


def read(
    text: str, *quotes: str, context: Context, opinion: Opinion = AGREES, name: str = "a reader"
) -> VerifiedClaim:
    """What is shown of one claim where somebody has read it."""
    examined = examine(claim_of(text, *quotes, context=context), cited_sources(context))
    return decide(examined, opinion, reader=name, is_about=_any_question)


def verify(draft: Draft, context: Context, *, is_about: IsAbout | None = None) -> Verification:
    """Every claim of the draft as it may be shown without a reader, and what they come to.

    Pure: the same draft and context give the same result.
    """
    if draft.status != "answered":
        is_question = draft.status == "needs_clarification"
        return Verification(
            status=draft.status,
            reason=None if is_question else "insufficient_evidence",
            claims=(),
            clarifying_question=draft.clarifying_question if is_question else None,
        )
    sources = cited_sources(context)
    claims = tuple(
        decide(examine(claim, sources), is_about=is_about or _any_question)
        for claim in draft.claims
    )
    checkable = [claim for claim in claims if not is_no_claim(claim)]
    supported = sum(claim.verdict == "supported" for claim in checkable)
    if not supported:
        return Verification(status="unsupported", reason="verification_failed", claims=claims)
    status: AnswerStatus = "answered" if supported == len(checkable) else "partially_supported"
    return Verification(status=status, reason=None, claims=claims)


def _any_question(_extract: Extract) -> bool:
    return True
