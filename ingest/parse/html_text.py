"""The bare text of HTML, for pages that are nested too deeply to be read with their structure."""

import re
from html import unescape
from typing import Final

from ingest.parse.html_tags import html_parts

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_TABLE_PART: Final = re.compile(r"<(/?)(table|tr|th|td|thead)\b", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_HIDDEN: Final = frozenset({"head", "script", "style", "template", "nav", "svg"})
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "code", "em", "font", "i", "label", "small", "span", "strong", "sub", "sup"}
)
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
)


def nesting(html: str) -> int:
    """The deepest nesting of tags; more where closing tags were left out."""
    depth = deepest = 0
    for closing, name in _TAG.findall(html):
        if name.lower() in _VOID:
            continue
        depth += -1 if closing else 1
        deepest = max(deepest, depth)
    return deepest


def header_rows(html: str) -> list[bool]:
    """For each table that is in no other: True when its first row names the columns.

    Cells of a header below each other, with a value beside each, name the rows.
    """
    found: list[bool] = []
    depth = rows = cells = 0
    for closing, name in _TABLE_PART.findall(html):
        match closing, name.lower():
            case "", "table":
                depth += 1
                if depth == 1:
                    found.append(False)
                    rows = cells = 0
            case "/", "table":
                depth = max(depth - 1, 0)
            case "", "tr" if depth == 1:
                rows, cells = rows + 1, 0
            case "", "th" | "td" | "thead" as part if depth == 1 and rows <= 1:
                cells += part != "thead"
                found[-1] |= part == "thead" or (part == "th" and cells > 1)
            case _:
                pass
    return found


def visible_text(html: str) -> str:
    """The text of a page; a blank line stands where anything but inline mark-up begins or ends."""
    pieces: list[str] = []
    hidden = 0
    for part in html_parts(html):
        if isinstance(part, str):
            if not hidden:
                pieces.append(_SPACE.sub(" ", unescape(part)))
            continue
        name = part["name"].lower()
        if name in _HIDDEN:
            hidden = max(hidden + (-1 if part["end"] else 1), 0)
        if name not in _INLINE:
            pieces.append("\n\n")
    return "".join(pieces)
