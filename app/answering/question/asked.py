"""How a question is put: in how many parts, for steps, for all of a list, for a definition."""

import re
from typing import Final

from language.lines import MARKER
from language.stems import content_stems

MAX_PARTS: Final = 3

_QUESTION_WORD: Final = (
    r"(?:how|what|which|who|whom|whose|when|where|why|is|are|was|were|do|does|did|can|may|must|will"
    r"|wie|was|wer|wem|wen|wann|wo|warum|welche[mnrs]?|ist|sind|darf|kann|muss|gibt"
    r"|comment|combien|quand|o\u00f9|qui|quel(?:le)?s?|pourquoi|est-ce|peut-on)"
)
_BEFORE_QUESTION_WORD: Final = (
    r"(?:(?:by|on|at|in|for|from|since|until|till|to|with|of|under|through|about|bis|ab|seit|auf|an"
    r"|am|im|f\u00fcr|mit|von|zu|bei|\u00e0|de|depuis|jusqu'\u00e0|par|pour|dans|sur|avec|en)\s)?"
)
_NEXT_PART: Final = re.compile(
    rf"(?:,\s|\?\s|\s(?=(?:and|und|et)\s))(?:(?:and|und|et)\s)?"
    rf"(?={_BEFORE_QUESTION_WORD}{_QUESTION_WORD}\b)",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(rf"\b{_QUESTION_WORD}\b", re.IGNORECASE)
_HOW: Final = re.compile(
    r"\bhow (?:do|does|can|could|should|must|to|is|are)\b|\bstep by step\b|\bprocedure\b"
    r"|\bschritt f\u00fcr schritt\b|\banleitung\b|\bvorgehen\b"
    r"|\bwie (?!viel|(?:lange?|hoch|oft|weit|gro\u00df|alt|teuer|hei\u00dft|ist|sind)\b)\w"
    r"|\bcomment\b|\b\u00e9tape par \u00e9tape\b|\bproc\u00e9dure\b|\bmarche \u00e0 suivre\b"
    r"|\bwhat (?:do|does|should|must|can|shall) \w{1,30} (?:have to |need to )?do\b|\bwhat to do\b"
    r"|\bwhat (?:is|has) to be done\b|\b(?:take|walk|talk|guide) (?:me|us) through\b"
    r"|\bwas (?:ist (?:\w{1,30} )?zu (?:tun|machen)|tun|tue? ich|mache? ich)\b"
    r"|\bwas (?:muss|soll|sollte|kann) (?:ich|man) (?:\w{1,30} ){0,4}(?:tun|machen|unternehmen)\b"
    r"|\bque (?:dois-je|faut-il|doit-on|puis-je|peut-on) faire\b|\bque faire\b",
    re.IGNORECASE,
)
_EVERYTHING: Final = re.compile(
    r"\b(?:everything|all (?:the )?(?:details|data|figures|information)|all about|alles"
    r"|alle (?:angaben|daten|einzelheiten|informationen|details)|tous les d\u00e9tails"
    r"|toutes les (?:informations|donn\u00e9es)|tout sur)\b",
    re.IGNORECASE,
)
_STEPS: Final = re.compile(r"\b(?:steps?|schritte?|\u00e9tapes?)\b", re.IGNORECASE)
_ALL_OF: Final = re.compile(
    r"\W*+(?:(?:please\s)?(?:list|name|show)\b|(?:in\s)?which\b"
    r"|what (?:\w{1,30} ){0,2}?(?:are|were|must|do|does|did|should|may)\b"
    r"|what (?:is|was) (?:new|needed|required|included|forbidden|allowed|decided|planned|covered"
    r"|being|to be)\b|welche[mnrs]?\b"
    r"|was (?:sind|ist|muss)\b|(?:quels|quelles)\b|nenne\b|liste\b|cite)",
    re.IGNORECASE,
)
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


def parts_of(question: str) -> tuple[str, ...]:
    """The questions that it asks: "What does it cost and when does it open?" asks two.

    "In the old plant, what drives the pump?" asks one: what is in front of it asks nothing.
    """
    parts = [part.strip(" ,?") for part in _NEXT_PART.split(question)]
    whole = [part for part in parts if content_stems(part)]
    asks_all = all(_ASKS.search(part) for part in whole)
    return tuple(whole) if asks_all and 1 < len(whole) <= MAX_PARTS else (question,)


def asks_how(question: str) -> bool:
    """True for a question that a procedure answers."""
    return _HOW.search(question) is not None or _STEPS.search(question) is not None


def asks_for_everything(question: str) -> bool:
    """True for a question that wants all that is known of one thing."""
    return _EVERYTHING.search(question) is not None


def asks_for_all(question: str) -> bool:
    """True for a question that a whole list answers, where no item of it does."""
    return _ALL_OF.match(question) is not None


def defined_term(question: str) -> str | None:
    """What a definition is asked of; None when the question asks for something else."""
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


_EMPHASIS: Final = "*_ "
_GLOSS: Final = re.compile(r"[*_ ]{0,4}(?::|\s[-\u2013\u2014]\s)")
"""Behind a term in a glossary."""
_COPULAS: Final = frozenset({"is", "are", "means", "ist", "sind", "bedeutet", "bezeichnet"}) | {
    "est",
    "sont",
    "signifie",
    "d\u00e9signe",
}
