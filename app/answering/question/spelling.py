"""The words of a question as its sources spell them."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.answering.question.proper_names import MIN_TYPO
from language.stems import content_stems, stem
from language.text import STOP_WORDS, word_set

_WORD: Final = re.compile(r"[^\W\d_]++")

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
    said = " ".join(word for word in question.split() if word.casefold() not in _ASKING)
    spelled = {}
    for language in languages:
        stems = content_stems(said, language) or content_stems(question, language)
        found = [
            stem if stem in known or len(stem) < MIN_TYPO else _slip_of(stem, known)
            for stem in dict.fromkeys(stems[:MAX_STEMS])
        ]
        spelled[language] = list(dict.fromkeys(found))
    return spelled


def _slip_of(stem: str, known: Collection[str]) -> str:
    """The only stem that differs in one letter; itself when none or several do, or a digit does."""
    if not stem.isalpha():
        return stem
    found = process.extract(stem, known, scorer=OSA.distance, score_cutoff=1, limit=None)
    like = [each for each, _, _ in found if each.isalpha()]
    return like[0] if len(like) == 1 else stem


def corrected(question: str, texts: Iterable[str]) -> str:
    """The question with each word that no text has as the only word of theirs that it is a slip of.

    An embedding model knows no mistyped word.
    """
    words = [match for match in _WORD.finditer(question) if len(match.group()) >= MIN_TYPO]
    if not words:
        return question
    known = {match.group().casefold() for text in texts for match in _WORD.finditer(text)}
    stems = {stem(word) for word in known}
    written = question
    for match in reversed(words):
        word = match.group().casefold()
        if word in known or word in STOP_WORDS or stem(word) in stems:
            continue
        meant = _slip_of(word, known)
        if meant != word:
            written = f"{written[: match.start()]}{meant}{written[match.end() :]}"
    return written
