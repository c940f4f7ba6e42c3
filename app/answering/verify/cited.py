"""The sources of a context ready to be cited, and where the quotes of a claim stand in them."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.answering.claims import (
    PASSED,
    Checks,
    DraftCitation,
    MatchMethod,
    Reason,
    ReasonCode,
    RejectedCitation,
    VerifiedCitation,
)
from app.answering.context import Context, Source
from app.answering.verify.locate import SearchableText, locate
from app.answering.verify.tables import Row, rows_of
from language.lines import BULLET, ENDS_SENTENCE, MARKER
from language.stems import content_stems
from language.text import Span, fold

MIN_QUOTE_WORDS: Final = 2
"""Content words a quote must hold: `the` or `5` stands in every document and proves nothing."""

MAX_HEADING_WORDS: Final = 10
"""A line on its own that ends without punctuation is a heading up to this length."""

_EDGES: Final = " \"'.,;:\u2026"


def normal_sentence(text: str) -> str:
    """The sentence in the form in which it is compared word for word.

    NFKC and case folded, one kind of space, quotes and dashes (`language.text.fold`), without the
    list marker before it and the punctuation at its ends.
    """
    folded = fold(text).text
    marker = MARKER.match(folded)
    return folded[marker.end() if marker else 0 :].strip(_EDGES)


@dataclass(frozen=True)
class CitedSource:
    """A source of the context, with what looking for claims in it needs worked out once."""

    source: Source

    @cached_property
    def text(self) -> SearchableText:
        """Its text, to look for quotes in."""
        return SearchableText(self.source.passage.text)

    @property
    def sentences(self) -> Sequence[Span]:
        """Its sentences; a row, a list item and a heading are one each."""
        return self.text.sentences

    @cached_property
    def normal_sentences(self) -> Sequence[str]:
        """The sentences as they are compared."""
        return [normal_sentence(self.words(span)) for span in self.sentences]

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The rows of tables in it, in order."""
        return rows_of(self.source.passage)

    @cached_property
    def names(self) -> frozenset[str]:
        """Its title and the names of its sections, as they are compared."""
        passage = self.source.passage
        named = [*([passage.title] if passage.title else []), *passage.location["section"]]
        return frozenset(map(normal_sentence, named))

    def words(self, span: Span) -> str:
        """The source's own characters."""
        return self.text.text[span.start : span.end]

    def touched(self, span: Span) -> range:
        """The indices of the sentences that have a part in the span."""
        first = bisect.bisect_right(self.sentences, span.start, key=lambda each: each.end)
        last = bisect.bisect_left(self.sentences, span.end, key=lambda each: each.start)
        return range(first, last)

    def rows_touched(self, span: Span) -> list[Row]:
        """The rows that have a part in the span."""
        return [row for row in self.rows if row.span.start < span.end and span.start < row.span.end]

    def is_item(self, index: int) -> bool:
        """True for an item of a list."""
        return MARKER.match(self.words(self.sentences[index])) is not None

    def is_bullet(self, index: int) -> bool:
        """True for an item that has no number."""
        return BULLET.match(self.words(self.sentences[index])) is not None

    def level(self, index: int) -> tuple[int, str]:
        """How far in an item stands, and with what kind of marker; items of one list share it."""
        span = self.sentences[index]
        line_start = self.text.text.rfind("\n", 0, span.start) + 1
        marker = self.words(span).lstrip("(")[:1]
        kind = "1" if marker.isdigit() else "a" if marker.isalpha() else marker
        return span.start - line_start, kind

    def is_heading(self, index: int) -> bool:
        """True for a title, or a short line on its own that ends without punctuation.

        A line between two such lines is what the first one names.
        """
        if self.normal_sentences[index] in self.names:
            return True
        if not self._looks_like_heading(index):
            return False
        is_between = index > 0 and self._looks_like_heading(index - 1)
        return not (is_between and self._looks_like_heading(index + 1))

    @cached_property
    def _headings(self) -> Sequence[int]:
        return [index for index in range(len(self.sentences)) if self.is_heading(index)]

    def headings_above(self, index: int, most: int) -> Sequence[int]:
        """The indices of the last headings before a sentence, in order."""
        count = bisect.bisect_left(self._headings, index)
        return self._headings[max(0, count - most) : count]

    def _looks_like_heading(self, index: int) -> bool:
        if index >= len(self.sentences):
            return False
        span = self.sentences[index]
        words = self.words(span)
        stands_alone = self.text.text[span.end : span.end + 2] in {"\n\n", ""} and (
            span.start == 0 or self.text.text[span.start - 1] == "\n"
        )
        return (
            stands_alone
            and index + 1 < len(self.sentences)
            and len(words.split()) <= MAX_HEADING_WORDS
            and not self.is_item(index)
            and not any(map(str.isdigit, words))
            and "|" not in words
            and ENDS_SENTENCE.search(words) is None
        )

    def is_next_line(self, index: int) -> bool:
        """True when a blank line does not part the sentence from the one before it."""
        if index == 0:
            return False
        gap = self.text.text[self.sentences[index - 1].end : self.sentences[index].start]
        return gap.count("\n") <= 1

    def citation(
        self,
        span: Span,
        *,
        method: MatchMethod = "exact",
        checks: Checks = PASSED,
        reader: str | None = None,
    ) -> VerifiedCitation:
        """What stands there, as a citation."""
        offset = self.source.passage.location["char_start"]
        return VerifiedCitation(
            source=self.source.id,
            passage=self.source.part_at(offset + span.start),
            quote=self.words(span),
            char_start=offset + span.start,
            char_end=offset + span.end,
            method=method,
            checks=checks,
            reader=reader,
        )


CitedSources = Mapping[str, CitedSource]
"""The sources of a context by their ids."""


def cited_sources(context: Context) -> CitedSources:
    """The context's sources, made once for all claims of an answer."""
    return {source.id: CitedSource(source) for source in context.sources}


@dataclass(frozen=True, kw_only=True)
class LocatedQuote:
    """A quote that exists: `source.words(span)`."""

    source: CitedSource
    span: Span
    method: MatchMethod

    @property
    def text(self) -> str:
        """The source's own characters."""
        return self.source.words(self.span)

    @property
    def sentences(self) -> range:
        """The indices of the whole sentences that it touches."""
        return self.source.touched(self.span)

    @property
    def rows(self) -> Sequence[Row]:
        """The table rows that it touches."""
        return self.source.rows_touched(self.span)


def locate_citation(
    citation: DraftCitation, sources: CitedSources
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
    quote = LocatedQuote(
        source=source,
        span=Span(located.start, located.end),
        method=located.method,
    )
    return _rejected(citation, "quote_trivial") if _is_trivial(quote) else quote


def _is_trivial(quote: LocatedQuote) -> bool:
    """True when the quote is too small to support anything, and no whole sentence."""
    words = quote.source.words(quote.span)
    if len(content_stems(words)) >= MIN_QUOTE_WORDS:
        return False
    is_value = any(map(str.isdigit, words)) and len(words.split()) >= MIN_QUOTE_WORDS
    if is_value and quote.source.text.folded.text.count(fold(words).text) == 1:
        # `5 May`, which stands there once, is the one that is meant.
        return False
    whole = {quote.source.normal_sentences[index] for index in quote.sentences}
    return normal_sentence(words) not in whole


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
