"""The tags of an HTML page and what stands between them, in time that grows with its size."""

import re
from collections.abc import Iterator
from typing import Final

_MARKUP: Final = re.compile(
    r"<!--|<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*+)"
    r"(?P<attributes>(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>"
)
"""A comment or a tag. At any place at most three attempts are under way: one outside of quotes and
one in either kind of them, for a `<` outside of quotes ends an attempt."""
_OPAQUE: Final = {
    "script": re.compile(r"</script\b", re.IGNORECASE),
    "style": re.compile(r"</style\b", re.IGNORECASE),
}
"""The ends of elements whose text is no mark-up."""


def html_parts(html: str) -> Iterator[re.Match[str] | str]:
    """In order: matches with the groups `end`, `name`, `attributes`; text as written; no comments.

    Not html.parser: with tags or comments that nothing closes it takes the square of their
    number, 267 s for 150 KB.
    """
    place = 0
    while (match := _MARKUP.search(html, place)) is not None:
        yield html[place : match.start()]
        if match["name"] is None:
            end = html.find("-->", match.start() + len("<!"))
            if end < 0:
                return
            place = end + len("-->")
            continue
        yield match
        place = match.end()
        opaque = None if match["end"] else _OPAQUE.get(match["name"].lower())
        if opaque is not None:
            closing = opaque.search(html, place)
            end = closing.start() if closing else len(html)
            yield html[place:end]
            place = end
    yield html[place:]
