"""Definitions: the term that a question asks for one of, and whether a sentence gives it."""

import re
from typing import Final

from language.lines import MARKER
from language.text import word_set

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
_LINKS: Final = re.compile(r"\s(?:of|for|in|on|at|to|by|von|f\u00fcr|im|in|zu|de|du|des|pour)\s")
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
    is_plain = len(bare.split()) <= _MAX_TERM_WORDS and not _LINKS.search(bare)
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
