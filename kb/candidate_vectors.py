"""The stored vectors of a search's candidates: of the nearest, and of what it found otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, LiteralString
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from kb.database import TenantSession
from kb.embedding import Vectors
from kb.spaces import Space, vectors_table

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
_NEAREST: Final = """
    WITH compared AS (
        SELECT chunk_id, embedding, embedding <=> %(question)s::halfvec AS distance
        FROM {table} WHERE tenant_id = %(tenant_id)s AND chunk_id = ANY(%(shortlist)s::bigint[])
        UNION ALL
        SELECT chunk_id, embedding, embedding <=> %(question)s::halfvec
        FROM {table} WHERE tenant_id = %(tenant_id)s AND document_id = ANY(%(documents)s::uuid[])
        OFFSET 0
    ), nearest AS MATERIALIZED (
        SELECT chunk_id, embedding FROM compared ORDER BY distance, chunk_id LIMIT %(limit)s
    )
    SELECT string_agg(int8send(chunk_id), ''), string_agg(halfvec_send(embedding), '')
    FROM nearest
    UNION ALL
    SELECT string_agg(int8send(chunk_id), ''), string_agg(halfvec_send(embedding), '')
    FROM {table} WHERE tenant_id = %(tenant_id)s AND chunk_id = ANY(%(chunk_ids)s::bigint[])
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


@dataclass(frozen=True, kw_only=True)
class Among:
    """What to compare: these chunks, and all of these documents. `besides` is only read."""

    chunk_ids: Sequence[int]
    document_ids: Sequence[UUID]
    besides: Sequence[int]


async def read_candidate_vectors(
    scope: TenantSession, space: Space, chunk_ids: Sequence[int]
) -> CandidateVectors:
    """The vectors of those of the chunks that are visible and embedded, in the order of ids."""
    parameters = {"tenant_id": scope.tenant_id, "chunk_ids": _array(chunk_ids)}
    rows = await scope.fetch_binary(_of(space, _OF_CHUNKS), parameters)
    return _vectors(space, rows)


async def read_nearest(
    scope: TenantSession,
    space: Space,
    question: NDArray[np.float32],
    among: Among,
    *,
    limit: int,
) -> Nearest:
    """The `limit` nearest of those that are visible, compared exactly."""
    parameters = {
        "tenant_id": scope.tenant_id,
        "question": HalfVector(question.astype(np.float16)),
        "shortlist": _array(among.chunk_ids),
        "documents": list(among.document_ids),
        "chunk_ids": _array(among.besides),
        "limit": limit,
    }
    rows = await scope.fetch_binary(_of(space, _NEAREST), parameters)
    nearest = _vectors(space, rows[:1])
    cosines = nearest.rows @ question
    # Ids are in order: equal cosines stay so.
    order = np.argsort(-cosines, kind="stable")
    return Nearest(
        cosine_by_chunk={nearest.chunk_ids[row]: float(cosines[row]) for row in order},
        vectors=_vectors(space, rows),
    )


@lru_cache(maxsize=64)
def _of(space: Space, statement: LiteralString) -> sql.Composed:
    return sql.SQL(statement).format(table=sql.Identifier(vectors_table(space).name))


def _array(ids: Sequence[int]) -> str:
    """As Postgres writes an array; a tenth of what it takes to adapt each number."""
    return "{" + ",".join(map(str, ids)) + "}"


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
