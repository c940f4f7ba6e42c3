"""Divides text into tokens to compare: words by stem, measures by meaning, identifiers whole."""

import re
from typing import Final, Literal, NamedTuple

from language.lexicon import LANGUAGES, lexicon
from language.numbers import Measure, find_measures, says
from language.remembered import remembered
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
"""Words of all languages that negate a statement."""

_NUMBER_SIGN: Final = re.compile(r"no\.?\s*\d")
_CAPITAL_STOP_WORDS: Final = word_set("US IT WHO")
"""Stop words that are names when written so."""

_SHORTENED: Final = re.compile(r"(?P<word>[a-z]+)'(?:s|re|ve|ll|d|m)")
_SHORTENED_ALONE: Final = word_set("s re ve ll d m t")
"""The rests of `is`, `have` and others behind an apostrophe with a blank before it."""

FILLERS: Final = word_set(
    "yes yeah yep yea oh ah well sure okay ok please indeed actually really basically simply "
    "literally honestly anyway mr mrs ms"
)
"""Words of talk and forms of address: unlike `Dr` and `Prof` they say nothing of the matter."""

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

    def says(self, claim: "Token") -> bool:
        """True when both are measures, and this one says at least what the claim's says."""
        if self.measure is None or claim.measure is None:
            return False
        return says(self.measure, claim.measure)


@remembered(1024)
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
    """Adds the tokens of a part of the text that holds no measure."""
    for match in _CHUNK.finditer(text, *span):
        chunk, start, end = match.group(), match.start(), match.end()
        if is_unspaced(chunk[0]):
            for index in range(max(1, len(chunk) - 1)):
                pair, begin = chunk[index : index + 2], start + index
                tokens.append(Token("word", pair, begin, begin + len(pair), pair, is_content=True))
        elif len(chunk) == 1 and not chunk.isalnum():
            tokens.append(Token("mark", chunk, start, end, chunk))
        elif not chunk.isalpha() and (_IDENTIFIER.search(chunk) or any(map(str.isnumeric, chunk))):
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
            parts = [match] if chunk.isalpha() else _SPLIT.finditer(text, start, end)
            for part in parts:
                is_first = not tokens or tokens[-1].key in _OPENING_MARKS
                tokens.append(_word(text, part.span(), is_first=is_first, a_is_name=a_is_name))


def _word(text: str, span: tuple[int, int], *, is_first: bool, a_is_name: bool) -> Token:
    start, end = span
    raw = text[start:end]
    word = _folded(raw)
    is_number_sign = word == "no" and _NUMBER_SIGN.match(text[start : start + 6].casefold())
    if word.endswith("n't") or (word in NEGATIONS and not is_number_sign):
        return Token("word", "", start, end, raw, is_negation=True)
    if word in _SHORTENED_ALONE and start and text[start - 1] in "'\u2019":
        return Token("word", word, start, end, raw)
    key, is_content, is_name = _meaning(raw, is_first=is_first, a_is_name=a_is_name)
    return Token("word", key, start, end, raw, is_content, False, is_name)


@remembered(50_000)
def _folded(raw: str) -> str:
    word = raw.casefold().replace("\u2019", "'")
    return word if word.isascii() else normal_form("NFKC", word)


@remembered(50_000)
def _meaning(raw: str, *, is_first: bool, a_is_name: bool) -> tuple[str, bool, bool]:
    """The word's key, whether it is content, and whether it is a name.

    A single capital is a label, as in `Plan B`; so are stop words that are names in capitals.
    """
    word = _folded(raw)
    if len(raw) == 1:
        is_label = raw.isupper() and raw != "I" and (raw != "A" or a_is_name or not is_first)
    else:
        is_label = raw in _CAPITAL_STOP_WORDS or (raw == "May" and not is_first)
    shortened = _SHORTENED.fullmatch(word)
    bare = shortened["word"] if shortened else word
    is_content = is_label or not (bare in STOP_WORDS or bare in FILLERS)
    has_inner_capital = any(map(str.isupper, raw[1:]))
    looks_like_name = has_inner_capital or (raw[0].isupper() and not is_first)
    is_name = is_label or (is_content and looks_like_name)
    return (stem(word) if is_content else word), is_content, is_name
