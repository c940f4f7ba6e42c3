"""Decides what of a drafted claim may be shown. Start here: `examine`, then `decide`.

The first of these applies:

verbatim: it is the source's own sentence, or a table row in a fixed form
read: a reader says that it follows from its quotes, and no veto speaks against it
quoted: its quote takes its place
removed: nothing is shown

Without a reader everything that is shown stands in a source, word for word. `examine` finds quotes
(`locate`, `cited`), the source's words (`verbatim`, `tables`) and vetoes (`evidence`, `cells`,
`vetoes`); `decide` completes what is shown (`quoted`, `extract`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from app.answering.claims import (
    Checks,
    DraftCitation,
    DraftClaim,
    Reason,
    RejectedCitation,
    ReplacedDraft,
    VerifiedClaim,
    checks_of,
    severity_of,
)
from app.answering.verify.cited import CitedSources, LocatedQuote, locate_citation
from app.answering.verify.evidence import gather_evidence
from app.answering.verify.extract import Extract, Place
from app.answering.verify.quoted import quoted_extracts
from app.answering.verify.read import Opinion, ToRead
from app.answering.verify.verbatim import Verbatim, bare_claim, claims_something, find_verbatim

IsAbout = Callable[[Extract], bool]
"""True for a quote that is about the question that was asked."""

MAX_CITATIONS: Final = 24
"""Citations of one claim: no sentence needs as many, and each costs a search in its source."""

MAX_READ_CHARS: Final = 4_000
"""Characters of a claim, and of its evidence, that a reader is given; no sentence is longer."""

_LEFT_OUT: Final = re.compile(r"\[(?:\.{3}|\u2026)\]|\.{3}|\u2026")


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A claim in its source's words."""

    verbatim: Verbatim
    quotes: tuple[LocatedQuote, ...]
    rejected: tuple[RejectedCitation, ...]


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A claim in words of its own whose quotes were found.

    `vetoes` speak against it, whatever a reader says. `to_read` is what a reader is given; None
    where its word could not prove the claim.
    """

    text: str
    quotes: tuple[LocatedQuote, ...]
    rejected: tuple[RejectedCitation, ...]
    vetoes: tuple[Reason, ...]
    to_read: ToRead | None


Examined = VerifiedClaim | Repeated | Unread
"""A claim as far as it is decided without a reader; a `VerifiedClaim` is removed."""


def examine(claim: DraftClaim, sources: CitedSources) -> Examined:
    """The claim as far as it is decided without a reader; `Unread` when it has its own words.

    Takes about a millisecond.
    """
    text = bare_claim(claim.text)
    if not claims_something(text):
        return _removed(text, [Reason(code="not_a_claim")])

    quotes: list[LocatedQuote] = []
    rejected: list[RejectedCitation] = []
    for citation in _divided_citations(claim):
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

    evidence = gather_evidence(quotes)
    vetoes = evidence.vetoes(text)
    is_readable = not vetoes and max(len(text), len(evidence.text)) <= MAX_READ_CHARS
    to_read = ToRead(claim=text, evidence=evidence.text, background=evidence.background)
    return Unread(
        text=text,
        quotes=tuple(quotes),
        rejected=tuple(rejected),
        vetoes=vetoes,
        to_read=to_read if is_readable else None,
    )


def decide(
    examined: Examined,
    opinion: Opinion | None = None,
    *,
    reader: str | None = None,
    is_about: IsAbout,
    last: Place | None = None,
) -> VerifiedClaim:
    """The claim as it may be shown: verbatim, else read, else its quotes, else removed.

    Args:
        examined: the claim.
        opinion: the reader's; None when nobody has read the claim.
        reader: its name.
        is_about: whether a quote may stand in the claim's place.
        last: the last sentence shown, to which a verbatim claim may refer without repeating it.
    """
    match examined:
        case VerifiedClaim():
            return examined

        case Repeated(verbatim=verbatim):
            return _in_sources_words(verbatim.text(last), verbatim.extracts, examined)

        case Unread() if opinion is not None and opinion.is_supported and not examined.vetoes:
            probability = 1.0 if opinion.probability is None else opinion.probability
            return VerifiedClaim(
                text=examined.text,
                verdict="supported",
                score=(1 + probability) / 2,
                wording="model",
                citations=tuple(
                    quote.source.citation(quote.span, method=quote.method, reader=reader)
                    for quote in examined.quotes
                ),
                rejected=examined.rejected,
            )

        case Unread():
            not_proved = Reason(code="not_read" if opinion is None else "not_proved")
            return _replaced_or_removed(examined, examined.vetoes or (not_proved,), is_about)

        case _:
            assert_never(examined)


def is_no_claim(claim: VerifiedClaim) -> bool:
    """True for a sentence that asserts nothing, which counts neither way."""
    return any(reason.code == "not_a_claim" for reason in claim.reasons)


# --- Parts ---------------------------------------------------------------------------------------


def _divided_citations(claim: DraftClaim) -> Sequence[DraftCitation]:
    """The claim's citations, each once; a quote that leaves words out ("...") in its parts."""
    most = None if claim.is_computed else MAX_CITATIONS
    found: dict[DraftCitation, None] = {}
    for citation in claim.citations[:most]:
        parts = [part for part in map(str.strip, _LEFT_OUT.split(citation.quote)) if part]
        for part in parts or [citation.quote]:
            found[DraftCitation(source=citation.source, quote=part)] = None
    return list(found)[:most]


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


def _replaced_or_removed(
    unread: Unread, reasons: tuple[Reason, ...], is_about: IsAbout
) -> VerifiedClaim:
    """The claim's quotes in its place, or the claim removed where none is about the question."""
    # Nobody has read the claim as supported, whatever else is wrong with it.
    checks = Checks(**{**checks_of(reasons), "coverage": False})
    is_denied = any(severity_of(reason.code) == "denies" for reason in reasons)
    removed = VerifiedClaim(
        text=unread.text,
        verdict="contradicted" if is_denied else "unsupported",
        score=0.0,
        wording="model",
        citations=tuple(
            quote.source.citation(quote.span, method=quote.method, checks=checks)
            for quote in unread.quotes
        ),
        rejected=unread.rejected,
        reasons=reasons,
    )
    completed = quoted_extracts(unread.quotes)
    extracts = [extract for extract in completed if is_about(extract)]
    if not extracts:
        beside = [Reason(code="beside_the_question")] if completed else []
        return replace(removed, reasons=(*reasons, *beside))
    draft = ReplacedDraft(text=unread.text, verdict=removed.verdict, checks=checks, reasons=reasons)
    text = "\n".join(extract.text for extract in extracts)
    return replace(_in_sources_words(text, extracts, unread), draft=draft)


def _in_sources_words(
    text: str, extracts: Sequence[Extract], examined: Repeated | Unread
) -> VerifiedClaim:
    """The extracts as a claim; each is cited by the method that found its source's quote."""
    methods = {quote.source.source.id: quote.method for quote in examined.quotes}
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
        rejected=examined.rejected,
    )
