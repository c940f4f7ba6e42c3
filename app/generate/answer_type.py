"""Does a sentence name a thing of the kind that the question asks for: a time, a number, a name?

Told by the question's English words; a question that asks for nothing so plain has no kind.
"""

import re
from collections.abc import Callable
from typing import Final

from kb.text import STOP_WORDS, word_set

_ASKS_FOR_TIME: Final = re.compile(
    r"\bwhen\b|\b(?:what|which) (?:year|month|day|date|decade|century|time|period|era)\b",
    re.IGNORECASE,
)
_ASKS_FOR_NUMBER: Final = re.compile(
    r"\bhow (?:many|much|long|far|old|tall|large|big|high|deep|fast|often|wide)\b"
    r"|\b(?:what|which) (?:(?:is|was|are|were) the )?"
    r"(?:percent|percentage|number|amount|fraction|proportion|population)\b",
    re.IGNORECASE,
)
_ASKS_FOR_NAME: Final = re.compile(
    r"\b(?:who|whom|whose|where)\b|\b(?:what|which) (?:city|country|state|town|region|island"
    r"|continent|county|nation|province|person|company|organi[sz]ation)\b",
    re.IGNORECASE,
)
_ASKS_FOR_YES_OR_NO: Final = re.compile(
    r"\W*(?:is|are|was|were|am|do|does|did|has|have|had|can|could|may|might|must|shall|should|will"
    r"|would|need)(?:n't)?\s(?!.*\bor\b)",
    re.IGNORECASE | re.DOTALL,
)
_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_NUMBER_WORDS: Final = word_set(
    "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty "
    "hundred thousand million billion half twice dozen first second third"
)
_TIME_WORDS: Final = word_set(
    "january february march april may june july august september october november december monday "
    "tuesday wednesday thursday friday saturday sunday century centuries decade today bc ad ce bce"
)
_YEAR: Final = re.compile(r"(?:1\d|20)\d\ds?")

Kind = Callable[[str], bool]
"""True for a word of the kind."""


def wanted_kind(question: str) -> Kind | None:
    """What a word of the answer must be; None when the question does not say."""
    if _ASKS_FOR_TIME.search(question):
        return _is_time
    if _ASKS_FOR_NUMBER.search(question):
        return _is_number
    return _is_name if _ASKS_FOR_NAME.search(question) else None


def wants_yes_or_no(question: str) -> bool:
    """True for a question that begins with its verb and gives no alternatives."""
    return _ASKS_FOR_YES_OR_NO.match(question) is not None


def names_wanted(sentence: str, kind: Kind, *, asked: frozenset[str]) -> bool:
    """True when a word of the kind stands in the sentence that is not among the `asked` ones.

    Every sentence begins with a capital letter, so its first word is no name.
    """
    words = _WORD.findall(sentence)
    later = words[1:] if kind is _is_name else words
    return any(word.casefold() not in asked and kind(word) for word in later)


def asked_words(question: str) -> frozenset[str]:
    """The question's words, in lower case: naming them again answers nothing."""
    return frozenset(word.casefold() for word in _WORD.findall(question))


def _is_number(word: str) -> bool:
    return any(map(str.isdigit, word)) or word.casefold() in _NUMBER_WORDS


def _is_time(word: str) -> bool:
    return _YEAR.fullmatch(word) is not None or word.casefold() in _TIME_WORDS


def _is_name(word: str) -> bool:
    return word[0].isupper() and word.casefold() not in STOP_WORDS
