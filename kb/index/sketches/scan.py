"""The nearest rows of some tables: by signs, then by bytes."""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.index.sketches.table import SketchTable, signs_of

SAMPLED: Final = 61
"""One row in so many is looked at for where the lowest end; a prime, so that no order agrees
with it."""

ALIKE_PER_HIT, LEAST_ALIKE, MOST_ALIKE = 64, 8_000, 50_000
"""Rows with the most alike signs whose bytes are compared: for each row wanted, at least, at most.

Fifty thousand take 4 ms of processor time.
"""

MARGIN: Final = 3
"""Standard deviations of the number of differing signs between the last row wanted and the last
whose bytes are compared.

The hard case are questions about what the caller may not see, whose nearest visible rows hardly
differ: of 400,000 visible rows of 4 million, in one region, the 8,000 most alike hold .980 of the
true 50 nearest, and 20,000 within the margin all that bytes can tell, .993. Elsewhere the 8,000
reach beyond it.
"""

BYTES_ALONE: Final = 4
"""Times as many rows: comparing the bytes of all takes no longer than choosing by signs (32,000
rows: .9 ms, and .8 to 1.4)."""


def nearest_chunks(
    tables: Sequence[SketchTable],
    question: NDArray[np.float32],
    visible: Sequence[NDArray[np.intp] | None],
    threads: Executor,
    *,
    limit: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `limit` nearest of the visible rows of each table (None: all), and their cosines.

    Best first, ties by id. `threads` share large tables, and are not those that this runs in.
    """
    if not tables:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    compared = _most_alike(tables, question, visible, threads, limit=limit)
    cosines = np.concatenate(
        [
            table.cosines(question, rows, threads)
            for table, rows in zip(tables, compared, strict=True)
        ]
    )
    chunk_ids = np.concatenate(
        [
            table.chunk_ids if rows is None else table.chunk_ids[rows]
            for table, rows in zip(tables, compared, strict=True)
        ]
    )
    if len(cosines) > limit:
        last = len(cosines) - limit
        near = np.flatnonzero(cosines >= np.partition(cosines, last)[last])
        chunk_ids, cosines = chunk_ids[near], cosines[near]
    order = np.lexsort((chunk_ids, -cosines))[:limit]
    return chunk_ids[order], cosines[order]


def _most_alike(
    tables: Sequence[SketchTable],
    question: NDArray[np.float32],
    visible: Sequence[NDArray[np.intp] | None],
    threads: Executor,
    *,
    limit: int,
) -> Sequence[NDArray[np.intp] | None]:
    """Of each table's visible rows (None: all) those whose signs are most alike.

    All where hardly more are visible.
    """
    count = max(ALIKE_PER_HIT * limit, LEAST_ALIKE)
    ends = np.cumsum(
        [
            len(table.chunk_ids) if rows is None else len(rows)
            for table, rows in zip(tables, visible, strict=True)
        ]
    )
    if ends[-1] <= BYTES_ALONE * count:
        return visible
    signs = signs_of(question[None, :])[:, 0]
    differing = [
        table.differing(signs, rows, threads) for table, rows in zip(tables, visible, strict=True)
    ]
    margin = round(MARGIN * len(question) ** 0.5 / 2)
    alike = within(np.concatenate(differing), margin, limit=limit, count=count)
    table_of_place = np.searchsorted(ends, alike, side="right")
    chosen = []
    for number, rows in enumerate(visible):
        places = alike[table_of_place == number] - (ends[number] - len(differing[number]))
        chosen.append(places if rows is None else rows[places])
    return chosen


def within(
    differing: NDArray[np.uint16], margin: int, *, limit: int, count: int
) -> NDArray[np.intp]:
    """Places of the numbers that exceed the `limit`-th lowest by at most the margin.

    At least those of the `count` lowest, more than `limit`, and MOST_ALIKE at most.
    """
    alike = lowest(differing, count)
    if len(alike) == len(differing):
        return alike
    numbers = differing[alike]
    farthest = int(np.partition(numbers, limit - 1)[limit - 1]) + margin
    if numbers.max() > farthest:
        return alike
    if len(differing) > SAMPLED * LEAST_ALIKE:
        # Most rows hardly differ when a question is about nothing that is there.
        farthest = min(farthest, _reached_by(2 * MOST_ALIKE, differing))
    near = np.flatnonzero(differing <= farthest)
    return near if len(near) <= MOST_ALIKE else near[lowest(differing[near], MOST_ALIKE)]


def lowest(differing: NDArray[np.uint16], count: int) -> NDArray[np.intp]:
    """Places of the `count` lowest numbers: of those that are equal to the last, the first ones."""
    if len(differing) <= count:
        return np.arange(len(differing))
    if len(differing) > SAMPLED * count:
        # Twice as many as are wanted, as far as a sample can tell, are sorted out first.
        near = np.flatnonzero(differing <= _reached_by(2 * count, differing))
        if count <= len(near) < len(differing):
            return near[lowest(differing[near], count)]
    at_most = np.cumsum(np.bincount(differing))
    limit = int(np.searchsorted(at_most, count))
    below = np.flatnonzero(differing < limit)
    equal = np.flatnonzero(differing == limit)[: count - len(below)]
    return np.concatenate([below, equal])


def _reached_by(count: int, differing: NDArray[np.uint16]) -> int:
    """The number that about so many of the lowest reach, as far as a sample can tell."""
    sample = np.cumsum(np.bincount(differing[::SAMPLED]))
    return int(np.searchsorted(sample, count // SAMPLED + 1))
