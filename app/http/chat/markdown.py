"""Plain text where Markdown is rendered: escaped, it is shown as it stands.

What a renderer of CommonMark or of GitHub's tables, strikethrough and footnotes acts on gets a
backslash. No library escapes for the whole line: markdownify and pypandoc escape what they convert.
"""

import re
from typing import Final

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BLANKS: Final = " \t"

_INLINE: Final = re.compile(
    r"[`*~\[]"
    # Elsewhere a backslash stands for itself: C:\Users.
    r"|\\(?=[!-/:-@\[-`{-~]|$)"
    # Within a word an underscore does nothing: snake_case.
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?[A-Za-z0-9]{1,32};)"
)
"""Code, emphasis, links, images, tags, autolinks and entities."""

_BLOCK: Final = re.compile(
    r"(?P<number>[0-9]{1,9})(?=[.)](?:[ \t]|$))"
    r"|(?=\#{1,6}(?:[ \t]|$)|>|[-+](?:[ \t]|$)|[-=:|][-=:| \t]*+$)"
)
"""The beginning of a list, heading, quotation or rule, or a line that makes one above a heading or
a table; the mark to be escaped follows."""

_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")


def escape_markdown(text: str) -> str:
    """Markdown that is rendered as this text, each line of it as a line."""
    lines = [_escape_line(line.strip(_BLANKS)) for line in _LINE_END.split(text)]
    # Two blanks before its end break a line; between paragraphs they say nothing.
    return "  \n".join(lines).replace("\n  \n", "\n\n")


def unescape_markdown(markdown: str) -> str:
    """The text that was escaped."""
    lines = (line.rstrip(_BLANKS) for line in _LINE_END.split(markdown))
    return _ESCAPED.sub(r"\1", "\n".join(lines))


def _escape_line(line: str) -> str:
    block = _BLOCK.match(line)
    if block is None:
        return _INLINE.sub(r"\\\g<0>", line)
    rest = _INLINE.sub(r"\\\g<0>", line[block.end() :])
    return f"{line[: block.end()]}\\{rest}"
