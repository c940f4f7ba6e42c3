"""Vectors on their way from Postgres to their sketches, a page at a time; and who sees which."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from kb.index.candidate_vectors import parse_halves
from kb.index.sketches.table import SketchTable, sketch
from kb.postgres.database import TenantSession
from kb.store.spaces import Space, vectors_table
from kb.store.tables import audiences

PAGE_ROWS: Final = 5_000
"""4 MB, gathered into one row: as rows a million would take the event loop seconds."""

_PAGE: Final = sql.SQL(
    """
    SELECT count(*), max(chunk_id),
           string_agg(int8send(chunk_id), ''), string_agg(uuid_send(document_id), ''),
           string_agg(int8send(audience_id), ''), string_agg(halfvec_send(embedding), '')
    FROM (
        SELECT chunk_id, document_id, audience_id, embedding FROM {table}
        WHERE tenant_id = %(tenant_id)s AND chunk_id > %(after)s AND {is_asked}
        ORDER BY chunk_id LIMIT %(limit)s
    ) AS page
    """
)
_AUDIENCES: Final = sql.SQL(
    "SELECT string_agg(int8send(id), '') FROM {table} WHERE tenant_id = %(tenant_id)s"
).format(table=sql.Identifier(audiences.name))
_ALL: Final = sql.SQL("true")
_OF_DOCUMENTS: Final = sql.SQL("document_id = ANY(%(document_ids)s::uuid[])")


async def read_sketches(
    scope: TenantSession, space: Space, document_ids: Collection[UUID] | None
) -> AsyncIterator[SketchTable]:
    """All rows of these documents, None: of all, at least one table. Needs a whole-tenant scope."""
    statement = _PAGE.format(
        table=sql.Identifier(vectors_table(space).name),
        is_asked=_ALL if document_ids is None else _OF_DOCUMENTS,
    )
    parameters = {
        "tenant_id": scope.tenant_id,
        "document_ids": list(document_ids or ()),
        "limit": PAGE_ROWS,
    }
    after, count = 0, PAGE_ROWS
    while count == PAGE_ROWS:
        rows = await scope.fetch_binary(statement, {**parameters, "after": after})
        count, last, *columns = rows[0]
        after = last or 0
        yield await asyncio.to_thread(_sketch, columns, count, space.dimension)


async def visible_audiences(scope: TenantSession) -> NDArray[np.int64]:
    """The ids of the audiences that the viewer of `scope` belongs to, as row security says."""
    rows = await scope.fetch_binary(_AUDIENCES, {"tenant_id": scope.tenant_id})
    return np.frombuffer(rows[0][0] or b"", dtype=">i8").astype(np.int64)


def _sketch(columns: Sequence[bytes | None], count: int, dimension: int) -> SketchTable:
    chunk_ids, documents, audience_ids, halves = (column or b"" for column in columns)
    return sketch(
        np.frombuffer(chunk_ids, dtype=">i8").astype(np.int64),
        np.frombuffer(documents, dtype="S16"),
        np.frombuffer(audience_ids, dtype=">i8").astype(np.int64),
        parse_halves(halves, count, dimension),
    )
