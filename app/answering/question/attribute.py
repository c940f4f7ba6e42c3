"""The attribute that a question asks for: "the notice period", "colour", "calories", "approves".

It is read off the words after the question word, in English, German and French.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from app.answering.question.small_words import SMALL_WORDS, language_of
from language.text import STOP_WORDS, word_set

_WORD: Final = re.compile(r"(?<![^\W_])(?:[ldLD]['\u2019])?+([^\W\d_]++(?:['\u2019]s\b)?)")
_NOUN_FOLLOWS: Final = word_set(
    "what which who how welche welcher welches welchen welchem wie was wer quel quelle quels "
    "quelles combien qui"
)
_EVENT_FOLLOWS: Final = word_set("when where wann wo wohin woher quand o\u00f9")
_LINKS: Final = word_set(
    "is are was were am be been being do does did has have had can could may might must shall "
    "should will would the a an my our your their his her its this that these those many much "
    "ist sind war waren wird werden hat haben hatte kann darf muss der die das den dem des ein "
    "eine einen einem einer mein meine unser unsere viel viele vielen hoch est sont \u00e9tait le "
    "la les l un une des du de mon ma mes notre nos votre vos there es il elle hei\u00dft heisst "
    "hei\u00dfen heissen"
)
"""May stand between the question word and the noun."""
_ENDS: Final = word_set(
    "of for in on at to from per by with during when if after before under between about than as "
    "who which that whose where and or while because into over against among within without upon "
    "is are was were do does did has have had can could may might must shall should will would "
    "von f\u00fcr im in am an auf bei zu zum zur nach vor mit aus \u00fcber unter pro wenn bis "
    "ist sind war wird werden hat haben kann darf muss und oder "
    "pour dans sur au aux par avec en \u00e0 chez entre est sont et ou"
)
"""After these the noun is over."""
_SMALL: Final = (
    STOP_WORDS
    | SMALL_WORDS
    | _LINKS
    | _ENDS
    | word_set(
        "take takes dauert dure much need mich mir uns ihn sich sie noch schon denn ob dann einen "
        "moi toi lui chez pendant si quelque quelques dois puis peux faut me se sa son ses leur"
    )
)
_SAY_NOTHING: Final = word_set(
    "kind kinds type types sort sorts name names term word thing things example examples form "
    "forms part parts way ways one ones number amount total main different other another called "
    "new following art arten name typ nom sorte genre type person people company organization "
    "organisation country city state place group someone be case cases cas fall fälle fällen "
    "circumstances condition conditions reason reasons raison grund dois je puis faut ich sie man"
)
"""Nouns that an answer need not repeat."""
MAX_WORDS: Final = 3


def attribute_of(question: str) -> tuple[str, ...]:
    """The words of which an answer must hold one; empty where the question names no attribute.

    After when and where these are all other words: any of them may name the event.
    """
    words = [match[1].casefold() for match in _WORD.finditer(question)]
    is_german = language_of(question) == "de"
    for place, asking in enumerate(words):
        rest = words[place + 1 :]
        word = asking.removesuffix("'s").removesuffix("\u2019s")
        if word in _EVENT_FOLLOWS:
            return content_words(rest)
        if word in _NOUN_FOLLOWS and (is_german or word != "was"):
            return tuple(_noun_after(rest))
    return ()


def content_words(words: Iterable[str]) -> tuple[str, ...]:
    """Those that say something, in their order; numbers and names with digits are pinned down."""
    return tuple(
        each
        for each in words
        if len(each) > 1 and each not in _SMALL and not any(map(str.isdigit, each))
    )


def _noun_after(words: Sequence[str]) -> Iterator[str]:
    found: list[str] = []
    for word in words:
        if not found and word in _LINKS:
            continue
        if word in _ENDS or word in _LINKS:
            if any(each not in _SAY_NOTHING for each in found) or word != "of":
                break
            found = []
            continue
        if word.endswith(("'s", "\u2019s")):
            found = []
            continue
        found.append(word)
        if len(found) == MAX_WORDS:
            break
    yield from (word for word in found if word not in _SAY_NOTHING and word not in STOP_WORDS)
