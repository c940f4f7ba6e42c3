"""Where in a source does a quote stand? Exactly, in another spelling, or almost."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Final, Literal, NamedTuple

from app.claims import MatchMethod
from kb.text import Folded, Span, fold, grapheme_borders, is_unspaced
from language.numbers import find_measures
from language.sentences import bounded_sentences
from language.tokens import Token, tokenize

MIN_SIMILARITY: Final = 0.85
"""Ratcliff/Obershelp ratio of folded characters: holds one changed word in a sentence, not two."""

MAX_WINDOWS: Final = 4
"""Windows compared letter by letter, best word overlap first; a quote that exists is among them."""


class Located(NamedTuple):
    """`text[start:end]` is what the quote means."""

    start: int
    end: int
    method: MatchMethod
    similarity: float = 1.0


@dataclass(frozen=True)
class SearchableText:
    """A text in which several quotes are looked for; what that needs is worked out once."""

    text: str

    @cached_property
    def folded(self) -> Folded:
        """The text with spelling differences removed."""
        return fold(self.text)

    @cached_property
    def borders(self) -> frozenset[int] | None:
        """Offsets where it may be cut."""
        return grapheme_borders(self.text)

    @cached_property
    def sentences(self) -> list[Span]:
        """Its sentences."""
        return bounded_sentences(self.text)

    @cached_property
    def words(self) -> list[re.Match[str]]:
        """Words of the folded text."""
        return list(_WORD.finditer(self.folded.text))

    def may_cut(self, span: Span) -> bool:
        """True when neither end is inside a character as readers see it."""
        return self._is_border(span.start) and self._is_border(span.end)

    def _is_border(self, offset: int) -> bool:
        around = self.text[max(0, offset - 1) : offset + 1]
        if around.isascii() and around != "\r\n":
            return True
        return self.borders is None or offset in self.borders


_WORD: Final = re.compile(r"\w+(?:'\w+)?")
_ENDS: Final = " \"'.,;:\u2026"


def locate(quote: str, source: SearchableText) -> Located | Literal["altered"] | None:
    """Where the quote stands, at grapheme borders; None when nowhere.

    "altered": it nearly stands there, but with another number, name or negation.
    """
    bare = quote.strip()
    if not bare:
        return None
    found = _best(source.text, _exact(bare, source))
    if found:
        return Located(*found, "exact")
    folded = fold(bare).text.strip()
    for needle in dict.fromkeys((folded, folded.strip(_ENDS))):
        found = _best(source.text, _normalized(needle, source))
        if found:
            return Located(*found, "normalized")
    return _snapped(bare, folded, source)


def _best(text: str, spans: Iterator[Span]) -> Span | None:
    """The first occurrence that cuts no word, else the first."""
    first = None
    for span in spans:
        if not _cuts_word(text, span.start) and not _cuts_word(text, span.end):
            return span
        first = first or span
    return first


def _cuts_word(text: str, offset: int) -> bool:
    if not 0 < offset < len(text):
        return False
    before, after = text[offset - 1], text[offset]
    return before.isalnum() and after.isalnum() and not (is_unspaced(before) or is_unspaced(after))


def _exact(quote: str, source: SearchableText) -> Iterator[Span]:
    start = source.text.find(quote)
    while start >= 0:
        span = Span(start, start + len(quote))
        if source.may_cut(span):
            yield span
        start = source.text.find(quote, start + 1)


def _normalized(needle: str, source: SearchableText) -> Iterator[Span]:
    haystack = source.folded
    start = haystack.text.find(needle) if needle else -1
    while start >= 0:
        span = haystack.origin(start, start + len(needle))
        if span and source.may_cut(span):
            yield span
        start = haystack.text.find(needle, start + 1)


def _snapped(
    quote: str, folded: str, source: SearchableText
) -> Located | Literal["altered"] | None:
    wanted = [match.group() for match in _WORD.finditer(folded)]
    best: tuple[float, Span] | None = None
    for window in _windows(wanted, [match.group() for match in source.words]):
        start, end = _edges(source, window.first, window.last)
        span = source.folded.origin(start, end)
        wide = source.folded.text[slice(*_edges(source, window.low, window.high))]
        similarity = SequenceMatcher(None, folded.strip(_ENDS), wide, autojunk=False).ratio()
        if span and source.may_cut(span) and (best is None or similarity > best[0]):
            best = similarity, span
    if best is None or best[0] < MIN_SIMILARITY:
        return None
    similarity, span = best
    if _is_altered(quote, source.text[span.start : span.end]):
        return "altered"
    return Located(*span, "snapped", similarity)


class _Window(NamedTuple):
    """A place that may be the quote: words `first` to `last` agree with it at both ends.

    `low` to `high` are as many words as the quote has.
    """

    first: int
    last: int
    low: int
    high: int


def _edges(source: SearchableText, first: int, last: int) -> tuple[int, int]:
    return source.words[first].start(), source.words[last].end()


def _windows(wanted: list[str], words: list[str]) -> list[_Window]:
    """The places that share most words with the quote."""
    vocabulary = frozenset(wanted)
    hits = [word in vocabulary for word in words]
    if sum(hits) < MIN_SIMILARITY * len(wanted) / 2:
        return []
    length = len(wanted)
    ranked = sorted(
        range(max(1, len(words) - length + 1)),
        key=lambda start: -sum(hits[start : start + length]),
    )
    windows = (_window(wanted, words, start) for start in ranked[:MAX_WINDOWS])
    return [window for window in windows if window]


def _window(wanted: list[str], words: list[str], start: int) -> _Window | None:
    begin = max(0, start - 2)
    nearby = words[begin : start + len(wanted) + 2]
    blocks = SequenceMatcher(None, wanted, nearby, autojunk=False).get_matching_blocks()[:-1]
    if not blocks:
        return None
    first, last = begin + blocks[0].b, begin + blocks[-1].b + blocks[-1].size - 1
    unmatched_after = len(wanted) - blocks[-1].a - blocks[-1].size
    return _Window(
        first=first,
        last=last,
        low=max(0, first - blocks[0].a),
        high=min(len(words) - 1, last + unmatched_after),
    )


def _is_altered(quote: str, original: str) -> bool:
    """True when the two differ in a number, a name or a negation."""
    ours, theirs = (_decisive(text) for text in (quote, original))
    return ours != theirs


def _decisive(text: str) -> list[str]:
    tokens = tokenize(text)
    measures = [str(found.measure) for found in find_measures(text)]
    return sorted(measures) + sorted(_mark(token) for token in tokens if _decides(token))


def _decides(token: Token) -> bool:
    return token.is_negation or (token.is_name and token.kind != "measure")


def _mark(token: Token) -> str:
    return "not" if token.is_negation else token.key
