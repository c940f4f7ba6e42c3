"""Turns text into the terms that BM25 counts: identifiers whole and split, stems, CJK bigrams.

Documents and queries are read by the same rules, so a term means one thing on both sides. After
a change of what comes out of here, raise FORMAT in `folder.py`: old indexes are rebuilt.
No stop words are removed: BM25 gives them next to no weight, and on seven English sets nDCG@10
fell from .648 to .646 without them.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from threading import Lock
from typing import Final

from Stemmer import Stemmer

from language.snowball import snowball_algorithm
from language.text import normal_form

MAX_TERM_LENGTH: Final = 128
"""Code points. Holds a SHA-512 in hexadecimal; what is longer is not typed into a search box."""

MAX_PARTS: Final = 16
"""A longer chain (`a.b.c...`) is a table's filler or a dump, not an identifier to keep whole."""

MAX_CACHED_TOKENS: Final = 100_000
"""Per language, about 20 MB, twice that of words: the vocabulary of most corpora."""

MAX_CACHED_WORD_LENGTH: Final = 32
"""Longer ones are addresses and whole sentences of scripts without spaces: they do not repeat."""

# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, Japanese kana and Han;
# and Hangul, because Korean glues particles to its words.
_UNSPACED: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u108f\u1780-\u17d3"
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af"
)
_ACCENTS: Final = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
# Python's \w leaves out combining marks, which would cut the words of Hindi and its kin apart.
_VOWEL_SIGNS: Final = "\u0900-\u0903\u093a-\u0963\u0980-\u0df3"
_WORD: Final = rf"(?:[^\W_{_UNSPACED}]|[{_ACCENTS}{_VOWEL_SIGNS}])+"
# What holds an identifier together; a comma only before thousands.
_CONNECTOR: Final = r"(?:[-_./:@&+\\]{1,3}|(?<=\d),(?=\d{3}(?!\d)))"


def _token_pattern(word: str) -> str:
    return rf"(?:§ ?)?{word}(?:{_CONNECTOR}{word})*(?:\+\+|\#|['\u2019][sS](?!{word}))?"


_ASCII_TOKEN: Final = re.compile(_token_pattern("[0-9A-Za-z]+"))
_TOKEN: Final = re.compile(f"[{_UNSPACED}]+|{_token_pattern(_WORD)}")
_UNSPACED_RUN: Final = re.compile(f"[{_UNSPACED}]+")
_SEPARATORS: Final = re.compile(r"[-_./:@&+\\#]+")
_POSSESSIVE: Final = re.compile(r"['\u2019][sS]$")
_ACCENT: Final = re.compile(f"[{_ACCENTS}]")
# camelCase, HTTPServer, RTX4090; but not v2, b2b or H2O.
_SEAM: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z]{2})(?=\d{2})")
# Hyphens and the minus sign that NFKC leaves alone, and the soft hyphen and zero-width marks that
# PDF text has inside words.
_CHARACTERS: Final = str.maketrans(
    dict.fromkeys("\u2010\u2012\u2013\u2212", "-")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff")
)
# Letters that Unicode does not decompose into a plain one and an accent; the last is dotless i.
_LETTERS: Final = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ħ": "h",
        "\u0131": "i",
    }
)


def analyse(text: str, language: str | None) -> list[str]:
    """The terms of a text in its order, repetitions included; an identifier, then its parts.

    No term is empty or holds white space. `language` is a code such as 'de'; None and unknown
    codes are read as English.
    """
    return analyse_joined(text, language).split()


def analyse_joined(text: str, language: str | None) -> str:
    """The terms of `analyse`, joined by white space: 8 microseconds for 90 words known already."""
    if "§" in text:
        # No token but this one holds a space.
        text = _plain(text).replace("§ ", "§")
    return " ".join(map(_lexicon(snowball_algorithm(language)).__getitem__, text.split()))


def analyse_query(text: str, languages: Iterable[str] = ()) -> list[str]:
    """The terms that the text has in any of the languages, each as often as in its best one.

    English is always among them, because chunks of no stated language are read as English.
    Words are also read without their accents, as people type them.
    """
    algorithms = {snowball_algorithm(language) for language in (None, *languages)}
    lexicons = [_lexicon(algorithm) for algorithm in sorted(algorithms)]
    terms: list[str] = []
    for token in _tokens(text):
        counts: Counter[str] = Counter()
        for lexicon in lexicons:
            counts |= Counter(lexicon.terms(token)) | Counter(
                lexicon.terms(_without_accents(token))
            )
        terms += counts.elements()
    return terms


class _Lexicon(dict[str, str]):
    """In one language the joined terms of what stands between white space, with its punctuation.

    A dictionary that fills itself, so that a text of known words is read without running Python.
    When it is full it starts anew, but what is asked for again comes back from the old one.
    """

    def __init__(self, algorithm: str) -> None:
        super().__init__()
        self._stem_word: Callable[[str], str] = Stemmer(algorithm, 0).stemWord
        self._stemming = Lock()
        self._terms_by_token: dict[str, tuple[str, ...]] = {}
        self._older: dict[str, str] = {}

    def __missing__(self, word: str) -> str:
        joined = self._older.get(word)
        if joined is None:
            joined = " ".join(term for token in _tokens(word) for term in self.terms(token))
        if len(word) <= MAX_CACHED_WORD_LENGTH:
            if len(self) >= MAX_CACHED_TOKENS:
                self._older = dict(self)
                self.clear()
            self[word] = joined
        return joined

    def terms(self, token: str) -> tuple[str, ...]:
        terms = self._terms_by_token.get(token)
        if terms is not None:
            return terms
        if _UNSPACED_RUN.match(token):
            # Whole clauses that hardly ever come again: not worth remembering.
            starts = range(len(token) - 1)
            return tuple(token[start : start + 2] for start in starts) or (token,)
        terms = tuple(filter(None, self._split(token)))
        if len(self._terms_by_token) >= MAX_CACHED_TOKENS:
            self._terms_by_token.clear()
        if len(token) <= MAX_TERM_LENGTH:
            self._terms_by_token[token] = terms
        return terms

    def _split(self, token: str) -> Iterator[str]:
        if token.startswith("§"):
            token = token.removeprefix("§").lstrip()
            yield _folded("§" + token[:MAX_TERM_LENGTH])
        token = _POSSESSIVE.sub("", token).replace(",", "")
        parts = [part for part in _SEPARATORS.split(token) if part]
        if parts != [token] and len(parts) <= MAX_PARTS and len(token) <= MAX_TERM_LENGTH:
            yield _folded(token)
        # Both halves of a hyphenated word as one: people write e-mail and email, covid-19, covid19.
        joined = "".join(parts)
        is_hyphenated = token.count("-") == 1 and token.replace("-", "") == joined != token
        if is_hyphenated and not joined.isdigit():
            yield self._stem(joined)
        for part in parts:
            yield self._stem(part)
            # And the words it is glued from if its letters show them.
            pieces = _SEAM.split(part) if len(part) <= MAX_TERM_LENGTH else []
            if len(pieces) > 1:
                yield from map(self._stem, pieces)

    def _stem(self, word: str) -> str:
        word = word[:MAX_TERM_LENGTH].casefold()
        if not any(map(str.isdigit, word)):
            # A Snowball stemmer works in one buffer of its own.
            with self._stemming:
                word = self._stem_word(word)
        return _folded(word)


_lexicon: Final = cache(_Lexicon)


def _tokens(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_TOKEN.findall(text)
    return _TOKEN.findall(_plain(text))


def _plain(text: str) -> str:
    return normal_form("NFKC", text).translate(_CHARACTERS)


def _folded(term: str) -> str:
    term = term.casefold()
    return term if term.isascii() else _without_accents(term.translate(_LETTERS))


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return normal_form("NFC", _ACCENT.sub("", normal_form("NFD", text)))
