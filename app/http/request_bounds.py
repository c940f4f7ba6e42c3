"""Bounds of every request, checked before anything looks at its content.

Each function says what is wrong, None when nothing is, and takes time in proportion to its bytes.
"""

import re
from typing import Final

MAX_QUERY_BYTES: Final = 65_536
"""Longest query string: more than a filter of 10,000 characters needs, percent-encoded."""

MAX_QUERY_PARAMETERS: Final = 100
"""No route has twenty."""

MAX_MEMBERS: Final = 4_000
"""Values in a JSON body. The largest that a route means to take has half of them: 500 messages, or
100 texts and 200 claims. Each unknown one costs 2 microseconds to be refused by name."""

MAX_BATCH_MEMBERS: Final = 20_000
"""Values in a batch of documents: forty for each of the most documents that it takes."""

MAX_DEPTH: Final = 64
"""Levels of a JSON body: metadata has 16."""

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")


def fault_of_address(path: str, query: bytes) -> str | None:
    """The fault of the decoded path or of the query string as it was sent."""
    if len(query) > MAX_QUERY_BYTES:
        return f"The query string is longer than {MAX_QUERY_BYTES} bytes."
    if query.count(b"&") >= MAX_QUERY_PARAMETERS:
        return f"The query string has more than {MAX_QUERY_PARAMETERS} parameters."
    if "\0" in path or b"%00" in query or b"\0" in query:
        return "The address holds a NUL character."
    return None


def fault_of_json(body: bytes, *, max_members: int = MAX_MEMBERS) -> str | None:
    """The fault of a body that is said to be JSON; its reader finds out whether it is."""
    # One more than names and values may be.
    max_strings = 2 * max_members + 3
    if b"\0" in body:
        return "The body is not JSON in UTF-8, or holds a NUL character."
    if _count_members(body) <= MAX_DEPTH:
        # Whatever of it is inside strings: most requests are let in here.
        return None
    # A body with few enough values has no more strings than these: the rest need not be looked at.
    structure, string_count = _STRING.subn(b"", body, count=max_strings)
    members = _count_members(structure)
    if members > max_members or string_count == max_strings:
        return f"The body holds more than {max_members} values."
    depth = deepest = 0
    for bracket in _BRACKET.findall(structure):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return f"The body is nested more than {MAX_DEPTH} levels deep."
    return None


def _count_members(body: bytes) -> int:
    return sum(map(body.count, (b",", b"[", b"{")))
