"""The language of a question, one of three, by its small words."""

import re
from typing import Final, Literal

from language.text import word_set

Language = Literal["en", "de", "fr"]

_WORD: Final = re.compile(r"[^\W\d_]++")
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
    words = _WORD.findall(question.casefold())
    counts = {
        language: sum(word in known for word in words) for language, known in _SMALL_WORDS.items()
    }
    best = max(counts.values())
    return "en" if counts["en"] == best else "de" if counts["de"] == best else "fr"
