"""Text -> tokens as the checks compare them: words by stem, measures by meaning, codes whole."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from language.lexicon import LANGUAGES, lexicon
from language.numbers import Measure, find_measures
from language.stems import stem
from language.text import STOP_WORDS, UNSPACED, WORD_PATTERN, is_unspaced, normal_form, word_set

TokenKind = Literal["word", "identifier", "measure", "mark"]

NEGATIONS: Final = frozenset(
    phrase.words[0]
    for language in LANGUAGES
    for phrases in lexicon(language).phrases.values()
    for phrase in phrases
    if (phrase.group, phrase.name, len(phrase.words)) == ("negation", "not", 1)
)
"""Of all languages: what turns a statement round."""

_NUMBER_SIGN: Final = re.compile(r"no\.?\s*\d")
_CAPITAL_STOP_WORDS: Final = word_set("US IT WHO")
"""Stop words that are names when written so."""

_SHORTENED: Final = re.compile(r"(?P<word>[a-z]+)'(?:s|re|ve|ll|d|m)")
_SHORTENED_ALONE: Final = word_set("s re ve ll d m t")
"""What is left of `is`, `have` and others behind an apostrophe with a blank before it."""

FILLERS: Final = word_set(
    "yes yeah yep yea oh ah well sure okay ok please indeed actually really basically simply "
    "literally honestly anyway mr mrs ms"
)
"""Words of talk and forms of address: they say nothing of the matter, as `Dr` and `Prof` do."""

_CHUNK: Final = re.compile(
    rf"[{UNSPACED}]+"
    rf"|{WORD_PATTERN}(?:(?:['\u2019]|[-._/@:#+&]+){WORD_PATTERN})*"
    r"|[,;:.!?()\[\]|\n\u2013\u2014\u3001\u3002\uff0c\uff1b]"
)
_SPLIT: Final = re.compile(rf"{WORD_PATTERN}(?:['\u2019]{WORD_PATTERN})?")
_DOTTED: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_IDENTIFIER: Final = re.compile(r"[\d_@]|[^\W\d_]{2}\.[^\W\d_]{2}|:/")
_OPENING_MARKS: Final = frozenset(":|\n")
"""Text is tokenized by sentences, so a full stop inside is one of `Dr.` and no beginning."""


class Token(NamedTuple):
    """One thing a text says, at `text[start:end]`."""

    kind: TokenKind
    key: str
    start: int
    end: int
    raw: str
    is_content: bool = False
    is_negation: bool = False
    is_name: bool = False
    measure: Measure | None = None


@lru_cache(maxsize=1024)
def tokenize(text: str, *, a_is_name: bool = False) -> tuple[Token, ...]:
    """The tokens in order. `a_is_name`: a first word `A` is a label, as in `A pays and B lends`."""
    tokens: list[Token] = []
    position = 0
    for start, end, measure in find_measures(text):
        _append_words(tokens, text, (position, start), a_is_name=a_is_name)
        raw = text[start:end]
        tokens.append(
            Token("measure", measure.key, start, end, raw, is_content=True, measure=measure)
        )
        position = end
    _append_words(tokens, text, (position, len(text)), a_is_name=a_is_name)
    return tuple(tokens)


def _append_words(
    tokens: list[Token], text: str, span: tuple[int, int], *, a_is_name: bool
) -> None:
    for match in _CHUNK.finditer(text, *span):
        chunk, start, end = match.group(), match.start(), match.end()
        if is_unspaced(chunk[0]):
            tokens += _pairs(chunk, start)
        elif chunk.isalpha():
            is_first = _is_first(tokens)
            tokens.append(_word(text, (start, end), is_first=is_first, a_is_name=a_is_name))
        elif len(chunk) == 1 and not chunk.isalnum():
            tokens.append(Token("mark", chunk, start, end, chunk))
        elif _IDENTIFIER.search(chunk) or any(map(str.isnumeric, chunk)):
            key = normal_form("NFC", chunk).casefold()
            tokens.append(
                Token("identifier", key, start, end, chunk, is_content=True, is_name=True)
            )
        elif _DOTTED.fullmatch(chunk):
            key = stem(chunk.replace(".", "").casefold())
            is_name = chunk.isupper()
            tokens.append(
                Token("word", key, start, end, chunk, is_content=is_name, is_name=is_name)
            )
        else:
            for part in _SPLIT.finditer(text, start, end):
                is_first = _is_first(tokens)
                tokens.append(_word(text, part.span(), is_first=is_first, a_is_name=a_is_name))


def _is_first(tokens: list[Token]) -> bool:
    return not tokens or tokens[-1].key in _OPENING_MARKS


def _pairs(run: str, start: int) -> Iterator[Token]:
    for index in range(max(1, len(run) - 1)):
        pair = run[index : index + 2]
        begin = start + index
        yield Token("word", pair, begin, begin + len(pair), pair, is_content=True)


def _word(text: str, span: tuple[int, int], *, is_first: bool, a_is_name: bool) -> Token:
    start, end = span
    raw = text[start:end]
    word = _folded(raw)
    if _negates(text, start, word):
        return Token("word", "", start, end, raw, is_negation=True)
    if word in _SHORTENED_ALONE and start and text[start - 1] in "'\u2019":
        return Token("word", word, start, end, raw)
    key, is_content, is_name = _meaning(raw, is_first=is_first, a_is_name=a_is_name)
    return Token("word", key, start, end, raw, is_content, False, is_name)


@lru_cache(maxsize=50_000)
def _folded(raw: str) -> str:
    word = raw.casefold().replace("\u2019", "'")
    return word if word.isascii() else normal_form("NFKC", word)


@lru_cache(maxsize=50_000)
def _meaning(raw: str, *, is_first: bool, a_is_name: bool) -> tuple[str, bool, bool]:
    """Key, whether it is content, whether it is a name."""
    word = _folded(raw)
    is_label = _is_label(raw, is_first=is_first, a_is_name=a_is_name)
    is_content = is_label or not _is_empty(word)
    is_name = is_label or (is_content and _looks_like_name(raw, is_first=is_first))
    return (stem(word) if is_content else word), is_content, is_name


def _is_empty(word: str) -> bool:
    shortened = _SHORTENED.fullmatch(word)
    bare = shortened["word"] if shortened else word
    return bare in STOP_WORDS or bare in FILLERS


def _negates(text: str, start: int, word: str) -> bool:
    is_number_sign = word == "no" and _NUMBER_SIGN.match(text[start : start + 6].casefold())
    return word.endswith("n't") or (word in NEGATIONS and not is_number_sign)


def _is_label(raw: str, *, is_first: bool, a_is_name: bool) -> bool:
    if len(raw) == 1:
        return raw.isupper() and raw != "I" and (raw != "A" or a_is_name or not is_first)
    return raw in _CAPITAL_STOP_WORDS or (raw == "May" and not is_first)


def _looks_like_name(raw: str, *, is_first: bool) -> bool:
    has_inner_capital = any(map(str.isupper, raw[1:]))
    return has_inner_capital or (raw[0].isupper() and not is_first)
