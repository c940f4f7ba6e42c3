"""Names of people, places, products and organisations in a question, and whether a text has them.

A name is known by its capital letter, so German nouns and headline-style questions have none.
"""

import re
from collections.abc import Iterator
from typing import Final

from app.answering.question.spelling import (
    MAX_CHARS,
    NAME_WORD,
    folded_word,
    is_like_any,
    words_of,
)
from app.answering.question.vocabulary import MONTHS, ROMAN, TITLES, UNITS, WEEKDAYS
from app.answering.question.wording import language_of
from language.remembered import remembered, remembered_texts
from language.stems import stem
from language.text import STOP_WORDS, word_set

_NO_NAMES: Final = MONTHS.keys() | WEEKDAYS.keys() | UNITS["temperature"] | UNITS["frequency"]
"""Have a capital letter for another reason: degrees Celsius, 60 Hertz."""

_INSIDE_NAME: Final = word_set("of the de du la von van der &")
_JOINS: Final = re.compile(r"\s?(?:-|\u2013|&|\.)?\s?")
_SENTENCE_END: Final = re.compile(r"[.?!:]\s")
_ALTERNATIVE: Final = re.compile(
    r"\s?(?:,|/|or|and|and the|vs\.?|versus|oder|und|ou|et)\s", re.IGNORECASE
)
_ENOUGH_FOR_HEADLINE: Final = 4
_SHARE_OF_HEADLINE: Final = 0.75
"""Of the words that say something, with a capital letter: then capitals mark no names."""

MAX_NAME_WORDS: Final = 8
"""Words of a name that are looked for."""
_MIN_ACRONYM: Final = 2
_MAX_ACRONYM: Final = 6
_MIN_WORDS_OF_INITIALS: Final = 3
"""Words that need no capital letter for their initials to be read as one."""


def names_in(question: str) -> Iterator[tuple[str, ...]]:
    """The names in order; those joined by a comma, `and` or `or` are alternatives."""
    words = [match for match in NAME_WORD.finditer(question) if len(match.group()) > 1]
    content = [match.group() for match in words if match.group().casefold() not in STOP_WORDS]
    capital = [word for word in content if word[0].isupper()]
    is_headline = len(content) >= _ENOUGH_FOR_HEADLINE and len(capital) > _SHARE_OF_HEADLINE * len(
        content
    )
    only_marked = is_headline or language_of(question) == "de"
    spans: list[tuple[int, int]] = []
    for place, match in enumerate(words):
        is_first = place == 0 or _SENTENCE_END.search(
            question, words[place - 1].end(), match.start()
        )
        if not _is_name(match.group(), is_first=bool(is_first), only_marked=only_marked):
            continue
        between = question[spans[-1][1] : match.start()] if spans else ""
        if spans and (_JOINS.fullmatch(between) or between.strip().casefold() in _INSIDE_NAME):
            spans[-1] = (spans[-1][0], match.end())
        else:
            spans.append((match.start(), match.end()))

    group: list[str] = []
    end = 0
    for start, stop in spans:
        if group and not _ALTERNATIVE.fullmatch(question, end, start):
            yield tuple(group)
            group = []
        group.append(question[start:stop])
        end = stop
    if group:
        yield tuple(group)


def _is_name(word: str, *, is_first: bool, only_marked: bool) -> bool:
    folded = word.casefold().removesuffix("'s").removesuffix("\u2019s")
    # I'm, they've, she'll.
    folded = folded.replace("\u2019", "'").partition("'")[0] or folded
    if folded in STOP_WORDS or folded in _NO_NAMES or word in ROMAN:
        return False
    is_marked = any(map(str.isupper, word[1:]))
    return is_marked or (word[0].isupper() and not is_first and not only_marked)


def holds_name(name: str, text: str, background: str) -> bool:
    """True when half of the name's own words are there, also inflected, mistyped or as initials.

    Titles and kinds, such as Doctor or University, are not its own words if it has others.
    """
    words = [folded_word(word) for word in NAME_WORD.findall(name)][:MAX_NAME_WORDS]
    own = [word for word in words if word not in TITLES and word not in STOP_WORDS] or words
    held = sum(any(_has_word(word, each) for each in (text, background)) for word in own)
    if 2 * held >= len(own):
        return True
    # WHO where the World Health Organization is asked for.
    initials = "".join(word[0] for word in own)
    return len(own) >= _MIN_WORDS_OF_INITIALS and initials in words_of(f"{text} {background}")


@remembered(256)
def _has_word(word: str, text: str) -> bool:
    # Asked of one background for each sentence of a passage.
    known = words_of(text)
    if word in known or stem(word) in _stems(text):
        return True
    if word.isascii() and _MIN_ACRONYM <= len(word) <= _MAX_ACRONYM and word in _initials(text):
        return True
    return is_like_any(word, known)


@remembered_texts(1024)
def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, words_of(text)))


@remembered_texts(1024)
def _initials(text: str) -> frozenset[str]:
    """The initials of two capitalised words in a row, and of three to six words of any kind."""
    words = NAME_WORD.findall(text[:MAX_CHARS])
    letters = "".join(word[0] for word in words if word.casefold() not in _INSIDE_NAME)
    pairs = {letters[start : start + _MIN_ACRONYM] for start in range(len(letters) - 1)}
    found = {pair.casefold() for pair in pairs if pair.isupper()}
    folded = letters.casefold()
    for length in range(_MIN_WORDS_OF_INITIALS, _MAX_ACRONYM + 1):
        found.update(folded[start : start + length] for start in range(len(folded) - length + 1))
    return frozenset(found)
