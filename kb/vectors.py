"""Vectors of one embedding space: stored, re-used, and searched exactly or through HNSW."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on

from kb.database import TenantSession
from kb.documents import Document
from kb.embedding import Vectors
from kb.ids import ChunkId, CollectionId, DocumentId
from kb.spaces import Space, all_spaces, vectors_table
from kb.tables import documents

EXACT_LIMIT = 20_000
"""Rows up to which every visible vector is compared: 10 ms at 10k, and recall 1.

Above, HNSW with an iterative scan is faster and its recall is high because much is visible.
"""

EF_SEARCH = 200
"""Candidates HNSW keeps; recall@50 at ef_search 100 was .986."""

MAX_SCAN_TUPLES = 200_000
"""Rows an iterative scan may visit before it gives up and the exact plan is used."""

Plan = Literal["exact", "hnsw"]


@dataclass(frozen=True, kw_only=True)
class VectorFilter:
    """What limits a search besides row security; None or empty: no limit."""

    collection_ids: Sequence[CollectionId] | None = None
    excluded_document_ids: Sequence[DocumentId] = ()
    document_condition: ColumnElement[bool] | None = None


@dataclass(frozen=True, kw_only=True)
class VectorHit:
    """A chunk and the cosine of its vector with the question's."""

    chunk_id: int
    cosine: float


def text_sha256(embedded_text: str) -> str:
    """What identifies a text whose vector can be re-used."""
    return hashlib.sha256(embedded_text.encode()).hexdigest()


async def find_vectors(
    scope: TenantSession, space: Space, sha256s: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """The tenant's stored vectors by the hash of their text. Needs a whole-tenant scope."""
    if not sha256s:
        return {}
    table = vectors_table(space)
    query = (
        select(table.c.embedded_sha256, table.c.embedding)
        .ext(distinct_on(table.c.embedded_sha256))
        .where(table.c.tenant_id == scope.tenant_id, table.c.embedded_sha256.in_(sha256s))
    )
    return {
        row.embedded_sha256: np.asarray(row.embedding, dtype=np.float32)
        for row in await scope.connection.execute(query)
    }


async def insert_vectors(
    scope: TenantSession,
    space: Space,
    document: Document,
    chunk_ids: Sequence[ChunkId],
    sha256s: Sequence[str],
    embeddings: Vectors,
) -> None:
    """Stores one vector for each chunk. Needs a whole-tenant scope."""
    if not chunk_ids:
        return
    rows = [
        {
            "tenant_id": scope.tenant_id,
            "chunk_id": chunk_id,
            "document_id": document.id,
            "collection_id": document.collection_id,
            "principals": list(document.fields.principals),
            "embedded_sha256": sha256,
            "embedding": embedding,
        }
        for chunk_id, sha256, embedding in zip(chunk_ids, sha256s, embeddings, strict=True)
    ]
    await scope.connection.execute(insert(vectors_table(space)), rows)


async def count_vectors(scope: TenantSession, document_id: DocumentId) -> int:
    """The document's vectors in all spaces."""
    total = 0
    for space in await all_spaces(scope):
        table = vectors_table(space)
        query = select(func.count()).where(
            table.c.tenant_id == scope.tenant_id, table.c.document_id == document_id
        )
        total += int((await scope.connection.execute(query)).scalar_one())
    return total


async def delete_vectors(scope: TenantSession, document_id: DocumentId) -> int:
    """How many vectors were deleted, over all spaces. Needs a whole-tenant scope."""
    total = 0
    for space in await all_spaces(scope):
        table = vectors_table(space)
        result = await scope.connection.execute(
            delete(table).where(
                table.c.tenant_id == scope.tenant_id, table.c.document_id == document_id
            )
        )
        total += int(result.rowcount)
    return total


async def set_vector_principals(
    scope: TenantSession, document_id: DocumentId, principals: Sequence[str]
) -> None:
    """Gives the document's vectors their document's readers. Needs a whole-tenant scope."""
    for space in await all_spaces(scope):
        table = vectors_table(space)
        await scope.connection.execute(
            update(table)
            .where(table.c.tenant_id == scope.tenant_id, table.c.document_id == document_id)
            .values(principals=list(principals))
        )


async def count_visible(scope: TenantSession, space: Space, filters: VectorFilter) -> int:
    """How many vectors the caller can see, counted up to one more than EXACT_LIMIT."""
    table = vectors_table(space)
    visible = select(table.c.chunk_id).where(*_conditions(scope, space, filters))
    query = select(func.count()).select_from(visible.limit(EXACT_LIMIT + 1).subquery())
    return int((await scope.connection.execute(query)).scalar_one())


async def search_vectors(
    scope: TenantSession,
    space: Space,
    question: NDArray[np.float32],
    filters: VectorFilter,
    *,
    limit: int,
    visible_count: int,
) -> tuple[list[VectorHit], Plan]:
    """The visible chunks nearest to the question, best first, and the plan that found them.

    Exact when few rows are visible. Otherwise HNSW, and exact again should it come back with
    fewer rows than were asked for although more are visible.
    """
    if visible_count > EXACT_LIMIT:
        hits = await _search_hnsw(scope, space, question, filters, limit)
        if len(hits) >= min(limit, visible_count):
            return hits, "hnsw"
    return await _search_exact(scope, space, question, filters, limit), "exact"


def exact_query(
    scope: TenantSession, space: Space, filters: VectorFilter
) -> Select[tuple[int, float]]:
    """Compares every visible vector. OFFSET 0 keeps the planner from taking the HNSW index."""
    table = vectors_table(space)
    distance = table.c.embedding.cosine_distance(
        bindparam("question", type_=table.c.embedding.type)
    )
    visible = (
        select(table.c.chunk_id, distance.label("distance"))
        .where(*_conditions(scope, space, filters))
        .offset(0)
    )
    candidates = visible.subquery()
    return (
        select(candidates.c.chunk_id, candidates.c.distance)
        .order_by(candidates.c.distance, candidates.c.chunk_id)
        .limit(bindparam("limit_rows"))
    )


def hnsw_query(
    scope: TenantSession, space: Space, filters: VectorFilter
) -> Select[tuple[int, float]]:
    """Walks the HNSW graph in the order of distance, filtering on the way."""
    table = vectors_table(space)
    distance = table.c.embedding.cosine_distance(
        bindparam("question", type_=table.c.embedding.type)
    )
    return (
        select(table.c.chunk_id, distance.label("distance"))
        .where(*_conditions(scope, space, filters))
        .order_by(distance)
        .limit(bindparam("limit_rows"))
    )


async def _search_exact(
    scope: TenantSession,
    space: Space,
    question: NDArray[np.float32],
    filters: VectorFilter,
    limit: int,
) -> list[VectorHit]:
    rows = await scope.connection.execute(
        exact_query(scope, space, filters), {"question": question, "limit_rows": limit}
    )
    return [VectorHit(chunk_id=row.chunk_id, cosine=1.0 - row.distance) for row in rows]


async def _search_hnsw(
    scope: TenantSession,
    space: Space,
    question: NDArray[np.float32],
    filters: VectorFilter,
    limit: int,
) -> list[VectorHit]:
    await scope.connection.execute(
        text(
            "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),"
            " set_config('hnsw.ef_search', :ef_search, true),"
            " set_config('hnsw.max_scan_tuples', :max_scan_tuples, true)"
        ),
        {"ef_search": str(max(EF_SEARCH, limit)), "max_scan_tuples": str(MAX_SCAN_TUPLES)},
    )
    rows = await scope.connection.execute(
        hnsw_query(scope, space, filters), {"question": question, "limit_rows": limit}
    )
    hits = [VectorHit(chunk_id=row.chunk_id, cosine=1.0 - row.distance) for row in rows]
    # relaxed_order may hand rows back slightly out of order.
    return sorted(hits, key=lambda hit: (-hit.cosine, hit.chunk_id))


def _conditions(
    scope: TenantSession, space: Space, filters: VectorFilter
) -> list[ColumnElement[bool]]:
    table = vectors_table(space).c
    conditions: list[ColumnElement[bool]] = [table.tenant_id == scope.tenant_id]
    if filters.collection_ids is not None:
        conditions.append(table.collection_id.in_(filters.collection_ids))
    if filters.excluded_document_ids:
        conditions.append(table.document_id.not_in(filters.excluded_document_ids))
    if filters.document_condition is not None:
        matching = select(documents.c.id).where(
            documents.c.tenant_id == scope.tenant_id, filters.document_condition
        )
        conditions.append(table.document_id.in_(matching))
    return conditions
