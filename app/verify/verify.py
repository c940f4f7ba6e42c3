"""The judge: a draft and its context -> what of the draft may be shown, and why the rest may not.

Stages: clean the claim, locate its quotes, compare it with the sentences they touch, decide.
What is promised is agreement of words, numbers, names and polarity with a quote that exists;
entailment is not proved. The word lists are English.
"""

import bisect
import itertools
from collections.abc import Mapping, Sequence

from app.claims import (
    AnswerReason,
    AnswerStatus,
    Draft,
    DraftClaim,
    Reason,
    RejectedCitation,
    Verification,
    VerifiedClaim,
)
from app.context import Context
from app.verify.cited import LocatedQuote, locate_citation
from app.verify.claim_text import clean_claim, is_claim, statements_of
from app.verify.compare import CHECK_BY_REASON, SUPPORTED, Comparison, FactCheck, compare
from app.verify.coverage import pooled_coverage
from app.verify.evidence import SearchableSource
from app.verify.profiles import Profile, ProfileName, fitted_profiles
from app.verify.retelling import retold
from app.verify.support import FAILED_CHECK_FACTOR
from kb.text import fold


def verify(draft: Draft, context: Context, profile: ProfileName = "balanced") -> Verification:
    """Every claim of the draft with its verdict, and the status of what is left.

    Pure: the same draft and context give the same result. About 0.5 ms a claim.
    """
    if draft.status == "needs_clarification":
        return Verification(
            status="needs_clarification",
            reason=None,
            claims=(),
            clarifying_question=draft.clarifying_question,
        )
    if draft.status == "unsupported":
        return Verification(status="unsupported", reason="insufficient_evidence", claims=())
    sources = {source.id: SearchableSource(source) for source in context.sources}
    needs = fitted_profiles()["profiles"][profile]
    claims = tuple(_judge(claim, sources, needs) for claim in draft.claims)
    status, reason = _status(claims)
    return Verification(status=status, reason=reason, claims=claims)


def _status(claims: Sequence[VerifiedClaim]) -> tuple[AnswerStatus, AnswerReason | None]:
    verdicts = [
        claim.verdict
        for claim in claims
        if all(reason.code != "not_a_claim" for reason in claim.reasons)
    ]
    supported = verdicts.count("supported")
    if not supported:
        return "unsupported", "verification_failed"
    return ("answered" if supported == len(verdicts) else "partially_supported"), None


def _judge(
    claim: DraftClaim, sources: Mapping[str, SearchableSource], needs: Profile
) -> VerifiedClaim:
    text = clean_claim(claim.text)
    if not is_claim(text):
        return _fallen(text, Reason(code="not_a_claim"))
    found: list[LocatedQuote] = []
    rejected: list[RejectedCitation] = []
    for citation in dict.fromkeys(claim.citations):
        outcome = locate_citation(citation, sources)
        if isinstance(outcome, RejectedCitation):
            rejected.append(outcome)
        else:
            found.append(outcome)
    if not found:
        reasons = dict.fromkeys(citation.reason for citation in rejected)
        return _fallen(text, *(reasons or [Reason(code="no_citation")]), rejected=tuple(rejected))
    return _decide(text, found, tuple(rejected), needs)


def _fallen(
    text: str, *reasons: Reason, rejected: tuple[RejectedCitation, ...] = ()
) -> VerifiedClaim:
    return VerifiedClaim(
        text=text, verdict="unsupported", score=0.0, rejected=rejected, reasons=reasons
    )


# --- Claims --------------------------------------------------------------------------------------


def _decide(
    text: str,
    quotes: Sequence[LocatedQuote],
    rejected: tuple[RejectedCitation, ...],
    needs: Profile,
) -> VerifiedClaim:
    alone = [_compare_alone(text, quote, needs) for quote in quotes]
    carrying = [(q, c) for q, c in zip(quotes, alone, strict=True) if c.is_supported]
    if not carrying:
        carrying = _carried_together(text, quotes, needs)
    held = pooled_coverage(
        statements_of(text, a_is_name=False),
        [each for quote in quotes for each in quote.statements],
    )
    if carrying:
        return VerifiedClaim(
            text=text,
            verdict="supported",
            score=(1 + held * max(quote.similarity for quote, _ in carrying)) / 2,
            citations=tuple(quote.checked(SUPPORTED) for quote, _ in carrying),
            rejected=rejected,
        )
    best = max(alone, key=lambda comparison: (comparison.coverage, -len(comparison.reasons)))
    return VerifiedClaim(
        text=text,
        verdict="contradicted" if any(one.is_contradicted for one in alone) else "unsupported",
        score=held * FAILED_CHECK_FACTOR ** len(_failed_facts(best)) / 2,
        citations=tuple(q.checked(found) for q, found in zip(quotes, alone, strict=True)),
        rejected=rejected,
        reasons=best.reasons,
    )


def _failed_facts(comparison: Comparison) -> set[FactCheck]:
    # What is not covered has lowered the score already.
    return {CHECK_BY_REASON[reason.code] for reason in comparison.reasons} - {"coverage"}


def _compare_alone(text: str, quote: LocatedQuote, needs: Profile) -> Comparison:
    # Nothing can be wrong between a whole sentence and itself, in whatever language.
    if quote.is_whole and _folded(text) == _folded(quote.words):
        return SUPPORTED
    return compare(text, quote.statements, needs)


def _folded(text: str) -> str:
    return fold(text).text.strip(" .;,")


def _carried_together(
    text: str, quotes: Sequence[LocatedQuote], needs: Profile
) -> list[tuple[LocatedQuote, Comparison]]:
    """The quotes that support one clause each; empty when a clause is left over."""
    statements = [each for quote in quotes for each in quote.statements]
    found = compare(text, statements, needs) if len(quotes) > 1 else None
    if found is None or not found.is_supported:
        found = (
            None if needs["min_retold"] is None else retold(text, statements, needs["min_retold"])
        )
    if found is None:
        return []
    ends = list(itertools.accumulate(len(quote.statements) for quote in quotes))
    used = {bisect.bisect_right(ends, index) for index in found.used}
    return [(quotes[index], found) for index in sorted(used)]
