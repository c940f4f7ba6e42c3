"""Finds a quote in its source: exactly, in another spelling, or almost."""

import bisect
import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Final, Literal, NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from app.answering.claims import MatchMethod
from language.lines import ITEM
from language.numbers import find_measures
from language.text import Folded, Span, fold, grapheme_borders, is_unspaced
from language.tokens import tokenize

MIN_SIMILARITY: Final = 0.85
"""Normalised Indel similarity of folded characters: one changed word in a sentence of ten."""

MIN_PARTIAL_RATIO: Final = 55
"""Of 100, for the place that is compared at all: words that the quote adds lower this ratio."""

WORDS_AROUND: Final = 2
"""Words beside that place in which the quote may begin or end."""

_WORD: Final = re.compile(r"\w+(?:'\w+)?")
_ENDS: Final = " \"'.,;:\u2026"


class Located(NamedTuple):
    """`text[start:end]` is the source's wording of the quote."""

    start: int
    end: int
    method: MatchMethod
    similarity: float = 1.0


@dataclass(frozen=True)
class SearchableText:
    """A text in which several quotes are looked for; each of its forms is made once."""

    text: str

    @cached_property
    def folded(self) -> Folded:
        """The text with spelling differences removed."""
        return fold(self.text)

    @cached_property
    def bare(self) -> str:
        """The text without the markers of list items, which many quotes leave out."""
        return _without_markers(self.text)

    @cached_property
    def folded_bare(self) -> Folded:
        """The text without markers and spelling differences."""
        return self.folded if self.bare == self.text else fold(self.bare)

    @cached_property
    def borders(self) -> frozenset[int] | None:
        """The offsets at which the text may be cut; None when every offset is one."""
        return grapheme_borders(self.text)

    @cached_property
    def words(self) -> list[re.Match[str]]:
        """The words of the folded text without markers."""
        return list(_WORD.finditer(self.folded_bare.text))

    def may_cut(self, span: Span) -> bool:
        """True when neither end is inside a character as readers see it."""
        for offset in span:
            around = self.text[max(0, offset - 1) : offset + 1]
            is_plain = around.isascii() and around != "\r\n"
            if not is_plain and self.borders is not None and offset not in self.borders:
                return False
        return True


def locate(quote: str, source: SearchableText) -> Located | Literal["altered"] | None:
    """The place of the quote, cut at grapheme borders; None when it stands nowhere.

    "altered": it nearly stands there, but with another number, name or negation.
    """
    quote = quote.strip()
    found = _first_occurrence(quote, None, source)
    if found:
        return Located(*found, "exact")
    # A single line may begin with a number that is no marker: "5. Mai".
    bare = _without_markers(quote) if "\n" in quote else quote
    for spelled, haystack in ((quote, source.folded), (bare, source.folded_bare)):
        needle = fold(spelled).text.strip()
        for trimmed in dict.fromkeys((needle, needle.strip(_ENDS))):
            found = _first_occurrence(trimmed, haystack, source)
            if found:
                return Located(*found, "normalized")
    return _locate_nearly(bare, source)


def _without_markers(text: str) -> str:
    """The text with blanks in place of list markers, so that no offset changes."""
    return ITEM.sub(lambda marker: " " * len(marker[0]), text)


def _first_occurrence(needle: str, haystack: Folded | None, source: SearchableText) -> Span | None:
    """The first occurrence in the source that cuts no word, else the first; None: the text itself.

    `haystack` is a folded form of the source in which to look; None stands for its own characters.
    """
    text = source.text if haystack is None else haystack.text
    first: Span | None = None
    start = text.find(needle) if needle else -1
    while start >= 0:
        end = start + len(needle)
        span = Span(start, end) if haystack is None else haystack.origin(start, end)
        if span and source.may_cut(span):
            pairs = (source.text[max(0, offset - 1) : offset + 1] for offset in span)
            cuts_word = any(
                len(pair) > 1 and pair.isalnum() and not any(map(is_unspaced, pair))
                for pair in pairs
            )
            if not cuts_word:
                return span
            first = first or span
        start = text.find(needle, start + 1)
    return first


def _locate_nearly(quote: str, source: SearchableText) -> Located | Literal["altered"] | None:
    """The words of the source that are most like the quote, from its first word to its last."""
    folded = fold(quote).text.strip().strip(_ENDS)
    wanted, words, text = _WORD.findall(folded), source.words, source.folded_bare.text
    vocabulary = frozenset(wanted)
    if sum(word[0] in vocabulary for word in words) < max(1, MIN_SIMILARITY * len(wanted) / 2):
        return None
    near = fuzz.partial_ratio_alignment(folded, text, score_cutoff=MIN_PARTIAL_RATIO)
    if near is None:
        return None

    # Words, unlike characters, are compared by difflib: it matches the longest run first, where
    # Indel's alignment may begin at a stray word far before the others.
    begin = bisect.bisect_left(words, near.dest_start, key=lambda word: word.end()) - WORDS_AROUND
    begin = max(0, begin)
    stop = bisect.bisect_left(words, near.dest_end, key=lambda word: word.start()) + WORDS_AROUND
    nearby = [word[0] for word in words[begin:stop]]
    matcher = SequenceMatcher(None, wanted, nearby, autojunk=False)
    blocks = matcher.get_matching_blocks()[:-1]
    if not blocks:
        return None
    opening, closing = blocks[0], blocks[-1]
    first, last = begin + opening.b, begin + closing.b + closing.size - 1

    # Words of the quote that match nothing at its ends count as changed, and are not cited.
    low = max(0, first - opening.a)
    high = min(len(words) - 1, last + len(wanted) - closing.a - closing.size)
    wide = text[words[low].start() : words[high].end()]
    similarity = Indel.normalized_similarity(folded, wide)
    span = source.folded_bare.origin(words[first].start(), words[last].end())
    if similarity < MIN_SIMILARITY or span is None or not source.may_cut(span):
        return None
    if _is_altered(quote, source.bare[span.start : span.end]):
        return "altered"
    return Located(*span, "snapped", similarity)


def _is_altered(quote: str, original: str) -> bool:
    """True when the two differ in a number, a name or a negation.

    Whether a word begins with a capital depends on where sentences begin, so a name of one text may
    be any word of the other.
    """
    measures = [
        sorted(str(found.measure) for found in find_measures(text)) for text in (quote, original)
    ]
    tokens = [tokenize(text) for text in (quote, original)]
    negations = [sum(token.is_negation for token in each) for each in tokens]
    if measures[0] != measures[1] or negations[0] != negations[1]:
        return True
    words = [Counter(token.key for token in each) for each in tokens]
    names = [
        Counter(token.key for token in each if token.is_name and token.kind != "measure")
        for each in tokens
    ]
    return bool(names[0] - words[1] or names[1] - words[0])
