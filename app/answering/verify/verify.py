"""What of a drafted claim may be shown: the first that applies.

verbatim: it is the source's own sentence, or a table row in a fixed form
read: a reader says that it follows from its quotes, and no rule objects
quoted: its quote takes its place
removed

Without a reader everything that is shown stands in a source, word for word.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from app.answering.claims import (
    CONTRADICTING,
    PASSED,
    Checks,
    DraftCitation,
    DraftClaim,
    Reason,
    RejectedCitation,
    ReplacedDraft,
    Verdict,
    VerifiedCitation,
    VerifiedClaim,
    checks_of,
)
from app.answering.verify.cited import CitedSources, LocatedQuote, locate_citation
from app.answering.verify.evidence import Evidence
from app.answering.verify.extract import Extract, Place
from app.answering.verify.quoted import quoted_extracts
from app.answering.verify.read import Opinion, ToRead
from app.answering.verify.verbatim import Verbatim, bare_claim, claims_something, find_verbatim

IsAbout = Callable[[Extract], bool]
"""True for a quote that is about the question that was asked."""

MAX_CITATIONS: Final = 24
"""Of a claim: no sentence needs as many, and each costs a search through its source."""

_LEFT_OUT: Final = re.compile(r"\[(?:\.{3}|\u2026)\]|\.{3}|\u2026")

MAX_READ_CHARS: Final = 4_000
"""Of a claim and of its evidence that a reader is given; no sentence is longer."""


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A claim in words of its own whose quotes were found."""

    text: str
    quotes: tuple[LocatedQuote, ...]
    rejected: tuple[RejectedCitation, ...]

    @cached_property
    def evidence(self) -> Evidence:
        """What it rests on."""
        return Evidence(quotes=self.quotes)

    @cached_property
    def vetoes(self) -> tuple[Reason, ...]:
        """What speaks against the claim, whatever a reader says."""
        return self.evidence.vetoes(self.text)

    @property
    def is_readable(self) -> bool:
        """True when a reader's word could prove it."""
        return not self.vetoes and max(len(self.text), len(self.evidence.text)) <= MAX_READ_CHARS

    @property
    def to_read(self) -> ToRead:
        """What a reader is given."""
        evidence = self.evidence
        return ToRead(claim=self.text, evidence=evidence.text, background=evidence.background)


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A claim in its source's words."""

    verbatim: Verbatim
    quotes: tuple[LocatedQuote, ...]
    rejected: tuple[RejectedCitation, ...]

    def shown(self, after: Place | None = None) -> VerifiedClaim:
        """As it is shown, without a sentence it leans on that was the last one shown."""
        text, extracts = self.verbatim.text(after), self.verbatim.extracts
        return _in_sources_words(text, extracts, self.quotes, self.rejected)


Examined = VerifiedClaim | Repeated | Unread


def examine(claim: DraftClaim, sources: CitedSources) -> Examined:
    """The claim as far as it is decided without a reader; `Unread` when it has its own words.

    Takes about half a millisecond.
    """
    text = bare_claim(claim.text)
    if not claims_something(text):
        return _removed(text, [Reason(code="not_a_claim")])
    quotes: list[LocatedQuote] = []
    rejected: list[RejectedCitation] = []
    for citation in _cited(claim):
        found = locate_citation(citation, sources)
        if isinstance(found, RejectedCitation):
            rejected.append(found)
        else:
            quotes.append(found)
    named = {
        each.source: sources[each.source] for each in claim.citations if each.source in sources
    }
    verbatim = find_verbatim(text, quotes, named, is_computed=claim.is_computed)
    if verbatim is not None:
        return Repeated(verbatim=verbatim, quotes=tuple(quotes), rejected=tuple(rejected))
    if not quotes:
        reasons = [each.reason for each in rejected] or [Reason(code="no_citation")]
        return _removed(text, reasons, rejected=tuple(rejected))
    return Unread(text=text, quotes=tuple(quotes), rejected=tuple(rejected))


def decide(
    unread: Unread, opinion: Opinion | None, *, reader: str | None, is_about: IsAbout
) -> VerifiedClaim:
    """The claim in its own words where a reader has proved it, else its quotes, else removed.

    Args:
        unread: the claim.
        opinion: the reader's; None when nobody has read it.
        reader: its name.
        is_about: whether a quote may stand in the claim's place.
    """
    if opinion is not None and opinion.is_supported and not unread.vetoes:
        probability = 1.0 if opinion.probability is None else opinion.probability
        return VerifiedClaim(
            text=unread.text,
            verdict="supported",
            score=(1 + probability) / 2,
            wording="model",
            citations=tuple(_citations(unread.quotes, PASSED, reader)),
            rejected=unread.rejected,
        )
    reasons = unread.vetoes or (Reason(code="not_read" if opinion is None else "not_proved"),)
    verdict = _verdict(reasons)
    # Nobody has read that it follows.
    checks = Checks(**{**checks_of(reasons), "coverage": False})
    whole = quoted_extracts(unread.quotes)
    extracts = [extract for extract in whole if is_about(extract)]
    if extracts:
        told = "\n".join(extract.text for extract in extracts)
        shown = _in_sources_words(told, extracts, unread.quotes, unread.rejected)
        draft = ReplacedDraft(text=unread.text, verdict=verdict, checks=checks, reasons=reasons)
        return replace(shown, draft=draft)
    return VerifiedClaim(
        text=unread.text,
        verdict=verdict,
        score=0.0,
        wording="model",
        citations=tuple(_citations(unread.quotes, checks, None)),
        rejected=unread.rejected,
        reasons=(*reasons, *([Reason(code="beside_the_question")] if whole else [])),
    )


def is_no_claim(claim: VerifiedClaim) -> bool:
    """True for a sentence that asserts nothing, which counts neither way."""
    return any(reason.code == "not_a_claim" for reason in claim.reasons)


def _cited(claim: DraftClaim) -> Sequence[DraftCitation]:
    """The claim's citations, each once; of a quote that leaves words out ("..."), its parts."""
    parts = [
        DraftCitation(source=citation.source, quote=part)
        for citation in claim.citations[: None if claim.is_computed else MAX_CITATIONS]
        for part in _parts(citation.quote)
    ]
    return list(dict.fromkeys(parts))[: None if claim.is_computed else MAX_CITATIONS]


def _parts(quote: str) -> Sequence[str]:
    parts = [part.strip() for part in _LEFT_OUT.split(quote)]
    return [part for part in parts if part] or [quote]


# --- Parts ---------------------------------------------------------------------------------------


def _removed(
    text: str, reasons: Sequence[Reason], *, rejected: tuple[RejectedCitation, ...] = ()
) -> VerifiedClaim:
    return VerifiedClaim(
        text=text,
        verdict="unsupported",
        score=0.0,
        wording="model",
        rejected=rejected,
        reasons=tuple(dict.fromkeys(reasons)),
    )


def _in_sources_words(
    text: str,
    extracts: Sequence[Extract],
    quotes: Sequence[LocatedQuote],
    rejected: tuple[RejectedCitation, ...],
) -> VerifiedClaim:
    """The extracts as a claim; how they were found is said of the quotes that led to them."""
    methods = {quote.source.source.id: quote.method for quote in quotes}
    citations = [
        replace(each, method=methods.get(each.source, "normalized"))
        for extract in extracts
        for each in extract.citations
    ]
    return VerifiedClaim(
        text=text,
        verdict="supported",
        score=1.0,
        citations=tuple(citations),
        rejected=rejected,
    )


def _citations(
    quotes: Sequence[LocatedQuote], checks: Checks, reader: str | None
) -> Iterator[VerifiedCitation]:
    for quote in quotes:
        yield quote.source.citation(quote.span, method=quote.method, checks=checks, reader=reader)


def _verdict(reasons: Sequence[Reason]) -> Verdict:
    is_denied = any(reason.code in CONTRADICTING for reason in reasons)
    return "contradicted" if is_denied else "unsupported"
