"""The sources of a context ready to be cited, and the places of a claim's quotes in them."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

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
from app.answering.verify.rows import Row, rows_of
from language.lines import BULLET, ENDS_SENTENCE, MARKER
from language.sentences import bounded_sentences
from language.stems import content_stems
from language.text import Span, fold

MIN_QUOTE_WORDS: Final = 2
"""Content words a quote must hold: `the` or `5` stands in every document and proves nothing."""

MAX_HEADING_WORDS: Final = 10
"""A line on its own that ends without punctuation is a heading up to this length."""

_EDGES: Final = " \"'.,;:\u2026"


class Sentence(NamedTuple):
    """A sentence, list item, heading or table row of a source.

    Attributes:
        span: its place in the source's text.
        words: the source's own characters.
        normal: the form in which it is compared word for word (`normal_sentence`).
        is_item: it is an item of a list.
        is_bullet: it is an item without a number.
        level: of an item, how far in it stands and its kind of marker; items of one list share it.
        is_heading: it is a title, or a short line on its own that ends without punctuation.
        is_next_line: no blank line parts it from the sentence before it.
    """

    span: Span
    words: str
    normal: str
    is_item: bool
    is_bullet: bool
    level: tuple[int, str]
    is_heading: bool
    is_next_line: bool


@dataclass(frozen=True, kw_only=True)
class LocatedQuote:
    """A quote that stands in its source.

    `text` is in the source's own characters. `sentences` are the indices of the sentences that it
    touches, and `rows` the table rows.
    """

    source: "CitedSource"
    span: Span
    method: MatchMethod
    text: str
    sentences: range
    rows: Sequence[Row]


@dataclass(frozen=True)
class CitedSource:
    """A source of the context with what every claim that cites it is compared with, made once."""

    source: Source

    @cached_property
    def text(self) -> SearchableText:
        """Its text, to look for quotes in."""
        return SearchableText(self.source.passage.text)

    @cached_property
    def sentences(self) -> Sequence[Sentence]:
        """Its sentences in order; a row, a list item and a heading are one each."""
        passage = self.source.passage
        text, spans = passage.text, bounded_sentences(passage.text)
        names = {
            normal_sentence(name) for name in (passage.title, *passage.location["section"]) if name
        }
        # A line between two that look like headings is what the first one names.
        is_like_heading = [False, *(_looks_like_heading(text, span) for span in spans[:-1])]
        is_like_heading += [False, False]
        found: list[Sentence] = []
        for index, span in enumerate(spans):
            words = text[span.start : span.end]
            normal, is_item = normal_sentence(words), MARKER.match(words) is not None
            before, here, after = is_like_heading[index : index + 3]
            gap = text[spans[index - 1].end : span.start] if index else "\n\n"
            indent = span.start - (text.rfind("\n", 0, span.start) + 1)
            marker = words.lstrip("(")[:1]
            kind = "1" if marker.isdigit() else "a" if marker.isalpha() else marker
            found.append(
                Sentence(
                    span=span,
                    words=words,
                    normal=normal,
                    is_item=is_item,
                    is_bullet=BULLET.match(words) is not None,
                    level=(indent, kind) if is_item else (0, ""),
                    is_heading=normal in names or (here and not (before and after)),
                    is_next_line=gap.count("\n") <= 1,
                )
            )
        return found

    @cached_property
    def sentences_by_normal(self) -> Mapping[str, Sequence[int]]:
        """The indices of the sentences, in order, by the form in which they are compared."""
        found: dict[str, list[int]] = {}
        for index, sentence in enumerate(self.sentences):
            if sentence.normal:
                found.setdefault(sentence.normal, []).append(index)
        return found

    @cached_property
    def longest_sentence(self) -> int:
        """The number of characters of the longest sentence in that form."""
        return max(map(len, self.sentences_by_normal), default=0)

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The rows of tables in it, in order."""
        return rows_of(self.source.passage)

    @cached_property
    def headings(self) -> Sequence[int]:
        """The indices of its headings."""
        return [index for index, sentence in enumerate(self.sentences) if sentence.is_heading]

    def headings_above(self, index: int, most: int) -> Sequence[int]:
        """The indices of the last headings before a sentence, in order."""
        count = bisect.bisect_left(self.headings, index)
        return self.headings[max(0, count - most) : count]

    def rows_touched(self, span: Span) -> list[Row]:
        """The rows that have a part in the span."""
        return [row for row in self.rows if row.span.start < span.end and span.start < row.span.end]

    def quote_at(self, span: Span, method: MatchMethod = "exact") -> LocatedQuote:
        """The quote that stands there."""
        first = bisect.bisect_right(self.sentences, span.start, key=lambda each: each.span.end)
        last = bisect.bisect_left(self.sentences, span.end, key=lambda each: each.span.start)
        return LocatedQuote(
            source=self,
            span=span,
            method=method,
            text=self.text.text[span.start : span.end],
            sentences=range(first, last),
            rows=self.rows_touched(span),
        )

    def citation(
        self,
        span: Span,
        *,
        method: MatchMethod = "exact",
        checks: Checks = PASSED,
        reader: str | None = None,
    ) -> VerifiedCitation:
        """The span as a citation, with offsets into the document version."""
        offset = self.source.passage.location["char_start"]
        return VerifiedCitation(
            source=self.source.id,
            passage=self.source.part_at(offset + span.start),
            quote=self.text.text[span.start : span.end],
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


def normal_sentence(text: str) -> str:
    """The sentence in the form in which it is compared word for word.

    NFKC and case folded, one kind of space, quotes and dashes (`language.text.fold`), without the
    list marker before it and the punctuation at its ends.
    """
    folded = fold(text).text
    marker = MARKER.match(folded)
    return folded[marker.end() if marker else 0 :].strip(_EDGES)


def _looks_like_heading(text: str, span: Span) -> bool:
    words = text[span.start : span.end]
    starts_line = span.start == 0 or text[span.start - 1] == "\n"
    return (
        starts_line
        and text[span.end : span.end + 2] in {"\n\n", ""}
        and len(words.split()) <= MAX_HEADING_WORDS
        and MARKER.match(words) is None
        and not any(map(str.isdigit, words))
        and "|" not in words
        and ENDS_SENTENCE.search(words) is None
    )


def locate_citation(
    citation: DraftCitation, sources: CitedSources
) -> LocatedQuote | RejectedCitation:
    """The quote in the source that the citation names, never in another one."""
    source = sources.get(citation.source)
    located = None if source is None else locate(citation.quote, source.text)
    code: ReasonCode
    if source is None:
        code = "source_unknown"
    elif located is None:
        code = "quote_not_found"
    elif located == "altered":
        code = "quote_altered"
    else:
        quote = source.quote_at(Span(located.start, located.end), located.method)
        if not _is_trivial(quote):
            return quote
        code = "quote_trivial"
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


def _is_trivial(quote: LocatedQuote) -> bool:
    """True when the quote is too small to support anything, and no whole sentence."""
    if len(content_stems(quote.text)) >= MIN_QUOTE_WORDS:
        return False
    is_value = any(map(str.isdigit, quote.text)) and len(quote.text.split()) >= MIN_QUOTE_WORDS
    if is_value and quote.source.text.folded.text.count(fold(quote.text).text) == 1:
        # `5 May`, which stands there once, is the one that is meant.
        return False
    whole = {quote.source.sentences[index].normal for index in quote.sentences}
    return normal_sentence(quote.text) not in whole
