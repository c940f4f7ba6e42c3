"""What one search may use of a tenant's sketches, and the nearest chunks by it."""

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kb.index.candidate_vectors import CandidateVectors, Nearest
from kb.index.reached import Reached
from kb.index.sketches.scan import nearest_chunks
from kb.index.sketches.table import SketchTable

INLINE_ROWS: Final = 16_000
"""Compared in .5 ms at most; handing them to a thread costs .1 to .2 ms of CPU on top."""


@dataclass(frozen=True, kw_only=True)
class SketchView:
    """A tenant's sketches as one search may use them: for its viewer, and without what has changed.

    They are of the state `reached`. `audience_ids` are the viewer's. `changed` are documents whose
    vectors have to be looked up in Postgres.
    """

    tables: Sequence[SketchTable]
    reached: Reached
    audience_ids: NDArray[np.int64]
    changed: Sequence[UUID]
    threads: Executor

    @property
    def is_small(self) -> bool:
        """True when handing the work to a thread is not worth what it costs."""
        return sum(len(table.chunk_ids) for table in self.tables) <= INLINE_ROWS

    def without(self, document_ids: Collection[UUID]) -> "SketchView":
        """The same, when these have changed as well."""
        return replace(self, changed=[*self.changed, *document_ids])

    async def nearest(
        self,
        question: NDArray[np.float32],
        *,
        limit: int,
        besides: Sequence[int],
        document_ids: Collection[UUID] | None,
        excluded_document_ids: Collection[UUID],
    ) -> Nearest:
        """As `find_nearest`, in a thread when it takes long."""

        def find() -> Nearest:
            return self.find_nearest(
                question,
                limit=limit,
                besides=besides,
                document_ids=document_ids,
                excluded_document_ids=excluded_document_ids,
            )

        return find() if self.is_small else await asyncio.to_thread(find)

    def find_nearest(
        self,
        question: NDArray[np.float32],
        *,
        limit: int,
        besides: Sequence[int],
        document_ids: Collection[UUID] | None,
        excluded_document_ids: Collection[UUID],
    ) -> Nearest:
        """The `limit` nearest visible chunks of the documents (None: of all), by their bytes.

        With the vectors of these, and of those in `besides` that are visible and within the
        documents too. `question` (d,) is of unit length.
        """
        visible = [
            table.visible_runs(
                self.audience_ids,
                document_ids=document_ids,
                excluded_document_ids={*excluded_document_ids, *self.changed},
            )
            for table in self.tables
        ]
        rows = [table.rows_of(each) for table, each in zip(self.tables, visible, strict=True)]
        chunk_ids, cosines = nearest_chunks(self.tables, question, rows, self.threads, limit=limit)
        return Nearest(
            cosine_by_chunk=dict(zip(chunk_ids.tolist(), cosines.tolist(), strict=True)),
            vectors=self._vectors(
                np.union1d(chunk_ids, np.asarray(besides, dtype=np.int64)), visible, len(question)
            ),
        )

    def _vectors(
        self,
        chunk_ids: NDArray[np.int64],
        visible: Sequence[NDArray[np.bool_]],
        dimension: int,
    ) -> CandidateVectors:
        """Of those of the chunks, (m,) in order, that are in visible runs."""
        found = [np.zeros(0, dtype=np.int64)]
        vectors = [np.zeros((0, dimension), dtype=np.float32)]
        for table, is_visible in zip(self.tables, visible, strict=True):
            rows = table.rows_of_chunks(chunk_ids, is_visible)
            found.append(table.chunk_ids[rows])
            vectors.append(table.vectors(rows))
        ids = np.concatenate(found)
        order = np.argsort(ids)
        return CandidateVectors(
            chunk_ids=tuple(ids[order].tolist()), rows=np.concatenate(vectors)[order]
        )
