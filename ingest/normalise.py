r"""Gives every text one spelling, so that offsets, hashes, quotes and searches agree on it.

Removed: control characters, soft hyphens, zero-width spaces and joiners without a purpose,
bidirectional marks (they change how a line looks, not what it says, and can hide what it says),
invisible tag characters, repeated and trailing spaces, repeated blank lines, what is more than 30
accents on one letter.
Replaced: line ends by "\n", every other space by " ", lone surrogates by U+FFFD (no
database stores them), ligatures and shaped Arabic letters by the letters they stand for.
Kept: letters, accents, punctuation, full-width forms and the indentation of a line.

The zero-width joiner and non-joiner stay between two characters of scripts that use them (Arabic,
Persian, Indic scripts, emoji sequences), where they change the word; elsewhere they are dropped.
"""

import re
from typing import Final

from language.text import normal_form

_LINE_END: Final = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # control characters, the line ends are gone by now
    "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PRESENTATION_FORM: Final = re.compile("[\ufb00-\ufb06\ufb50-\ufdff\ufe70-\ufefc]")
"""Latin ligatures and shaped Arabic letters: PDF files hold the glyphs instead of the letters."""
_SPACE: Final = re.compile("[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SPACES_INSIDE_A_LINE: Final = re.compile("(?<=[^ \n]) {2,}")
_TRAILING_SPACES: Final = re.compile("(?<! ) ++$", re.MULTILINE)
_BLANK_LINES: Final = re.compile("\n{3,}")
_NEIGHBOUR: Final = "\u0600-\u1fff\u2194-\u3299\ua840-\ud7ff\ufe00-\ufe0f\U00010a00-\U0001faff"
"""Scripts with joining letters, and the symbols and selectors of emoji sequences."""
_IDLE_JOINER: Final = re.compile(
    f"(?<![{_NEIGHBOUR}])[\u200c\u200d]|[\u200c\u200d](?![{_NEIGHBOUR}])"
)
_TAB_WIDTH: Final = 4


def normalise(text: str) -> str:
    """`text` in the one spelling that Footnote stores; the result is its own normal form."""
    if text.isascii():
        return _tidy_spaces(_INVISIBLE.sub("", _LINE_END.sub("\n", text)))
    # Removing one character can bring two others together that compose or lose their meaning.
    # Every round that changes something shortens the text or fixes its spelling, so this ends.
    previous = None
    while text != previous:
        previous = text
        text = _SURROGATE.sub("\ufffd", _LINE_END.sub("\n", text))
        text = _INVISIBLE.sub("", text)
        text = _PRESENTATION_FORM.sub(lambda form: normal_form("NFKC", form[0]), text)
        text = normal_form("NFC", text)
        text = _tidy_spaces(_IDLE_JOINER.sub("", text))
    return text


def _tidy_spaces(text: str) -> str:
    text = _SPACE.sub(" ", text.expandtabs(_TAB_WIDTH))
    text = _SPACES_INSIDE_A_LINE.sub(" ", text)
    text = _TRAILING_SPACES.sub("", text)
    return _BLANK_LINES.sub("\n\n", text).strip("\n")
