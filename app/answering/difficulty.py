"""Rules on a question's own words that send it to the stronger tier of an alias at once.

They are English; in other languages only the number of questions and the length count.
"""

import re
from typing import Final

LONG_QUESTION_WORDS: Final = 40
"""A question of two or three sentences, with conditions of its own."""

_COMPARES: Final = re.compile(
    r"\b(?:compar\w+|differ(?:s|ent|ence|ences)?|versus|vs|better|worse|instead|relat\w+ between"
    r"|advantages?|disadvantages?|pros and cons)\b",
    re.IGNORECASE,
)
_EXPLAINS: Final = re.compile(
    r"\b(?:why|explain|how come|what happens (?:if|when)|implications?|consequences?"
    r"|summari[sz]e)\b",
    re.IGNORECASE,
)
_ASKS_TWICE: Final = re.compile(
    r"\?.*\?|\b(?:and|or) (?:what|who|when|where|which|why|how)\b", re.IGNORECASE | re.DOTALL
)


def difficulties(question: str) -> tuple[str, ...]:
    """The names of the rules that find the question difficult; none for a plain one."""
    found = {
        "compares": _COMPARES.search(question) is not None,
        "explains": _EXPLAINS.search(question) is not None,
        "asks_twice": _ASKS_TWICE.search(question) is not None,
        "long": len(question.split()) > LONG_QUESTION_WORDS,
    }
    return tuple(name for name, is_so in found.items() if is_so)
