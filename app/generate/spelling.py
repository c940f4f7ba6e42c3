"""The words of a question as its sources spell them."""

from collections.abc import Collection
from typing import Final

from app.generate.proper_names import MIN_TYPO, is_typo
from kb.text import word_set
from language.stems import content_stems

MAX_STEMS: Final = 64
"""Of a question that are weighed."""

_ASKING: Final = word_set(
    "tell show give explain describe list please know need want everything anything details detail "
    "information info sag sagen nenne nenn zeig bitte alles dis donne montre explique svp tout"
)
"""Words that ask, and that no answer has to hold."""


def spelled_stems(
    question: str, languages: Collection[str | None], known: frozenset[str]
) -> dict[str | None, list[str]]:
    """The question's stems as each of the languages reads it, without words that only ask.

    One that is not `known` is given as the known one that it is a slip of.
    """
    said = " ".join(word for word in question.split() if word.casefold() not in _ASKING) or question
    spelled = {}
    for language in languages:
        found = [
            stem if stem in known or len(stem) < MIN_TYPO else _slip_of(stem, known)
            for stem in dict.fromkeys(content_stems(said, language)[:MAX_STEMS])
        ]
        spelled[language] = list(dict.fromkeys(found))
    return spelled


def _slip_of(stem: str, known: frozenset[str]) -> str:
    """The only stem that differs in one letter; itself when none or several do, or a digit does."""
    if not stem.isalpha():
        return stem
    like = [
        each
        for each in known
        if abs(len(each) - len(stem)) <= 1 and each.isalpha() and is_typo(stem, each)
    ]
    return like[0] if len(like) == 1 else stem
