"""The vectors of a search's candidates: of the nearest, and of what it found otherwise."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, LiteralString
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from kb.postgres.database import TenantSession
from kb.store.spaces import Space, vectors_table
from kb.unit_vectors import Vectors

_HEADER: Final = 2
"""Two numbers of 16 bits before the components: how many there are, and one without a meaning.

Source: pgvector, src/halfvec.c, halfvec_send.
"""

# Gathered into one row: a hundred rows take Python ten times as long as one with their bytes.
_OF_CHUNKS: Final = """
    SELECT string_agg(int8send(chunk_id), ''), string_agg(halfvec_send(embedding), '')
    FROM {table} WHERE tenant_id = %(tenant_id)s AND chunk_id = ANY(%(chunk_ids)s::bigint[])
    """
# OFFSET 0 keeps the planner from walking the HNSW index.
_OF_DOCUMENTS: Final = """
    SELECT string_agg(int8send(chunk_id), ''), string_agg(halfvec_send(embedding), '')
    FROM (
        SELECT chunk_id, embedding
        FROM (
            SELECT chunk_id, embedding FROM {table}
            WHERE tenant_id = %(tenant_id)s AND document_id = ANY(%(document_ids)s::uuid[])
            OFFSET 0
        ) AS visible
        ORDER BY embedding <=> %(question)s::halfvec, chunk_id LIMIT %(limit)s
    ) AS nearest
    """


@dataclass(frozen=True, kw_only=True)
class CandidateVectors:
    """Row i of `rows`, (n, d) float32 of unit length, is the vector of `chunk_ids[i]`."""

    chunk_ids: tuple[int, ...]
    rows: Vectors


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """Cosines by chunk, best first, and the vectors of these and of the other chunks asked for."""

    cosine_by_chunk: dict[int, float]
    vectors: CandidateVectors

    def merged(self, other: "Nearest", *, besides: Collection[int], limit: int) -> "Nearest":
        """The `limit` nearest of both, no chunk of which is in both; `besides` keep their vectors.

        Ties go by id.
        """
        both = {**self.cosine_by_chunk, **other.cosine_by_chunk}
        ranked = sorted(both, key=lambda chunk_id: (-both[chunk_id], chunk_id))
        farther = set(ranked[limit:]).difference(besides)
        chunk_ids = np.array([*self.vectors.chunk_ids, *other.vectors.chunk_ids], dtype=np.int64)
        kept = [row for row in np.argsort(chunk_ids) if chunk_ids[row] not in farther]
        rows = np.concatenate([self.vectors.rows, other.vectors.rows])
        return Nearest(
            cosine_by_chunk={chunk_id: both[chunk_id] for chunk_id in ranked[:limit]},
            vectors=CandidateVectors(chunk_ids=tuple(chunk_ids[kept].tolist()), rows=rows[kept]),
        )


async def read_candidate_vectors(
    scope: TenantSession, space: Space, chunk_ids: Sequence[int]
) -> CandidateVectors:
    """The vectors of those of the chunks that are visible and embedded, in the order of ids."""
    return _vectors(space, await _read_chunks(scope, space, chunk_ids))


async def read_nearest(
    scope: TenantSession,
    space: Space,
    question: NDArray[np.float32],
    document_ids: Collection[UUID],
    *,
    besides: Sequence[int],
    limit: int,
) -> Nearest:
    """The `limit` nearest visible chunks of the documents, and the vectors of `besides` as well."""
    rows: list[tuple[Any, ...]] = []
    if document_ids:
        parameters = {
            "tenant_id": scope.tenant_id,
            "question": HalfVector(question.astype(np.float16)),
            "document_ids": list(document_ids),
            "limit": limit,
        }
        rows += await scope.fetch_binary(_of(space, _OF_DOCUMENTS), parameters)
    near_ids = np.frombuffer(b"".join(row[0] or b"" for row in rows), dtype=">i8")
    if besides:
        rows += await _read_chunks(scope, space, besides)
    vectors = _vectors(space, rows)
    cosines = vectors.rows @ question
    near = np.flatnonzero(np.isin(vectors.chunk_ids, near_ids))
    # Ids are in order: equal cosines stay so.
    near = near[np.argsort(-cosines[near], kind="stable")]
    return Nearest(
        cosine_by_chunk={vectors.chunk_ids[row]: float(cosines[row]) for row in near},
        vectors=vectors,
    )


async def _read_chunks(
    scope: TenantSession, space: Space, chunk_ids: Sequence[int]
) -> Sequence[tuple[Any, ...]]:
    # As Postgres writes an array: a tenth of what it takes to adapt each number.
    array = "{" + ",".join(map(str, chunk_ids)) + "}"
    parameters = {"tenant_id": scope.tenant_id, "chunk_ids": array}
    return await scope.fetch_binary(_of(space, _OF_CHUNKS), parameters)


@lru_cache(maxsize=64)
def _of(space: Space, statement: LiteralString) -> sql.Composed:
    return sql.SQL(statement).format(table=sql.Identifier(vectors_table(space).name))


def _vectors(space: Space, rows: Sequence[tuple[Any, ...]]) -> CandidateVectors:
    """Each chunk once, in the order of ids, from bytes that numpy reads as they are."""
    all_ids = np.frombuffer(b"".join(row[0] or b"" for row in rows), dtype=">i8")
    halves = b"".join(row[1] or b"" for row in rows)
    chunk_ids, places = np.unique(all_ids, return_index=True)
    vectors = parse_halves(halves, len(all_ids), space.dimension)[places]
    # Rounding to 16 bits has left them a little off unit length.
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return CandidateVectors(chunk_ids=tuple(chunk_ids.tolist()), rows=vectors)


def parse_halves(halves: bytes, count: int, dimension: int) -> Vectors:
    """(count, dimension) float32 from what halfvec_send has written, one row after the other."""
    rows = np.frombuffer(halves, dtype=">f2").reshape(count, _HEADER + dimension)
    return rows[:, _HEADER:].astype(np.float32)
