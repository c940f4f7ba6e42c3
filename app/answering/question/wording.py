"""The wording of a question: its language, the attribute that it asks for, the term to be defined.

English, German and French are read.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from language.lines import MARKER
from language.text import STOP_WORDS, word_set

Language = Literal["en", "de", "fr"]

_LETTERS: Final = re.compile(r"[^\W\d_]++")
_SMALL_WORDS: Final[dict[Language, frozenset[str]]] = {
    "de": word_set(
        "der die das den dem des ein eine einen einem einer eines ist sind war wird werden wurde "
        "wie was wer wen wem wo wann warum weshalb wieso welche welcher welches welchen wieviel "
        "viel viele lange für mit von zum zur im am bei nach aus auf und oder nicht ich wir man "
        "kann darf muss gibt es hat haben um über zu bis"
    ),
    "fr": word_set(
        "le la les un une des du de au aux est sont était qui que quoi quel quelle quels quelles "
        "où quand comment pourquoi combien pour avec dans sur par et ou ne pas je nous on peut "
        "doit il elle y ce cette a-t-il"
    ),
    "en": word_set(
        "the a an is are were be what who whom whose which when where why how much many do "
        "does did can may must should has have of in for to with and or not i we my our it there"
    ),
}
SMALL_WORDS: Final = frozenset().union(*_SMALL_WORDS.values())
"""In any of the languages."""


def language_of(question: str) -> Language:
    """The language whose small words are most; English when none are."""
    words = _LETTERS.findall(question.casefold())
    counts = {
        language: sum(word in known for word in words) for language, known in _SMALL_WORDS.items()
    }
    best = max(counts.values())
    return "en" if counts["en"] == best else "de" if counts["de"] == best else "fr"


# --- The attribute --------------------------------------------------------------------------------

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


# --- Definitions ----------------------------------------------------------------------------------

_DEFINES: Final = re.compile(
    r"\W*+(?:what(?: is|'s| are)(?: meant by)?|what do(?:es)?(?: (?:we|you|they) mean by)?"
    r"|wh(?:at|o) counts as|was (?:ist|sind|bedeutet|hei\u00dft|versteht man unter|gilt als)"
    r"|qu'est-ce qu(?:e c'est que|'une?|e)|qu'entend-on par|que signifie|c'est quoi,?)"
    r"\s(?P<term>[^?]{2,60}?)(?:\smean)?\s?\?*$",
    re.IGNORECASE,
)
_WHERE_DEFINED: Final = re.compile(
    r"\s(?:in the sense of|according to|im sinne|laut|au sens|selon)\b.*+", re.IGNORECASE
)
_ARTICLE: Final = re.compile(
    r"(?:an?|the|eine?|eine[mnrs]|de[rmns]|die|das|une?|l[ea]s?)\s|l'|d'", re.IGNORECASE
)
_MAX_TERM_WORDS: Final = 3
_RELATES: Final = re.compile(r"\s(?:of|for|in|on|at|to|by|von|f\u00fcr|im|in|zu|de|du|des|pour)\s")
"""A term with one of these is a thing of a kind, as in "the price of a ticket", and no term."""
_EMPHASIS: Final = "*_ "
_GLOSS: Final = re.compile(r"[*_ ]{0,4}(?::|\s[-\u2013\u2014]\s)")
"""Behind a term in a glossary."""
_COPULAS: Final = word_set(
    "is are means ist sind bedeutet bezeichnet est sont signifie d\u00e9signe"
)


def defined_term(question: str) -> str | None:
    """The term that a definition is asked of; None when the question asks for something else."""
    match = _DEFINES.match(question)
    if match is None:
        return None
    term = _WHERE_DEFINED.sub("", match["term"]).strip()
    article = _ARTICLE.match(term)
    bare = term[article.end() if article else 0 :]
    is_plain = len(bare.split()) <= _MAX_TERM_WORDS and not _RELATES.search(bare)
    return bare if is_plain and bare else None


def defines(sentence: str, term: str) -> bool:
    """True for a sentence that says what the term is: "A pick face is the place ..."."""
    marker = MARKER.match(sentence)
    sentence = sentence[marker.end() if marker else 0 :].lstrip(_EMPHASIS)
    article = _ARTICLE.match(sentence)
    start = sentence[article.end() if article else 0 :]
    if start[: len(term)].casefold() != term.casefold():
        return False
    if _GLOSS.match(start, len(term)):
        return True
    rest = start[len(term) :].split(maxsplit=1)
    return bool(rest) and rest[0].casefold() in _COPULAS
