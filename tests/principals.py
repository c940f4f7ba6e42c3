"""Principals that every door must take alike, and those that every door must refuse."""

from collections.abc import Mapping
from typing import Final

TAKEN: Final[Mapping[str, str]] = {
    "user:ana": "user:ana",
    "tenant:*": "tenant:*",
    "user:a*b": "user:a*b",
    "user:\N{LATIN SMALL LETTER A WITH GRAVE}na": "user:\N{LATIN SMALL LETTER A WITH GRAVE}na",
    "user:a\N{COMBINING GRAVE ACCENT}na": "user:\N{LATIN SMALL LETTER A WITH GRAVE}na",
    "group:\N{CJK UNIFIED IDEOGRAPH-6CD5}\N{CJK UNIFIED IDEOGRAPH-52D9}": "group:\u6cd5\u52d9",
    "user:urn:ana@example.org": "user:urn:ana@example.org",
    "user:" + 200 * "x": "user:" + 200 * "x",
    "user:" + 200 * "a\N{COMBINING GRAVE ACCENT}": "user:" + 200 * "\u00e0",
}
"""What is sent, and what is stored."""

REFUSED: Final = (
    "ana",
    ":ana",
    "user:",
    "User:ana",
    "user2:ana",
    "us\N{LATIN SMALL LETTER E WITH ACUTE}r:ana",
    "user:ana smith",
    "user:ana\N{NO-BREAK SPACE}smith",
    "user:ana\N{ZERO WIDTH SPACE}",
    "user:\N{ZERO WIDTH NO-BREAK SPACE}ana",
    "user:ana\N{VARIATION SELECTOR-16}",
    "user:\N{HANGUL FILLER}",
    "user:\N{BRAILLE PATTERN BLANK}",
    "user:\N{RIGHT-TO-LEFT OVERRIDE}ana",
    "user:a\N{SOFT HYPHEN}na",
    "user:ana\x85",
    "user:\ue000",
    "user:\u0378",
    "user:a" + 31 * "\N{COMBINING GRAVE ACCENT}",
    "user:*",
    "group:*",
    "tenant:globex",
    "user:" + 201 * "x",
    201 * "x" + ":ana",
)
"""Without those that divide a list or that HTTP itself refuses in a header."""

REFUSED_IN_TEXT: Final = ("", "user:a,b", "user:a\x00b", "user:a\x1fb", "user:a\tb", "user:ana\n")
"""What only JSON can say."""
