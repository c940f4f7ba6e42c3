"""What a claim says, without the marks that a generator puts around it."""

import re
from typing import Final

from app.verify.cited import NUMBERED
from app.verify.verbatim import bare_claim
from language.tokens import tokenize

_LEAD_IN: Final = re.compile(
    r"^(?:according to|based on|as stated in|per) (?:the |this )?"
    r"(?:passage|source|document|context|excerpt|text)s?(?: \w{1,6})?, ?",
    re.IGNORECASE,
)
_TALK: Final = re.compile(
    r"^(?:(?:yes|no|yeah|yep|yea|nah|ja|nein|oui|non|s\u00ed|oh|ah|wow|hm+|lol|well|sure|okay|ok|indeed|actually)\b"
    r"\s*[,.!:;-]+\s*"
    r"|(?:yes|yeah|yep|yea|nah|oh|well)\s+(?:and|but)\s+"
    r"|(?:that|this|it) ?(?:'s|\u2019s| is) (?:(?:so|quite|very|really|pretty) )?"
    r"(?:true|right|correct|nice|cool|great|good|awesome|amazing|interesting|funny|sad)"
    r"\s*[,.!]+\s*)+",
    re.IGNORECASE,
)
"""What is said to the other person before, or instead of, saying something of the matter."""


def clean_claim(text: str) -> str:
    """The claim without citation markers, bullets, emphasis, 'according to passage 2' and 'yes'."""
    text = bare_claim(text)
    number = NUMBERED.match(text)
    bare = text[number.end() :] if number else text
    rest = _TALK.sub("", _LEAD_IN.sub("", bare))
    return rest if rest == bare else rest[:1].upper() + rest[1:]


def is_claim(text: str) -> bool:
    """False for what asserts nothing: a question, a heading, a text without content words."""
    if text.endswith(("?", ":")):
        return False
    return any(token.is_content for token in tokenize(text))
