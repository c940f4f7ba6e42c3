"""What one search may use of a tenant's sketches, and the nearest chunks by it."""

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kb.index.candidate_vectors import CandidateVectors
from kb.index.reached import Reached
from kb.index.sketches.scan import nearest_chunks
from kb.index.sketches.table import SketchTable

INLINE_ROWS: Final = 16_000
"""Compared in .5 ms at most; handing them to a thread costs .1 to .2 ms of CPU on top."""


@dataclass(frozen=True, kw_only=True)
class SketchView:
    """A tenant's sketches as one search may use them: for its viewer, and without what has changed.

    They are of the state `reached`. Vectors have `dimension` components.
    `audience_ids` are the viewer's. `changed` are documents whose
    vectors have to be looked up in Postgres. Chunks of other documents than `document_ids` (None:
    all), and of the excluded ones, are not found.
    """

    tables: Sequence[SketchTable]
    dimension: int
    reached: Reached
    audience_ids: NDArray[np.int64]
    changed: Sequence[UUID]
    threads: Executor
    document_ids: Collection[UUID] | None = None
    excluded_document_ids: Collection[UUID] = ()

    @property
    def is_small(self) -> bool:
        """True when handing the work to a thread is not worth what it costs."""
        return sum(len(table.chunk_ids) for table in self.tables) <= INLINE_ROWS

    def without(self, document_ids: Collection[UUID]) -> "SketchView":
        """The same, when these have changed as well."""
        return replace(self, changed=[*self.changed, *document_ids])

    def within(
        self, document_ids: Collection[UUID] | None, *, excluded: Collection[UUID]
    ) -> "SketchView":
        """The same for these documents (None: all) but the excluded ones."""
        return replace(self, document_ids=document_ids, excluded_document_ids=excluded)

    async def nearest(self, question: NDArray[np.float32], *, limit: int) -> dict[int, float]:
        """The cosines of the `limit` nearest chunks, best first, by their bytes.

        `question` (d,) is of unit length. In a thread when it takes long.
        """
        if self.is_small:
            return self._nearest(question, limit)
        return await asyncio.to_thread(self._nearest, question, limit)

    def vectors(self, chunk_ids: Collection[int]) -> CandidateVectors:
        """The vectors of those of the chunks that may be found."""
        asked = np.unique(np.fromiter(chunk_ids, dtype=np.int64, count=len(chunk_ids)))
        found = [np.zeros(0, dtype=np.int64)]
        vectors = [np.zeros((0, self.dimension), dtype=np.float32)]
        for table in self.tables:
            rows, runs = table.rows_of_chunks(asked)
            rows = rows[self._visible_runs(table, runs)]
            found.append(table.chunk_ids[rows])
            vectors.append(table.vectors(rows))
        ids = np.concatenate(found)
        order = np.argsort(ids)
        return CandidateVectors(
            chunk_ids=tuple(ids[order].tolist()), rows=np.concatenate(vectors)[order]
        )

    def _nearest(self, question: NDArray[np.float32], limit: int) -> dict[int, float]:
        rows = [table.rows_of(self._visible_runs(table)) for table in self.tables]
        chunk_ids, cosines = nearest_chunks(self.tables, question, rows, self.threads, limit=limit)
        return dict(zip(chunk_ids.tolist(), cosines.tolist(), strict=True))

    def _visible_runs(
        self, table: SketchTable, runs: NDArray[np.intp] | None = None
    ) -> NDArray[np.bool_]:
        return table.are_visible(
            self.audience_ids,
            runs=runs,
            document_ids=self.document_ids,
            excluded_document_ids={*self.excluded_document_ids, *self.changed},
        )
