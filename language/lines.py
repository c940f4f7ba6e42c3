"""Patterns of how lines begin and end: list markers, and words that refer to the sentence before.

Answers are made and proved with the same of them.
"""

import re
from typing import Final

_BULLETS: Final = r"[-*+\u2022\u25e6\u25aa\u25cf\u2013\u2014\u00b7]"
_NUMBERS: Final = (
    r"(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|(?i:step|schritt|\u00e9tape)\s\d{1,2}[^\w\s])"
)
BULLET: Final = re.compile(rf"\s*+{_BULLETS}\s++")
NUMBERED: Final = re.compile(rf"\s*+{_NUMBERS}\s++")
MARKER: Final = re.compile(rf"\s*+(?:{_BULLETS}|{_NUMBERS})\s++")
"""The marker of a list item: a bullet or a number."""
ITEM: Final = re.compile(rf"^[^\S\n]*+(?:{_BULLETS}|{_NUMBERS})[^\S\n]++", re.MULTILINE)
"""The markers in a text of several lines."""

COLONS: Final = (":", "\uff1a")
"""A line that ends with one only leads to the lines below it."""

ENDS_SENTENCE: Final = re.compile(r"[.!?:;\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*+$")
"""The end of a line that is neither a heading nor a bare item."""

_REFERS_BACK: Final = re.compile(
    r"\W*+(?:it|its|they|their|them|he|she|his|her|this|that|these|those|such|both|otherwise"
    r"|in (?:that|this|these|those|such) cases?|if (?:so|not)|however|also|then|afterwards"
    r"|here|there|unless|except"
    r"|er|sie|es|dies(?:e[rsmn]?)?|jene[rsmn]?|sonst|andernfalls|dabei|danach|dann|dort|hierf\u00fcr"
    r"|daf\u00fcr|jedoch|allerdings"
    r"|il|elle|ils|elles|ce|cet|cette|ces|cela|sinon|ensuite|toutefois|cependant|sauf"
    r"|dans ce cas)\b",
    re.IGNORECASE,
)


def refers_back(sentence: str) -> bool:
    """True for a sentence that is understood only after the one before it: `It ends`."""
    return _REFERS_BACK.match(sentence) is not None
