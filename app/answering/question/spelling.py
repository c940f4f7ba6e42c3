"""Words in another form or spelling: inflected, mistyped, a part of a compound, without accents."""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from language.remembered import remembered_texts
from language.stems import content_stems, stem
from language.text import STOP_WORDS, normal_form, word_set

MAX_CHARS: Final = 8_000
"""Read of a text; a passage has a quarter of it."""

MAX_STEMS: Final = 64
"""Stems of a question that are looked for."""

_ASKING: Final = word_set(
    "tell show give explain describe list please know need want everything anything details detail "
    "information info sag sagen nenne nenn zeig bitte alles dis donne montre explique svp tout"
)
"""Words that ask, and that no answer has to hold."""

MIN_TYPO: Final = 5
"""Letters of a word of which one may be missing, added, changed, or swapped with the next: a
distance of one in optimal string alignment. Shorter words are too often other words."""

MIN_PREFIX: Final = 4
"""Letters of a word that another one may go on with."""

MAX_ENDING: Final = 3
"""Letters with which it goes on."""

KIN: Final = 0.6
"""Share of the longer of two words that begins both of them."""

MIN_PART: Final = 5
"""Letters of a word that is found inside another one."""

_WORD: Final = re.compile(r"[^\W\d_]++")
NAME_WORD: Final = re.compile(r"[^\W\d_]++(?:['\u2019.][^\W\d_]++)*+")
"""A word with what may stand inside a name: O'Neill, U.K."""

_ELIDED: Final = word_set("l d qu j m n s t c")
"""French articles and pronouns before an apostrophe."""


# --- Forms ---------------------------------------------------------------------------------------


def folded_word(word: str) -> str:
    """The word in lower case without possessive, elided article and accents."""
    folded = word.casefold().replace("\u2019", "'").removesuffix("'s").replace(".", "")
    elided, mark, rest = folded.partition("'")
    if mark and elided in _ELIDED:
        folded = rest
    if folded.isascii():
        return folded
    return "".join(c for c in normal_form("NFD", folded) if c.isalnum() and c.isascii()) or folded


@remembered_texts(1024)
def words_of(text: str) -> frozenset[str]:
    """The folded words of the text's first MAX_CHARS."""
    return frozenset(folded_word(word) for word in NAME_WORD.findall(text[:MAX_CHARS]))


def is_like(word: str, other: str) -> bool:
    """True when one goes on with the other, as Germany with German, or a letter is mistyped."""
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) < MIN_PREFIX or len(longer) - len(shorter) > MAX_ENDING:
        return False
    if longer.startswith(shorter):
        return True
    return len(shorter) >= MIN_TYPO and OSA.distance(word, other, score_cutoff=1) <= 1


def is_like_any(word: str, others: Iterable[str]) -> bool:
    """True when the word is like one of the others, as `is_like` says."""
    length = len(word)
    if length < MIN_PREFIX:
        return False
    near = [each for each in others if -MAX_ENDING <= len(each) - length <= MAX_ENDING]
    beginning = word[:MIN_PREFIX]
    if any(
        each.startswith(beginning) and (each.startswith(word) or word.startswith(each))
        for each in near
    ):
        return True
    if length < MIN_TYPO:
        return False
    spelled = [each for each in near if len(each) >= MIN_TYPO]
    return process.extractOne(word, spelled, scorer=OSA.distance, score_cutoff=1) is not None


def holds_any(words: Sequence[str], known: frozenset[str]) -> bool:
    """True when a word is known in some form: inflected, mistyped, or a part of a compound."""
    words = [folded_word(word) for word in words]
    if not known.isdisjoint(words):
        return True
    stems = frozenset(map(stem, known))
    return any(stem(word) in stems or any(_is_form(word, each) for each in known) for word in words)


def _is_form(word: str, other: str) -> bool:
    """True for words that are alike, one inside the other, or of one long beginning."""
    if is_like(word, other):
        return True
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) >= MIN_PART and shorter in longer:
        return True
    # héberger and hébergement.
    needed = max(MIN_PART, math.ceil(KIN * len(longer)))
    return word[:needed] == other[:needed]


# --- As the sources spell them -------------------------------------------------------------------


def spelled_stems(
    words: Sequence[str], languages: Collection[str | None], known: frozenset[str]
) -> dict[str | None, list[str]]:
    """The stems of a question's words as each language reads them, without those that only ask.

    One that is not `known` is given as the known one that it is a slip of.
    """
    saying = [word for word in words if word.casefold() not in _ASKING]
    spelled = {}
    for language in languages:
        stems = content_stems(" ".join(saying), language) or content_stems(
            " ".join(words), language
        )
        found = [
            each if each in known or len(each) < MIN_TYPO else _slip_of(each, known)
            for each in dict.fromkeys(stems[:MAX_STEMS])
        ]
        spelled[language] = list(dict.fromkeys(found))
    return spelled


def _slip_of(word: str, known: Collection[str]) -> str:
    """The only known word that differs in one letter; the word itself when none or several do.

    Digits are no slips: SP-4217 is another part than SP-4218.
    """
    if not word.isalpha():
        return word
    found = process.extract(word, known, scorer=OSA.distance, score_cutoff=1, limit=None)
    like = [each for each, _, _ in found if each.isalpha()]
    return like[0] if len(like) == 1 else word


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
