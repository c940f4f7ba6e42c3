"""The terms of chunks as numbers, so that numpy counts them for a hundred chunks at once.

A number is a checksum of 32 bits: once in four milliards a term of a query and one of a chunk are
taken for each other, and the chunk's score is a little too high.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

MAX_CACHED_KEYS: Final = 100_000
"""About 15 MB; the vocabulary of most corpora."""


class _Keys(dict[str, int]):
    """A dictionary that fills itself, and starts anew when it is full."""

    def __missing__(self, term: str) -> int:
        if len(self) >= MAX_CACHED_KEYS:
            self.clear()
        key = self[term] = crc32(term.encode())
        return key


_KEYS: Final = _Keys()


def keys_of(terms: Sequence[str]) -> NDArray[np.uint32]:
    """(n,) the terms as numbers, in their order."""
    return np.fromiter(map(_KEYS.__getitem__, terms), dtype=np.uint32, count=len(terms))


def bag_of(terms: Sequence[str]) -> bytes:
    """The terms, repetitions included, in an order that tells nothing of theirs."""
    keys = keys_of(terms)
    keys.sort()
    return keys.tobytes()


class Bags:
    """The bags of n chunks, in their order."""

    def __init__(self, bags: Sequence[bytes]) -> None:
        """Each as `bag_of` makes it."""
        self._keys = np.frombuffer(b"".join(bags), dtype=np.uint32)
        self.lengths: NDArray[np.int64] = (
            np.fromiter(map(len, bags), dtype=np.int64, count=len(bags)) // self._keys.itemsize
        )
        """(n,) terms of each."""
        self._ends = np.cumsum(self.lengths)

    def count(self, term: str) -> NDArray[np.int64]:
        """(n,) how often each has the term."""
        places = np.flatnonzero(self._keys == np.uint32(_KEYS[term]))
        chunks = np.searchsorted(self._ends, places, side="right")
        return np.bincount(chunks, minlength=len(self.lengths))
