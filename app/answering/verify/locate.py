"""Where in a source does a quote stand? Exactly, in another spelling, or almost."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Final, Literal, NamedTuple

from app.answering.claims import MatchMethod
from language.lines import ITEM
from language.numbers import find_measures
from language.sentences import bounded_sentences
from language.text import Folded, Span, fold, grapheme_borders, is_unspaced
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
    def bare(self) -> str:
        """The text without the markers of list items, which many quotes leave out."""
        return _unmarked(self.text)

    @cached_property
    def folded_bare(self) -> Folded:
        """That with spelling differences removed."""
        return self.folded if self.bare == self.text else fold(self.bare)

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
        """Words of the folded text without markers."""
        return list(_WORD.finditer(self.folded_bare.text))

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
    quote = quote.strip()
    if not quote:
        return None
    found = _best(source.text, _exact(quote, source))
    if found:
        return Located(*found, "exact")
    # One line may begin with a number that is no marker: "5. Mai".
    bare = _unmarked(quote) if "\n" in quote else quote
    for spelled, haystack in ((quote, source.folded), (bare, source.folded_bare)):
        needle = fold(spelled).text.strip()
        for trimmed in dict.fromkeys((needle, needle.strip(_ENDS))):
            found = _best(source.text, _normalized(trimmed, haystack, source))
            if found:
                return Located(*found, "normalized")
    return _snapped(bare, source)


def _unmarked(text: str) -> str:
    """The text with blanks in place of the markers, as long as before."""
    return ITEM.sub(lambda marker: " " * len(marker[0]), text)


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


def _normalized(needle: str, haystack: Folded, source: SearchableText) -> Iterator[Span]:
    start = haystack.text.find(needle) if needle else -1
    while start >= 0:
        span = haystack.origin(start, start + len(needle))
        if span and source.may_cut(span):
            yield span
        start = haystack.text.find(needle, start + 1)


def _snapped(quote: str, source: SearchableText) -> Located | Literal["altered"] | None:
    folded = fold(quote).text.strip()
    wanted = [match.group() for match in _WORD.finditer(folded)]
    best: tuple[float, Span] | None = None
    for window in _windows(wanted, [match.group() for match in source.words]):
        start, end = _edges(source, window.first, window.last)
        span = source.folded_bare.origin(start, end)
        wide = source.folded_bare.text[slice(*_edges(source, window.low, window.high))]
        similarity = SequenceMatcher(None, folded.strip(_ENDS), wide, autojunk=False).ratio()
        if span and source.may_cut(span) and (best is None or similarity > best[0]):
            best = similarity, span
    if best is None or best[0] < MIN_SIMILARITY:
        return None
    similarity, span = best
    if _is_altered(quote, source.bare[span.start : span.end]):
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
    """True when the two differ in a number, a name or a negation.

    Whether a word begins with a capital depends on where sentences begin: a name of the one may be
    any word of the other.
    """
    measures = [
        sorted(str(each.measure) for each in find_measures(text)) for text in (quote, original)
    ]
    ours, theirs = tokenize(quote), tokenize(original)
    is_same = measures[0] == measures[1] and _negations(ours) == _negations(theirs)
    return not is_same or bool(_names(ours) - _words(theirs) or _names(theirs) - _words(ours))


def _names(tokens: Sequence[Token]) -> Counter[str]:
    return Counter(token.key for token in tokens if token.is_name and token.kind != "measure")


def _words(tokens: Sequence[Token]) -> Counter[str]:
    return Counter(token.key for token in tokens)


def _negations(tokens: Sequence[Token]) -> int:
    return sum(token.is_negation for token in tokens)
