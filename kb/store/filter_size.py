"""The size of a filter, counted before anything is made of it."""

from collections.abc import Mapping, Sequence
from typing import Final

from kb.errors import InvalidFilter

MAX_DEPTH: Final = 8
"""Levels of `$and`, `$or`, `$not`: people nest two or three, and the recursion must end."""

MAX_CONDITIONS: Final = 256
"""Comparisons in one filter, each value of an `$in` counting as one, and an empty `$in` as well:
planning stays cheap."""

METADATA_RANGE: Final = 8
"""Conditions that a `$gt`, `$gte`, `$lt` or `$lte` of metadata counts as: each becomes a subquery.
A statement of 32 with long paths takes 35 ms to build, one of 256 took 360."""

MAX_NODES: Final = 5 * MAX_CONDITIONS
"""Members of objects and elements of lists. A condition has up to four; a fifth is for what joins
them."""


def check_size(raw: object) -> None:
    """InvalidFilter at the first node too many: what is sent may be as large as a body."""
    nodes, waiting = 0, [raw]
    while waiting:
        value = waiting.pop()
        parts: Sequence[object] = ()
        if isinstance(value, Mapping):
            parts = list(value.values())
        elif isinstance(value, list):
            parts = value
        nodes += len(parts)
        if nodes > MAX_NODES:
            raise InvalidFilter(f"The filter has more than {MAX_NODES} parts.")
        waiting += parts
