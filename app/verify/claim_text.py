"""What a claim says, without the marks that a generator puts around it; and its parts."""

import itertools
import re
from collections.abc import Sequence
from typing import Final

from app.verify.pieces import pieces
from app.verify.statement import Statement
from app.verify.tokens import Token, tokenize

MIN_PART_WORDS: Final = 3
"""Content words of a part that is judged by itself; fewer say too little to be looked up."""

_MARKER: Final = re.compile(
    r"(?<!\s)\s*+[\[\u3010](?:\^?\d{1,3}|[a-z][a-z0-9]{5})"
    r"(?:\s*+[,;]\s*+(?:\d{1,3}|[a-z][a-z0-9]{5}))*[\]\u3011]"
)
_BULLET: Final = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+")
_EMPHASIS: Final = re.compile(r"\*\*|`")
_LEAD_IN: Final = re.compile(
    r"^(?:according to|based on|as stated in|per) (?:the |this )?"
    r"(?:passage|source|document|context|excerpt|text)s?(?: \w{1,6})?, ?",
    re.IGNORECASE,
)
_TALK: Final = re.compile(
    r"^(?:(?:yes|yeah|yep|yea|nah|oh|ah|wow|hm+|lol|well|sure|okay|ok|indeed|actually)\b"
    r"\s*[,.!:;-]+\s*"
    r"|(?:yes|yeah|yep|yea|nah|oh|well)\s+(?:and|but)\s+"
    r"|(?:that|this|it) ?(?:'s|\u2019s| is) (?:(?:so|quite|very|really|pretty) )?"
    r"(?:true|right|correct|nice|cool|great|good|awesome|amazing|interesting|funny|sad)"
    r"\s*[,.!]+\s*)+",
    re.IGNORECASE,
)
"""What is said to the other person before, or instead of, saying something of the matter."""

_SPLIT: Final = re.compile(
    r"; |,? (?:but|while|whereas) |, and "
    r"| and (?=(?:is|are|was|were|has|have|had|can|may|must|will|shall|does|do|it|they|he|she)\b)"
)


def clean_claim(text: str) -> str:
    """The claim without citation markers, bullets, emphasis, 'according to passage 2' and 'yes'."""
    bare = _EMPHASIS.sub("", _BULLET.sub("", _MARKER.sub("", text))).strip()
    rest = _TALK.sub("", _LEAD_IN.sub("", bare))
    return rest if rest == bare else rest[:1].upper() + rest[1:]


def is_claim(text: str) -> bool:
    """False for what asserts nothing: a question, a heading, a text without content words."""
    if text.endswith(("?", ":")):
        return False
    return any(token.is_content for token in tokenize(text))


def whole_statement(text: str) -> Statement:
    """The text as one statement."""
    return _whole(tokenize(text))


def statements_of(text: str, *, a_is_name: bool) -> list[Statement]:
    """The claim's sentences; each is judged by itself."""
    return [_whole(tokenize(text[start:end], a_is_name=a_is_name)) for start, end in pieces(text)]


def parts_of(text: str, *, a_is_name: bool) -> list[Statement]:
    """The clauses of one sentence that can stand alone; the whole when it cannot be divided."""
    edges = [0, *(match.start() for match in _SPLIT.finditer(text)), len(text)]
    parts = [
        _whole(tokenize(text[start:end], a_is_name=a_is_name))
        for start, end in itertools.pairwise(edges)
    ]
    if all(len(part.content) >= MIN_PART_WORDS for part in parts):
        return parts
    return [_whole(tokenize(text, a_is_name=a_is_name))]


def _whole(tokens: Sequence[Token]) -> Statement:
    return Statement(tokens=tokens, quoted=range(len(tokens)))
