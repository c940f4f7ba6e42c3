"""Finds text that a browser or a Markdown renderer acts on, or does not show at all."""

import re
from collections.abc import Iterator
from typing import Final

import regex  # type: ignore[import-untyped]  # ships no type information

from language.text import normal_form

_MARKUP: Final = re.compile(
    # A tag, a comment, a declaration, <http://address>: what is not closed counts as well, since
    # the page that shows it may close it.
    r"<[a-z/!?](?:[^<>\n]*+>|\S*+)"
    # [text](address), ![picture](address), [name]: address
    r"|!?\[[^\[\]\n]*+\](?:\([^)\n]*+\)?|:\s*+\S++)"
    r"|```|~~~",
    re.IGNORECASE,
)

_WORD: Final = re.compile(r"""[^\s()\[\]<>{}"'\u201c-\u201f\u2018-\u201b\u00ab\u00bb,;|]++""")

_SCHEME: Final = re.compile(
    r"[a-z][a-z0-9+.-]{0,30}:[/\\]{2}|[/\\]{2}\w"
    r"|(?:javascript|vbscript|data|blob|file|mailto|tel|sms):.",
    re.IGNORECASE,
)
_DOT: Final = r"(?:\.|\u3002(?=[a-z0-9]))"
"""Browsers read an ideographic full stop as one; in Chinese and Japanese it ends a sentence."""

_DOTTED: Final = re.compile(rf"(?<![\w-])\w[\w-]*+(?:{_DOT}\w[\w-]*+)++", re.IGNORECASE)
_DOMAIN: Final = re.compile(r"[^\W\d_]{2,63}|xn--[\w-]{1,63}", re.IGNORECASE)

_HIDDEN: Final = regex.compile(
    r"(?:(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\u2028\u2029])++"
)
"""Controls, marks that turn the reading direction, copies of letters that only models see."""


def active_pieces(text: str) -> Iterator[str]:
    """The pieces of the text, in its NFKC form, that act where it is shown or hide in it."""
    plain = normal_form("NFKC", text)
    yield from (found[0] for found in _MARKUP.finditer(plain))
    yield from (found[0] for found in _HIDDEN.finditer(plain))
    for word in _WORD.findall(plain):
        bare = word.strip(".:!?\u3002*_`~")
        behind_dots = (
            part
            for found in _DOTTED.finditer(bare)
            for part in re.split(r"[.\u3002]", found[0])[1:]
        )
        if _SCHEME.search(bare) or any(map(_DOMAIN.fullmatch, behind_dots)):
            yield bare


def has_foreign_activity(text: str, source: str) -> bool:
    """True when something in the text acts or hides that does not stand in the source."""
    pieces = list(active_pieces(text))
    if not pieces:
        return False
    plain = normal_form("NFKC", source)
    return any(piece not in plain for piece in pieces)
