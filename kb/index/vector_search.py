"""The nearest vectors of one embedding space, found by Postgres with the plan that fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Table,
    Uuid,
    all_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from kb.ids import CollectionId, DocumentId
from kb.postgres.database import TenantSession
from kb.store.spaces import Space, vectors_table
from kb.store.tables import documents

EXACT_LIMIT = 20_000
"""Visible rows up to which every vector is compared: where comparing signs first gets cheaper."""

SIGNS_LIMIT = 150_000
"""Visible rows up to which all signs are compared. Beyond, HNSW is cheaper, and finds enough."""

COMPARED_PER_HIT, LEAST_COMPARED = 60, 6_000
"""Rows with the most alike signs whose vectors are compared, for each row wanted and in all.

Of 100,000 visible rows 3,200 hold .991 of the true 50 nearest, 6,400 .999, even for questions about
what the caller may not see, whose nearest rows hardly differ; 800 hold .87 of them, 1,600 .95.
"""

EF_SEARCH = 400
"""Candidates HNSW keeps; recall@50 on a million clustered vectors is .963 at 200, .995 at 400."""

FOUND_PER_HIT = 3
"""Rows HNSW has to find for each one wanted: a walk that stops at the last one wanted has passed
by better ones. With .1 of the rows visible recall@50 was .96 without."""

MAX_SCAN_TUPLES = 20_000
"""Rows an HNSW walk may visit before it gives up: it is in a region that the caller cannot see."""

MAX_EF_SEARCH = 1_000
"""pgvector takes no more."""

_SETTINGS = text(
    """
    SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
           set_config('jit', 'off', true),
           set_config('enable_sort', :may_sort, true),
           set_config('hnsw.iterative_scan', 'relaxed_order', true),
           set_config('hnsw.ef_search', :ef_search, true),
           set_config('hnsw.max_scan_tuples', :max_scan_tuples, true)
    """
)

_LIMIT_ROWS: Final = bindparam("limit_rows", type_=Integer)

Plan = Literal["shortlist", "exact", "signs", "hnsw"]
"""The first is kb.index.sketches' and never chosen here."""


@dataclass(frozen=True, kw_only=True)
class VectorFilter:
    """The limits of a search besides row security; None or empty: no limit."""

    collection_ids: Sequence[CollectionId] | None = None
    excluded_document_ids: Sequence[DocumentId] = ()
    document_condition: ColumnElement[bool] | None = None


@dataclass(frozen=True, kw_only=True)
class VectorHit:
    """A chunk and the cosine of its vector with the question's."""

    chunk_id: int
    cosine: float


async def count_visible(scope: TenantSession, space: Space, filters: VectorFilter) -> int:
    """The number of vectors the caller can see, counted up to one more than SIGNS_LIMIT."""
    table = vectors_table(space)
    visible = select(table.c.chunk_id).where(*_conditions(scope, space, filters))
    query = select(func.count()).select_from(visible.limit(SIGNS_LIMIT + 1).subquery())
    return int((await scope.connection.execute(query)).scalar_one())


def choose_plan(visible_count: int) -> Plan:
    """The cheapest plan that misses nothing, for n visible rows.

    exact   1.3 ms + 0.7 us * n: reads each vector, by audience. Nothing is missed.
    signs   0.48 us * n, the vectors of the most alike included: reads each row's signs from the
            index alone. Neither depends on where the visible rows lie.
    hnsw    38 ms at a million (128 MB of shared buffers), as long as visible rows are met on the
            way. Below a tenth of the table they are not, or the question is about what the caller
            cannot see: then 200,000 visited rows hold half of the nearest.

    Medians of `python -m evals.bench permissions`, 1.11 million rows, two idle cores.
    """
    if visible_count <= EXACT_LIMIT:
        return "exact"
    return "signs" if visible_count <= SIGNS_LIMIT else "hnsw"


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

    A plan that comes back with too few rows gives way to the one that misses less.
    """
    parameters = {"question": question, "limit_rows": limit}
    plan = choose_plan(visible_count)
    if plan == "hnsw":
        # Only the HNSW index gives rows in the order of distance: without sorting nothing else is
        # left.
        await _configure(scope, limit=limit, may_sort=False)
        hits = await _hits(scope, hnsw_query(scope, space, filters), parameters)
        await _configure(scope, limit=limit, may_sort=True)
        if len(hits) == FOUND_PER_HIT * limit:
            # relaxed_order may hand rows back slightly out of order.
            return sorted(hits, key=lambda hit: (-hit.cosine, hit.chunk_id))[:limit], "hnsw"
        plan = "signs"
    else:
        await _configure(scope, limit=limit, may_sort=True)
    if plan == "signs":
        hits = await _hits(scope, signs_query(scope, space, filters), parameters)
        if len(hits) == limit:
            return hits, "signs"
    return await _hits(scope, exact_query(scope, space, filters), parameters), "exact"


async def search_exactly(
    scope: TenantSession,
    space: Space,
    question: NDArray[np.float32],
    filters: VectorFilter,
    *,
    limit: int,
) -> list[VectorHit]:
    """The visible chunks truly nearest to the question, best first; slow when much is visible."""
    await _configure(scope, limit=limit, may_sort=True)
    query = exact_query(scope, space, filters)
    return await _hits(scope, query, {"question": question, "limit_rows": limit})


def exact_query(
    scope: TenantSession, space: Space, filters: VectorFilter
) -> Select[tuple[int, float]]:
    """Compares every visible vector. OFFSET 0 keeps the planner from taking the HNSW index."""
    table = vectors_table(space)
    visible = (
        select(table.c.chunk_id, _distance(table).label("distance"))
        .where(*_conditions(scope, space, filters))
        .offset(0)
    )
    return _nearest(visible.subquery())


def signs_query(
    scope: TenantSession, space: Space, filters: VectorFilter
) -> Select[tuple[int, float]]:
    """Compares every visible row's signs, and the vectors of those that are most alike.

    The index named _audience holds all that the first step reads.
    """
    table = vectors_table(space)
    question = bindparam("question", type_=table.c.embedding.type)
    signs = cast(func.binary_quantize(question), table.c.signs.type)
    compared = func.greatest(LEAST_COMPARED, COMPARED_PER_HIT * _LIMIT_ROWS)
    alike = (
        select(table.c.chunk_id)
        .where(*_conditions(scope, space, filters))
        .order_by(table.c.signs.hamming_distance(signs))
        .limit(compared)
    )
    # An array is looked up in an index; to join thousands of rows the planner reads the table.
    chosen = func.array(alike.scalar_subquery(), type_=ARRAY(BigInteger))
    compared_rows = (
        select(table.c.chunk_id, _distance(table).label("distance"))
        .where(table.c.tenant_id == scope.tenant_id, table.c.chunk_id == any_(chosen))
        .offset(0)
    )
    return _nearest(compared_rows.subquery())


def hnsw_query(
    scope: TenantSession, space: Space, filters: VectorFilter
) -> Select[tuple[int, float]]:
    """Walks the HNSW graph in the order of distance, filtering on the way."""
    table = vectors_table(space)
    distance = _distance(table)
    return (
        select(table.c.chunk_id, distance.label("distance"))
        .where(*_conditions(scope, space, filters))
        .order_by(distance)
        .limit(FOUND_PER_HIT * _LIMIT_ROWS)
    )


def _nearest(rows: Subquery) -> Select[tuple[int, float]]:
    return (
        select(rows.c.chunk_id, rows.c.distance)
        .order_by(rows.c.distance, rows.c.chunk_id)
        .limit(_LIMIT_ROWS)
    )


def _distance(table: Table) -> ColumnElement[float]:
    question = bindparam("question", type_=table.c.embedding.type)
    distance: ColumnElement[float] = table.c.embedding.cosine_distance(question)
    return distance


async def _hits(
    scope: TenantSession, query: Select[tuple[int, float]], parameters: Mapping[str, object]
) -> list[VectorHit]:
    rows = await scope.connection.execute(query, dict(parameters))
    return [VectorHit(chunk_id=row.chunk_id, cosine=1.0 - row.distance) for row in rows]


async def _configure(scope: TenantSession, *, limit: int, may_sort: bool) -> None:
    """Until the end of the transaction. Compiling a statement takes longer than these run."""
    await scope.connection.execute(
        _SETTINGS,
        {
            "may_sort": "on" if may_sort else "off",
            "ef_search": str(min(max(EF_SEARCH, FOUND_PER_HIT * limit), MAX_EF_SEARCH)),
            "max_scan_tuples": str(MAX_SCAN_TUPLES),
        },
    )


def _conditions(
    scope: TenantSession, space: Space, filters: VectorFilter
) -> list[ColumnElement[bool]]:
    """Beside row security, whose condition on the audience is what the indexes are read by.

    Ids go as arrays: a statement has 65,535 parameters at most, and at a tenth takes twice as long.
    """
    table = vectors_table(space).c
    conditions: list[ColumnElement[bool]] = [table.tenant_id == scope.tenant_id]
    if filters.collection_ids is not None:
        sought = literal(list(filters.collection_ids), ARRAY(Uuid))
        conditions.append(table.collection_id == any_(sought))
    if filters.excluded_document_ids:
        excluded = literal(list(filters.excluded_document_ids), ARRAY(Uuid))
        conditions.append(table.document_id != all_(excluded))
    if filters.document_condition is not None:
        matching = select(documents.c.id).where(
            documents.c.tenant_id == scope.tenant_id, filters.document_condition
        )
        conditions.append(table.document_id.in_(matching))
    return conditions
