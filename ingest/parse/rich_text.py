r"""Rewrites the bytes of an RTF file so that its special letters are read in any language.

RTF writes a letter outside ASCII as `\'xx`, in the code page of the current font. kreuzberg 4.10
takes every page for Western European; as `\uN` it reads all of them. (striprtf knows code pages but
throws headings, lists and tables away.)
"""

import re
from typing import Final

_CODEC_BY_CHARSET: Final = {
    128: "cp932",
    129: "cp949",
    134: "gbk",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
"""Source: Rich Text Format Specification 1.9.1, font table, `\\fcharset`."""

_FONT: Final = re.compile(rb"\{\\f(\d{1,5})(?:\\[a-z]+\d*|\s)*?\\fcharset(\d{1,3})")
_CODE_PAGE: Final = re.compile(rb"\\ansicpg(\d{1,5})")
_FONT_OR_LETTERS: Final = re.compile(
    # The second byte of a Japanese or Chinese letter can be an ASCII letter and stands bare.
    rb"\\f(?P<font>\d{1,5})(?!\d)|(?P<letters>(?:\\'[0-9a-fA-F]{2}[@-\[\]-z|~]*)+)"
)
_ESCAPED_BYTE: Final = re.compile(rb"\\'([0-9a-fA-F]{2})")


def with_unicode_letters(content: bytes) -> bytes:
    """The RTF file with a number for every letter of a code page that is not Western European."""
    page = _CODE_PAGE.search(content)
    default = f"cp{int(page[1])}" if page else "cp1252"
    codecs = {
        int(font[1]): _CODEC_BY_CHARSET.get(int(font[2]), "cp1252")
        for font in _FONT.finditer(content)
    }
    if {default, *codecs.values()} == {"cp1252"}:
        return content
    pieces: list[bytes] = []
    codec, position = default, 0
    for match in _FONT_OR_LETTERS.finditer(content):
        pieces.append(content[position : match.start()])
        position = match.end()
        if match["font"] is not None:
            codec = codecs.get(int(match["font"]), default)
            pieces.append(match[0])
        else:
            pieces.append(_rewritten(match["letters"], codec))
    return b"".join((*pieces, content[position:]))


def _rewritten(letters: bytes, codec: str) -> bytes:
    r"""The letters as `\uN?`, or as they were where `codec` cannot read them.

    N is a signed 16-bit number; a letter outside the Basic Multilingual Plane takes two.
    """
    raw = _ESCAPED_BYTE.sub(lambda match: bytes([int(match[1], 16)]), letters)
    try:
        text = raw.decode(codec)
    except (UnicodeDecodeError, LookupError):
        return letters
    escaped = ""
    for letter in text:
        if letter.isascii():
            escaped += letter
            continue
        units = letter.encode("utf-16-le")
        for start in range(0, len(units), 2):
            number = int.from_bytes(units[start : start + 2], "little", signed=True)
            escaped += f"\\u{number}?"
    return b"{\\uc1 " + escaped.encode() + b"}"
