"""The stems of the words that say what a text is about, in its own language."""

import re
from functools import cache
from threading import Lock
from typing import Final, Protocol

from Stemmer import Stemmer

from language.remembered import remembered
from language.snowball import snowball_algorithm
from language.stop_words import is_stop_word
from language.text import (
    STOP_WORDS,
    UNSPACED,
    WORD_PATTERN,
    fold,
    is_unspaced,
    normal_form,
    word_set,
)

MAX_CACHED_WORDS: Final = 50_000

_ENGLISH: Final = "english"

_ASKING: Final = {
    "german": word_set(
        "wann warum wieso weshalb wo woher wohin wer wen wem wessen wieviel wieviele welche welcher"
        " welches beim vom gibt"
    ),
    "french": word_set(
        "combien comment est où pourquoi quand que quel quelle quelles quels qui quoi dès"
    ),
    "spanish": word_set("cuál cuáles cuándo cuánta cuántas cuánto cuántos cómo dónde qué quién"),
    "italian": word_set("che chi come dove quando quale quali quanta quante quanti quanto perché"),
    "dutch": word_set("hoe hoeveel waar waarom wanneer wat welk welke wie"),
    "portuguese": word_set("como onde qual quais quando quanta quantas quanto quantos quem quê"),
}
"""Words that ask, which the lists leave out: no answer has to hold them."""

_RUN: Final = re.compile(f"[{UNSPACED}]+|{WORD_PATTERN}")
_ENGLISH_RUN: Final = re.compile(rf"[{UNSPACED}]+|{WORD_PATTERN}(?:'{WORD_PATTERN})?")
"""In English don't and company's are one word; the French l'état is two."""

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_LOCK: Final = Lock()
"""A stemmer, like a reader of stop words, works in a buffer of its own: one caller at a time."""


def content_stems(text: str, language: str | None = None) -> list[str]:
    """Stems of the words that carry meaning, in order; character pairs in unspaced scripts.

    `language` is that of the text, or of what it is compared with, as 'de'; None and codes that
    are not known are read as English.
    """
    algorithm = snowball_algorithm(language)
    runs = _ENGLISH_RUN if algorithm == _ENGLISH else _RUN
    found: list[str] = []
    for match in runs.finditer(fold(text).text):
        word = match.group()
        if is_unspaced(word[0]):
            found += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
        elif (stemmed := _content_stem(word, algorithm)) is not None:
            found.append(stemmed)
    return found


@remembered(MAX_CACHED_WORDS)
def _content_stem(word: str, algorithm: str) -> str | None:
    """The stem of a folded word without accents; None for a small word."""
    if algorithm == _ENGLISH:
        return None if word in STOP_WORDS else stem(word)
    with _LOCK:
        if word in _ASKING.get(algorithm, ()) or is_stop_word(word, algorithm):
            return None
        stemmed = _stemmer(algorithm).stemWord(word)
    return _without_accents(stemmed)


@remembered(MAX_CACHED_WORDS)
def stem(word: str) -> str:
    """The English stem of a folded word, without accents and possessive."""
    word = _without_accents(word.removesuffix("'s").strip("'"))
    with _LOCK:
        return _stemmer(_ENGLISH).stemWord(word)


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - PyStemmer's name


@cache
def _stemmer(algorithm: str) -> _Stemmer:
    stemmer: _Stemmer = Stemmer(algorithm, 0)
    return stemmer


def _without_accents(word: str) -> str:
    return normal_form("NFC", _ACCENTS.sub("", normal_form("NFD", word)))
