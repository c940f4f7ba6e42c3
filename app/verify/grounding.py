"""Claims that come without quotes, held against texts that come with them.

Stages: divide into sentences, find the sentences of the sources that hold each best, score, look
for vetoes, decide. It is a classifier by rules: what it calls supported is not proved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.claims import CHECK_BY_REASON, Checks, Reason, VerifiedCitation
from app.context import Context
from app.verify.claim_text import clean_claim, is_claim
from app.verify.passages import IndexedSources
from app.verify.profiles import Fitted, ProfileName
from app.verify.score import Support, support_of
from kb.text import fold
from language.reading import is_language_known
from language.sentences import bounded_sentences

GroundingVerdict = Literal["supported", "unsupported", "contradicted", "not_checkable"]

MIN_SHARE_TO_CONTRADICT: Final = 0.6
"""Share of content words that the sources hold; with fewer they speak of something else."""


MIN_CARRIED: Final = 0.35
"""Score of a sentence that the others of its claim may carry: under it, most words are missing."""


@dataclass(frozen=True, kw_only=True)
class GroundedClaim:
    """One claim and what the sources say about it; `score` is 0 to 1, 0 when nothing is said.

    `score` ranks claims by how well they are held; the verdict also heeds what speaks against them.
    """

    text: str
    verdict: GroundingVerdict
    score: float
    citations: tuple[VerifiedCitation, ...] = ()
    reasons: tuple[Reason, ...] = ()
    is_polarity_checked: bool = True
    """False when it is in a language whose negations are not understood."""


def index_context(context: Context) -> IndexedSources:
    """The context ready for any number of claims."""
    return IndexedSources(context.sources)


def split_answer(answer: str) -> list[str]:
    """The sentences of an answer, each a claim."""
    return [answer[start:end] for start, end in bounded_sentences(answer)]


def ground(claim: str, sources: IndexedSources, fitted: Fitted, name: ProfileName) -> GroundedClaim:
    """The claim's verdict; of several sentences that of `_of_all`, with the mean of their scores.

    A sentence that asserts nothing (a question, a lead-in) is `not_checkable` and counts for
    nothing beside others.
    """
    found = [_ground_sentence(sentence, sources, fitted, name) for sentence in split_answer(claim)]
    checked = [each for each in found if each.verdict != "not_checkable"]
    if not checked:
        nothing = (Reason(code="not_a_claim"),)
        return GroundedClaim(text=claim, verdict="not_checkable", score=0.0, reasons=nothing)
    score = sum(each.score for each in checked) / len(checked)
    verdict = _of_all(checked, is_enough=score >= fitted["profiles"][name]["min_score"])
    reasons = dict.fromkeys(reason for each in checked for reason in each.reasons)
    return GroundedClaim(
        text=claim,
        verdict=verdict,
        score=score,
        citations=tuple(quote for each in checked for quote in each.citations),
        reasons=() if verdict == "supported" else tuple(reasons),
        is_polarity_checked=all(each.is_polarity_checked for each in checked),
    )


def _of_all(sentences: Sequence[GroundedClaim], *, is_enough: bool) -> GroundingVerdict:
    """The worst verdict; a sentence that only lacks words is carried by the mean of all.

    One of which hardly a word is found is carried by none.
    """
    verdicts = {each.verdict for each in sentences}
    is_thin = all(
        reason.code == "coverage_low"
        for each in sentences
        for reason in each.reasons
        if each.verdict == "unsupported"
    )
    is_carried = is_enough and is_thin and all(each.score >= MIN_CARRIED for each in sentences)
    if "contradicted" in verdicts:
        return "contradicted"
    return "supported" if verdicts == {"supported"} or is_carried else "unsupported"


def _ground_sentence(
    sentence: str, sources: IndexedSources, fitted: Fitted, name: ProfileName
) -> GroundedClaim:
    text = clean_claim(sentence)
    if not is_claim(text):
        return GroundedClaim(text=text, verdict="not_checkable", score=0.0)
    support = support_of(text, sources)
    if not support.best:
        return GroundedClaim(
            text=text, verdict="unsupported", score=0.0, reasons=(Reason(code="no_citation"),)
        )
    score = support.score(fitted["weights"])
    is_known, is_verbatim = is_language_known(text), _is_verbatim(support)
    is_enough = score >= fitted["profiles"][name]["min_score"] and is_known
    is_supported = is_verbatim or (is_enough and not support.is_decided)
    is_contradicted = support.is_decided and support.held >= MIN_SHARE_TO_CONTRADICT
    reasons = () if is_supported else _reasons(support, is_known=is_known)
    return GroundedClaim(
        text=text,
        verdict="supported"
        if is_supported
        else "contradicted"
        if is_contradicted
        else "unsupported",
        score=score,
        citations=tuple(_citation(index, sources, reasons) for index in support.best),
        reasons=reasons,
        is_polarity_checked=is_known,
    )


def _reasons(support: Support, *, is_known: bool) -> tuple[Reason, ...]:
    """What is wrong with a sentence that is not supported; at least one reason."""
    vetoes = [Reason(code=rule["code"], detail=detail) for rule, detail in support.vetoes]
    missing = ", ".join(token.raw for token in support.holding.missing(support.best))
    uncovered = [Reason(code="coverage_low", detail=missing)] if missing or not vetoes else []
    unknown = [] if is_known else [Reason(code="polarity_unknown")]
    return tuple(dict.fromkeys([*vetoes, *uncovered, *unknown]))


def _is_verbatim(support: Support) -> bool:
    """True when one sentence of a source says it in the very words."""
    folded = fold(support.text).text.strip(" .;,")
    quotes = (support.sources.sentences[index].quote for index in support.best)
    return any(f" {folded} " in f" {fold(quote).text.strip(' .;,')} " for quote in quotes)


def _citation(index: int, sources: IndexedSources, reasons: Sequence[Reason]) -> VerifiedCitation:
    placed = sources.sentences[index]
    failed = {CHECK_BY_REASON.get(reason.code, "coverage") for reason in reasons}
    offset = placed.source.passage.location["char_start"]
    return VerifiedCitation(
        source=placed.source.id,
        passage=placed.source.passage,
        quote=placed.quote,
        char_start=offset + placed.span.start,
        char_end=offset + placed.span.end,
        method="exact",
        checks=Checks(
            source=True,
            quote=True,
            numbers="numbers" not in failed,
            names="names" not in failed,
            negation="negation" not in failed,
            coverage="coverage" not in failed,
        ),
    )
