"""The small words of languages, by Snowball's lists."""

from functools import cache
from typing import Final, Protocol

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

_LISTED: Final = frozenset(
    {
        *("danish", "dutch", "english", "finnish", "french", "german", "hungarian", "italian"),
        *("norwegian", "portuguese", "russian", "spanish", "swedish"),
    }
)


def is_stop_word(word: str, algorithm: str) -> bool:
    """True for a small word in lower case; False for all of a language without a list.

    `algorithm` is the language's name, as of its stemmer.
    """
    return algorithm in _LISTED and not _without(algorithm).analyze(word)


class _Analyzer(Protocol):
    def analyze(self, text: str) -> list[str]: ...


@cache
def _without(algorithm: str) -> _Analyzer:
    words = TextAnalyzerBuilder(Tokenizer.whitespace())
    return words.filter(Filter.stopword(algorithm)).build()
