"""Which language is a text in, so that it is known whether its negations are understood?"""

import re
from typing import Final

from kb.text import is_unspaced, word_set

_WORDS_BY_LANGUAGE: Final = {
    "en": word_set(
        "the of and to in is are was were that this for with as on by at from be has have had it "
        "its an or which not can will may must he she they his their been but also who when where"
    ),
    "de": word_set(
        "der die das und ist nicht ein eine mit von den dem des im zu auf wird sind kein keine war "
        "werden nur oder wenn bis nach beim vom zum zur auch"
    ),
    "fr": word_set(
        "le la les et est un une dans pour pas ne du des qui que sur au aux sont avec par il elle "
        "en ou doit peut cette ce de"
    ),
    "es": word_set(
        "el la los las y es en una para no se su por con del al lo como fue son un que de o debe "
        "puede esta este"
    ),
    "it": word_set("il di che non della sono per gli dei alla nel una con del e un la lo i"),
    "nl": word_set("het een van niet en dat zijn op te voor geen de in is worden met"),
    "pt": word_set("o os da do em uma para com mais foi não que e um de a dos das no na"),
}
"""Function words: a sentence of ten words has some."""

POLARITY_KNOWN: Final = frozenset({"en", "de", "fr", "es"})
"""Languages whose negations are in the verifier's word list."""

_WORD: Final = re.compile(r"[^\W\d_]+")


def is_polarity_known(text: str) -> bool:
    """True when the text is in a language whose negations are understood.

    Latin letters without any known function word count as English.
    """
    words = [word.casefold() for word in _WORD.findall(text)]
    if 2 * sum(map(_is_other_script, words)) > len(words):
        return False
    counts = {
        language: sum(word in known for word in words)
        for language, known in _WORDS_BY_LANGUAGE.items()
    }
    # Of equals the first, so English.
    return max(counts, key=counts.__getitem__) in POLARITY_KNOWN


def _is_other_script(word: str) -> bool:
    # Greek and everything after it, but for the Latin letters with marks of their own.
    return is_unspaced(word[0]) or "\u0370" <= word[0] <= "\u1dff"
