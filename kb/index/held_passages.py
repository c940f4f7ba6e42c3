"""Passages that searches have read, held in memory with the terms of their texts.

They are proposals like all of an index: Postgres says at the end of each search whether the caller
may read them, and whether their documents are still as they were read.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kb.ids import TenantId
from kb.index.lexical.analysis import analyse
from kb.index.lexical.bags import keys_of
from kb.index.reached import Reached
from kb.passages import Location, Passage

HELD_BYTES: Final = 64_000_000
"""For all tenants of a process: some 14,000 passages. What is not held is read on the way."""

OBJECT_BYTES: Final = 1_600
"""Memory of Python's for a passage besides its texts and the cells of its tables.

Measured by tracemalloc over 5,000 passages.
"""

END: Final = "\n"
"""No term: so no pair of terms stands over the end of a title, a section or a text."""

CELL_BYTES: Final = 50
"""For each number and name in a location."""


@dataclass(frozen=True, slots=True)
class HeldPassage:
    """A passage, and the terms of its title, sections and text as numbers, (n,) in their order.

    END stands after each of these. In the state `reached` Postgres has said that it is so; None:
    it was not asked since.
    """

    passage: Passage
    terms: NDArray[np.uint32]
    size_bytes: int
    reached: Reached | None = None


class HeldPassages:
    """Belongs to one event loop; those used last stay."""

    def __init__(self, *, max_bytes: int) -> None:
        """Holds nothing yet; `max_bytes` is for all tenants together."""
        self._held: LRUCache[tuple[TenantId, int], HeldPassage] = LRUCache(
            max_bytes, getsizeof=attrgetter("size_bytes")
        )
        self.epoch = 0
        """Grows each time that something is forgotten."""

    def held(self, tenant_id: TenantId, chunk_ids: Iterable[int]) -> dict[int, HeldPassage]:
        """Those of the chunks that are held, as they were last read."""
        found = ((chunk_id, self._held.get((tenant_id, chunk_id))) for chunk_id in chunk_ids)
        return {chunk_id: held for chunk_id, held in found if held is not None}

    def keep(
        self, tenant_id: TenantId, passages: Iterable[Passage], *, epoch: int
    ) -> dict[int, HeldPassage]:
        """The passages by chunk; held from now on, unless something was forgotten since `epoch`.

        They were read after `epoch` was: what was purged meanwhile must not come back.
        """
        kept = {}
        for passage in passages:
            key = (tenant_id, passage.chunk_id)
            held = self._held.get(key)
            # Compared as a whole: a restored database gives ids and revisions a second time.
            if held is None or held.passage != passage:
                # Or `confirm` would take it for what was just read, where that is not held.
                self._held.pop(key, None)
                held = with_terms(passage)
                if epoch == self.epoch and held.size_bytes <= self._held.maxsize:
                    self._held[key] = held
            kept[passage.chunk_id] = held
        return kept

    def confirm(self, tenant_id: TenantId, chunk_ids: Iterable[int], reached: Reached) -> None:
        """Postgres has said that those of the chunks which are held are so in this state."""
        for chunk_id in chunk_ids:
            held = self._held.get((tenant_id, chunk_id))
            if held is not None and held.reached != reached:
                self._held[tenant_id, chunk_id] = replace(held, reached=reached)

    def forget(self, tenant_id: TenantId) -> None:
        """Lets go what is held of the tenant, some of which was deleted."""
        self.epoch += 1
        for key in [key for key in self._held if key[0] == tenant_id]:
            del self._held[key]


def with_terms(passage: Passage) -> HeldPassage:
    """The passage as it is held."""
    parts = (passage.title or "", *passage.location["section"], passage.text)
    terms = keys_of([each for part in parts for each in (*analyse(part, passage.language), END)])
    texts = (*parts, terms, passage.source_uri, passage.external_id, passage.filename)
    size = OBJECT_BYTES + _cells(passage.location) * CELL_BYTES + sum(map(sys.getsizeof, texts))
    return HeldPassage(passage=passage, terms=terms, size_bytes=size)


def _cells(location: Location) -> int:
    return sum(
        len(table["columns"]) + sum(map(len, table["rows"])) for table in location.get("tables", ())
    )
