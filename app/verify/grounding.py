"""Claims that come without quotes, held against texts that come with them.

Stages: divide into sentences, find the sentences of the sources that hold each best, compare,
score, decide. A score alone never supports a sentence whose number or name no source has, that
says the opposite, or that repeats its source with something exchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.claims import Reason, ReasonCode, VerifiedCitation
from app.context import Context
from app.verify.cited import LocatedQuote
from app.verify.claim_text import clean_claim, is_claim, whole_statement
from app.verify.compare import Comparison, compare
from app.verify.evidence import SearchableSource
from app.verify.language import is_polarity_known
from app.verify.negation import EXCEPTIONS
from app.verify.passages import IndexedSources, hold
from app.verify.pieces import pieces
from app.verify.profiles import Fitted, Profile, ProfileName
from app.verify.statement import Statement
from app.verify.support import Support, support_of
from app.verify.wording import repeats
from kb.text import fold

GroundingVerdict = Literal["supported", "unsupported", "contradicted", "not_checkable"]

DECISIVE_WHERE_REPEATED: Final[frozenset[ReasonCode]] = frozenset(
    {
        "number_missing",
        "number_moved",
        "name_moved",
        "negation_added",
        "negation_dropped",
        "opposite_word",
        "stronger_word",
    }
)
"""Reasons that no score outweighs when a claim repeats its source word for word."""

POLARITY: Final[frozenset[ReasonCode]] = frozenset({"negation_added", "negation_dropped"})

POOLING_SLACK: Final = 0.15
"""Share of words that may be held by another word of the same meaning, which no index finds."""

MIN_SHARE_FOR_POLARITY: Final = 0.6
"""Share of content words that one sentence holds; with fewer it may negate something else."""


@dataclass(frozen=True, kw_only=True)
class GroundedClaim:
    """One claim and what the sources say about it; `score` is 0 to 1, 0 when nothing is said.

    `score` ranks claims by how well their words are held; the verdict also heeds the checks.
    """

    text: str
    verdict: GroundingVerdict
    score: float
    citations: tuple[VerifiedCitation, ...] = ()
    reasons: tuple[Reason, ...] = ()
    is_polarity_checked: bool = True
    """False when its language is not English, so that negations are not understood."""


def index_context(context: Context) -> IndexedSources:
    """The context ready for any number of claims."""
    return IndexedSources([SearchableSource(source) for source in context.sources])


def split_answer(answer: str) -> list[str]:
    """The sentences of an answer, each a claim."""
    return [answer[start:end] for start, end in pieces(answer)]


def ground(claim: str, sources: IndexedSources, fitted: Fitted, name: ProfileName) -> GroundedClaim:
    """The claim's verdict; of several sentences the worst one, with the mean of their scores.

    A sentence that asserts nothing (a question, a lead-in) is `not_checkable` and counts for
    nothing beside others.
    """
    found = [_ground_sentence(sentence, sources, fitted, name) for sentence in split_answer(claim)]
    checked = [each for each in found if each.verdict != "not_checkable"]
    if not checked:
        return GroundedClaim(
            text=claim,
            verdict="not_checkable",
            score=0.0,
            reasons=(Reason(code="not_a_claim"),),
        )
    verdicts = {each.verdict for each in checked}
    return GroundedClaim(
        text=claim,
        verdict=next(v for v in _WORST_FIRST if v in verdicts),
        score=sum(each.score for each in checked) / len(checked),
        citations=tuple(quote for each in checked for quote in each.citations),
        reasons=tuple(dict.fromkeys(reason for each in checked for reason in each.reasons)),
        is_polarity_checked=all(each.is_polarity_checked for each in checked),
    )


_WORST_FIRST: Final[Sequence[GroundingVerdict]] = ("contradicted", "unsupported", "supported")


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """One sentence held against the sources, before a score decides."""

    text: str
    support: Support
    comparison: Comparison
    decided: tuple[Reason, ...]
    """What no score outweighs."""
    is_polarity_checked: bool

    def is_supported(self, score: float, min_score: float) -> bool:
        """True when nothing is decisive, and the words agree or the score is high enough."""
        return not self.decided and (self.comparison.is_supported or score >= min_score)


def weigh(text: str, sources: IndexedSources, needs: Profile) -> Weighed | None:
    """What is found about a cleaned sentence that claims something; None when nothing is."""
    claim = whole_statement(text)
    support = support_of(text, hold(claim, sources), sources, needs)
    if support.comparison is None:
        return None
    comparison = _widened(text, support, support.comparison, sources, needs)
    is_polarity_checked = is_polarity_known(text)
    decided = _decided(claim, support, sources, comparison)
    if not is_polarity_checked and not _is_verbatim(text, support, sources):
        decided = (*decided, Reason(code="polarity_unknown"))
    return Weighed(
        text=text,
        support=support,
        comparison=comparison,
        decided=decided,
        is_polarity_checked=is_polarity_checked,
    )


def _ground_sentence(
    sentence: str, sources: IndexedSources, fitted: Fitted, name: ProfileName
) -> GroundedClaim:
    text = clean_claim(sentence)
    if not is_claim(text):
        return GroundedClaim(text=text, verdict="not_checkable", score=0.0)
    needs = fitted["profiles"][name]
    weighed = weigh(text, sources, needs)
    if weighed is None:
        return GroundedClaim(
            text=text, verdict="unsupported", score=0.0, reasons=(Reason(code="no_citation"),)
        )
    support, comparison = weighed.support, weighed.comparison
    score = support.score(fitted["weights"])
    is_supported = weighed.is_supported(score, needs["min_score"])
    reasons = (*comparison.reasons, *support.absent, *weighed.decided)
    return GroundedClaim(
        text=text,
        verdict=_named(comparison, is_supported=is_supported, is_decided=bool(weighed.decided)),
        score=score,
        citations=tuple(_located(index, sources).checked(comparison) for index in support.best),
        reasons=() if is_supported else tuple(dict.fromkeys(reasons)),
        is_polarity_checked=weighed.is_polarity_checked,
    )


def _widened(
    text: str, support: Support, comparison: Comparison, sources: IndexedSources, needs: Profile
) -> Comparison:
    """Two sentences together may hold what neither holds alone, clause by clause."""
    is_hopeless = support.pooled_share < needs["min_coverage"] - POOLING_SLACK
    if comparison.is_supported or len(support.best) == 1 or is_hopeless:
        return comparison
    together = compare(text, [sources.statements[i].statement for i in support.best], needs)
    return together if together.is_supported else comparison


def _named(comparison: Comparison, *, is_supported: bool, is_decided: bool) -> GroundingVerdict:
    if is_supported:
        return "supported"
    return "contradicted" if is_decided and comparison.is_contradicted else "unsupported"


def _is_verbatim(text: str, support: Support, sources: IndexedSources) -> bool:
    folded = fold(text).text.strip(" .;,")
    return any(folded in fold(sources.statements[index].quote).text for index in support.best)


def _decided(
    claim: Statement, support: Support, sources: IndexedSources, comparison: Comparison
) -> tuple[Reason, ...]:
    return () if comparison.is_supported else _decisive(claim, support, sources)


def _decisive(claim: Statement, support: Support, sources: IndexedSources) -> tuple[Reason, ...]:
    """The reasons that no score outweighs.

    A number or name that no source has is decisive always. A negation on one side only is so where
    most of the words agree. The others are so where the claim repeats its source: in other words
    and another order, numbers and names move for good reasons.
    """
    comparison, closest = support.comparison, support.closest
    if comparison is None or closest is None:
        return support.absent
    evidence = sources.statements[closest].statement
    found: list[Reason] = []
    if repeats(claim, evidence):
        found = [each for each in comparison.reasons if each.code in DECISIVE_WHERE_REPEATED]
    elif support.closest_share >= MIN_SHARE_FOR_POLARITY:
        found = [each for each in comparison.reasons if _is_one_sided(each, claim, evidence)]
    strange = [
        reason
        for reason in comparison.reasons
        if reason.code == "word_changed" and reason.detail in support.absent_words
    ]
    return (*support.absent, *found, *strange)


def _is_one_sided(reason: Reason, claim: Statement, evidence: Statement) -> bool:
    """True for a polarity that differs however the two are worded: one negates, the other not.

    An exception (`unless`) limits one clause of a long sentence, and the claim may be about others.
    """
    if reason.code not in POLARITY or (claim.negations and evidence.negations):
        return False
    return reason.detail.casefold() not in EXCEPTIONS or _is_limited(claim, evidence)


def _is_limited(claim: Statement, evidence: Statement) -> bool:
    """True when all that the evidence holds of the claim stands beside an exception.

    `without` is left out: it more often tells how something is done.
    """
    told = frozenset(claim.indices_by_key) & frozenset(evidence.indices_by_key)
    return any(
        told <= {evidence.tokens[index].key for index in evidence.in_clause(clause)}
        for index in evidence.negations
        if evidence.tokens[index].raw.casefold() in EXCEPTIONS - {"without"}
        for clause in (evidence.clauses[index] - 1, evidence.clauses[index])
    )


def _located(index: int, sources: IndexedSources) -> LocatedQuote:
    placed = sources.statements[index]
    return LocatedQuote(
        source=placed.source,
        span=placed.span,
        method="exact",
        similarity=1.0,
        statements=[placed.statement],
    )
