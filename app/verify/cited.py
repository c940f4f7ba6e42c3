"""A drafted citation -> the source's own words at their place, or why there are none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.claims import (
    Checks,
    DraftCitation,
    MatchMethod,
    Reason,
    ReasonCode,
    RejectedCitation,
    VerifiedCitation,
)
from app.verify.compare import CHECK_BY_REASON, Comparison
from app.verify.evidence import SearchableSource, is_trivial
from app.verify.locate import locate
from app.verify.statement import Statement
from kb.text import Span


@dataclass(frozen=True, kw_only=True)
class LocatedQuote:
    """A quote that exists: `source.text[span]`, and the sentences it touches."""

    source: SearchableSource
    span: Span
    method: MatchMethod
    similarity: float
    statements: Sequence[Statement]

    @property
    def words(self) -> str:
        """The source's own words."""
        return self.source.text.text[self.span.start : self.span.end]

    @property
    def is_whole(self) -> bool:
        """True when it is made of complete sentences."""
        return all(len(each.quoted) == len(each.tokens) for each in self.statements)

    def checked(self, comparison: Comparison) -> VerifiedCitation:
        """The citation with what comparing it to its claim has shown."""
        offset = self.source.source.passage.location["char_start"]
        failed = {CHECK_BY_REASON[reason.code] for reason in comparison.reasons}
        return VerifiedCitation(
            source=self.source.source.id,
            passage=self.source.source.part_at(offset + self.span.start),
            quote=self.words,
            char_start=offset + self.span.start,
            char_end=offset + self.span.end,
            method=self.method,
            checks=Checks(
                source=True,
                quote=True,
                numbers="numbers" not in failed,
                names="names" not in failed,
                negation="negation" not in failed,
                coverage="coverage" not in failed,
            ),
        )


def locate_citation(
    citation: DraftCitation, sources: Mapping[str, SearchableSource]
) -> LocatedQuote | RejectedCitation:
    """The quote in the source that the citation names, never in another one."""
    source = sources.get(citation.source)
    if source is None:
        return _rejected(citation, "source_unknown")
    located = locate(citation.quote, source.text)
    if located is None:
        return _rejected(citation, "quote_not_found")
    if located == "altered":
        return _rejected(citation, "quote_altered")
    span = Span(located.start, located.end)
    statements = source.statements(span)
    if is_trivial(statements):
        return _rejected(citation, "quote_trivial")
    return LocatedQuote(
        source=source,
        span=span,
        method=located.method,
        similarity=located.similarity,
        statements=statements,
    )


def _rejected(citation: DraftCitation, code: ReasonCode) -> RejectedCitation:
    return RejectedCitation(
        source=citation.source,
        quote=citation.quote,
        reason=Reason(code=code),
        checks=Checks(
            source=code != "source_unknown",
            quote=code == "quote_trivial",
            numbers=False,
            names=False,
            negation=False,
            coverage=False,
        ),
    )
