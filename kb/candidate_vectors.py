"""The stored vectors of chunks that a search already holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import BigInteger, LargeBinary, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from kb.database import TenantSession
from kb.embedding import Vectors
from kb.spaces import Space, vectors_table

_HEADER: Final = 2
"""Two numbers of 16 bits before the components: how many there are, and one without a meaning.

Source: pgvector, src/halfvec.c, halfvec_send.
"""


@dataclass(frozen=True, kw_only=True)
class CandidateVectors:
    """Row i of `rows`, (n, d) float32 of unit length, is the vector of `chunk_ids[i]`."""

    chunk_ids: tuple[int, ...]
    rows: Vectors


async def read_candidate_vectors(
    scope: TenantSession, space: Space, chunk_ids: Sequence[int]
) -> CandidateVectors:
    """The vectors of those of the chunks that are visible and embedded, in the order of their ids.

    As bytes, which numpy reads as they are.
    """
    if not chunk_ids:
        return CandidateVectors(chunk_ids=(), rows=np.empty((0, space.dimension), np.float32))
    table = vectors_table(space)
    asked = bindparam("chunk_ids", list(chunk_ids), type_=ARRAY(BigInteger))
    query = select(
        table.c.chunk_id, func.halfvec_send(table.c.embedding, type_=LargeBinary).label("halves")
    ).where(table.c.tenant_id == scope.tenant_id, table.c.chunk_id == any_(asked))
    # Sorted here: a search that walks the HNSW graph has told the planner not to sort.
    found = sorted((row.chunk_id, row.halves) for row in await scope.connection.execute(query))
    halves = np.frombuffer(b"".join(halves for _, halves in found), dtype=">f2")
    rows = halves.reshape(len(found), _HEADER + space.dimension)[:, _HEADER:].astype(np.float32)
    # Rounding to 16 bits has left them a little off unit length.
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return CandidateVectors(chunk_ids=tuple(chunk_id for chunk_id, _ in found), rows=rows)
