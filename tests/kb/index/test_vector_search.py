"""The plan fits what the caller can see, and nothing visible is missed."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from psycopg.sql import SQL, Composed
from sqlalchemy import ColumnElement, Select, event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.ids import CollectionId, DocumentId
from kb.index.candidate_vectors import read_nearest
from kb.index.vector_search import (
    EXACT_LIMIT,
    SIGNS_LIMIT,
    VectorFilter,
    choose_plan,
    count_visible,
    exact_query,
    hnsw_query,
    search_vectors,
    signs_query,
)
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database, TenantSession, Viewer
from kb.store.admissible import document_condition, is_one_of, matching_documents
from kb.store.filters import parse_filter
from kb.store.spaces import Space, ensure_space
from kb.store.vectors import find_vectors, text_sha256
from migrations.run import upgrade
from tests.architecture.databases import empty_database
from tests.tenancy.rows import BulkRows, insert_rows

SPACE = Space(name="synthetic", model="test", revision="1", dimension=16)
HNSW_INDEX = "vectors_synthetic_hnsw"
AUDIENCE_INDEX = "vectors_synthetic_audience"
ALL, TENTH, RARE = "tenant:*", "group:tenth", "group:rare"
BIG, SMALL = 24_750, 250
"""The small tenant has 1 % of the rows."""

RARE_ROWS = 15
SOME, MANY = EXACT_LIMIT + 1, SIGNS_LIMIT + 1
"""Counts of what is visible that make a search compare signs, and walk."""

MORE_THAN_PARAMETERS = 66_000
"""Postgres takes 65,535 parameters for one statement."""

NO_FILTER = VectorFilter()
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Two tenants in one table, and a question; its farthest rows are the rare ones."""

    database: Database
    url: str
    big: BulkRows
    small: BulkRows
    question: NDArray[np.float32]


def unit_rows(count: int, generator: np.random.Generator) -> NDArray[np.float32]:
    rows = generator.normal(size=(count, SPACE.dimension)).astype(np.float32)
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    """A database of this file's own: a new space becomes the current one."""
    with empty_database(database_url) as url:
        upgrade(url)
        yield url


@pytest.fixture(scope="module")
async def stored(url: str) -> AsyncIterator[Stored]:
    database = Database(url, pool_size=2)
    await ensure_space(database, SPACE)
    generator = np.random.default_rng(SEED)
    question = unit_rows(1, generator)[0]
    vectors = unit_rows(BIG, generator)
    rare = set(np.argsort(vectors @ question)[:RARE_ROWS].tolist())
    principals = [
        [ALL, *([TENTH] if n % 10 == 0 else []), *([RARE] if n in rare else [])] for n in range(BIG)
    ]
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        # Filling the graph row by row takes ten times as long as building it at the end.
        definition = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = %s", [HNSW_INDEX]
        ).fetchone()
        assert definition is not None
        connection.execute(f"DROP INDEX {HNSW_INDEX}".encode())
        big = insert_rows(url, SPACE, vectors, principals, document_count=10)
        small = insert_rows(
            url, SPACE, unit_rows(SMALL, generator), [[ALL]] * SMALL, document_count=4
        )
        connection.execute(str(definition[0]).encode())
        connection.execute("VACUUM ANALYZE")
    yield Stored(database=database, url=url, big=big, small=small, question=question)
    await database.close()


def nearest(
    rows: BulkRows, question: NDArray[np.float32], is_visible: NDArray[np.bool_], limit: int
) -> list[int]:
    """Chunk ids by cosine in half precision, as the table stores the vectors."""
    halves = rows.vectors.astype(np.float16).astype(np.float64)
    asked = question.astype(np.float16).astype(np.float64)
    cosines = halves @ asked / np.linalg.norm(halves, axis=1) / np.linalg.norm(asked)
    order = np.argsort(-np.where(is_visible, cosines, -np.inf), kind="stable")
    chosen = order[: min(limit, int(is_visible.sum()))]
    return [int(chunk_id) for chunk_id in rows.chunk_ids[chosen]]


def readable(rows: BulkRows, principal: str) -> NDArray[np.bool_]:
    return np.array([principal in row for row in rows.principals])


async def ids_of(
    scope: TenantSession,
    query: Select[tuple[int, float]],
    question: NDArray[np.float32],
    limit: int,
) -> list[int]:
    rows = await scope.connection.execute(query, {"question": question, "limit_rows": limit})
    return [row.chunk_id for row in rows]


@contextmanager
def explaining(connection: AsyncConnection) -> Iterator[None]:
    """Statements are explained instead of run, exactly as they are sent."""

    def explain(*sent: object) -> tuple[str, object]:
        _, _, statement, parameters, *_ = sent
        return f"EXPLAIN {statement}", parameters

    target = connection.sync_connection
    event.listen(target, "before_cursor_execute", explain, retval=True)
    try:
        yield
    finally:
        event.remove(target, "before_cursor_execute", explain)


@contextmanager
def explained(connection: AsyncConnection) -> Iterator[list[str]]:
    """The plans of the statements that run inside, each made in the settings that it runs in."""
    plans: list[str] = []

    def explain(*sent: Any) -> None:  # noqa: ANN401  # the driver's cursor
        _, cursor, statement, parameters, *_ = sent
        cursor.execute(f"EXPLAIN {statement}", parameters)
        plans.append("\n".join(str(row[0]) for row in cursor.fetchall()))

    target = connection.sync_connection
    event.listen(target, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(target, "before_cursor_execute", explain)


async def plan_of(
    scope: TenantSession,
    query: Select[tuple[int, float]],
    question: NDArray[np.float32],
    *,
    limit: int = 10,
) -> str:
    with explaining(scope.connection):
        rows = await scope.connection.execute(query, {"question": question, "limit_rows": limit})
        return "\n".join(str(row[0]) for row in rows.all())


def viewer(*principals: str) -> Viewer:
    return Viewer(principals=principals)


@pytest.mark.parametrize("tenant", ["big", "small"])
@pytest.mark.parametrize("principal", [ALL, TENTH, RARE])
async def test_the_exact_plan_never_uses_the_hnsw_index(
    stored: Stored, tenant: str, principal: str
) -> None:
    rows: BulkRows = getattr(stored, tenant)

    async with stored.database.tenant(rows.tenant_id, viewer=viewer(principal)) as scope:
        plan = await plan_of(scope, exact_query(scope, SPACE, NO_FILTER), stored.question)

    assert HNSW_INDEX not in plan
    assert "Sort" in plan


async def test_the_hnsw_plan_uses_the_hnsw_index(stored: Stored) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        plan = await plan_of(scope, hnsw_query(scope, SPACE, NO_FILTER), stored.question)

    assert f"Index Scan using {HNSW_INDEX}" in plan


@pytest.mark.parametrize("limit", [10, 100, 300])
@pytest.mark.parametrize("principal", [ALL, TENTH, RARE])
@pytest.mark.parametrize("tenant", ["big", "small"])
async def test_a_walk_uses_the_hnsw_index_however_much_is_wanted_and_visible(
    stored: Stored, tenant: str, principal: str, limit: int
) -> None:
    rows: BulkRows = getattr(stored, tenant)

    async with stored.database.tenant(rows.tenant_id, viewer=viewer(principal)) as scope:
        with explained(scope.connection) as plans:
            await search_vectors(
                scope, SPACE, stored.question, NO_FILTER, limit=limit, visible_count=MANY
            )

    # The settings come first.
    assert f"Index Scan using {HNSW_INDEX}" in plans[1]
    assert "Sort" not in plans[1]


async def test_what_sketches_lack_is_looked_up_by_ids_alone(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan: list[str] = []
    fetch = TenantSession.fetch_binary

    async def explain(
        self: TenantSession, statement: Composed, parameters: Mapping[str, object]
    ) -> list[tuple[object, ...]]:
        rows = await fetch(self, SQL("EXPLAIN ") + statement, parameters)
        plan.extend(str(row[0]) for row in rows)
        return [(b"", b"")]

    monkeypatch.setattr(TenantSession, "fetch_binary", explain)
    chunk_ids = [int(each) for each in stored.big.chunk_ids[:200]]
    document_ids = stored.big.document_ids[:1]
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        await read_nearest(
            scope, SPACE, stored.question, document_ids, besides=chunk_ids, limit=100
        )

    read = [line for line in plan if " on vectors_" in line or " using vectors_" in line]
    assert sum("vectors_synthetic_pkey" in line for line in read) == 1, plan
    assert sum("vectors_synthetic_document" in line for line in read) == 1, plan
    assert len(read) <= 4, plan
    assert not any("Seq Scan" in line or HNSW_INDEX in line for line in read)


async def test_a_search_leaves_sorting_to_the_statements_after_it(stored: Stored) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        _, plan = await search_vectors(
            scope, SPACE, stored.question, NO_FILTER, limit=10, visible_count=MANY
        )
        may_sort = await scope.connection.execute(text("SHOW enable_sort"))

    assert (plan, may_sort.scalar_one()) == ("hnsw", "on")


@pytest.mark.parametrize("principal", [ALL, TENTH])
async def test_the_signs_are_read_from_their_index_alone_and_few_vectors_from_the_table(
    stored: Stored, principal: str
) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(principal)) as scope:
        plan = await plan_of(scope, signs_query(scope, SPACE, NO_FILTER), stored.question)

    assert f"Index Only Scan using {AUDIENCE_INDEX}" in plan
    assert HNSW_INDEX not in plan
    assert re.search(r"Index Cond: .*tenant_id.*audience_id = ANY", plan)


async def test_counting_what_is_visible_reads_no_vector(stored: Stored) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(TENTH)) as scope:
        with explained(scope.connection) as plans:
            counted = await count_visible(scope, SPACE, NO_FILTER)

    assert counted == BIG // 10
    assert f"Index Only Scan using {AUDIENCE_INDEX}" in plans[0]


@pytest.mark.parametrize(
    ("visible", "plan"),
    [
        (0, "exact"),
        (EXACT_LIMIT, "exact"),
        (EXACT_LIMIT + 1, "signs"),
        (SIGNS_LIMIT, "signs"),
        (SIGNS_LIMIT + 1, "hnsw"),
    ],
)
def test_the_plan_is_chosen_by_how_much_is_visible(visible: int, plan: str) -> None:
    assert choose_plan(visible) == plan


async def test_the_exact_plan_of_a_small_tenant_reads_its_rows_by_an_index(
    stored: Stored,
) -> None:
    async with stored.database.tenant(stored.small.tenant_id, viewer=viewer(ALL)) as scope:
        plan = await plan_of(scope, exact_query(scope, SPACE, NO_FILTER), stored.question)

    assert "Seq Scan on vectors" not in plan


async def test_plans_stay_as_they_are_after_many_executions(stored: Stored) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        exact, hnsw = exact_query(scope, SPACE, NO_FILTER), hnsw_query(scope, SPACE, NO_FILTER)
        # The driver would have prepared it at the sixth time, the server planned it once for all.
        for _ in range(12):
            await ids_of(scope, exact, stored.question, 5)
            await ids_of(scope, hnsw, stored.question, 5)

        assert HNSW_INDEX not in await plan_of(scope, exact, stored.question)
        assert HNSW_INDEX in await plan_of(scope, hnsw, stored.question)
        prepared = await scope.connection.execute(
            text("SELECT count(*) FROM pg_prepared_statements")
        )
        assert prepared.scalar_one() == 0


async def test_the_small_tenant_gets_all_its_rows_in_order(stored: Stored) -> None:
    async with stored.database.tenant(stored.small.tenant_id, viewer=viewer(ALL)) as scope:
        hits, plan = await search_vectors(
            scope, SPACE, stored.question, NO_FILTER, limit=SMALL, visible_count=SMALL
        )

    everything = np.ones(SMALL, dtype=np.bool_)
    assert plan == "exact"
    assert [hit.chunk_id for hit in hits] == nearest(
        stored.small, stored.question, everything, SMALL
    )


@pytest.mark.parametrize(
    ("principal", "visible", "plan"),
    [(ALL, BIG, "signs"), (TENTH, BIG // 10, "exact"), (RARE, RARE_ROWS, "exact")],
)
async def test_the_plan_follows_the_number_of_visible_rows_and_finds_what_is_nearest(
    stored: Stored, principal: str, visible: int, plan: str
) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(principal)) as scope:
        counted = await count_visible(scope, SPACE, NO_FILTER)
        hits, used = await search_vectors(
            scope, SPACE, stored.question, NO_FILTER, limit=10, visible_count=counted
        )

    expected = nearest(stored.big, stored.question, readable(stored.big, principal), 10)
    assert (counted, used) == (visible, plan)
    assert [hit.chunk_id for hit in hits] == expected
    assert [hit.cosine for hit in hits] == sorted((hit.cosine for hit in hits), reverse=True)


@pytest.mark.parametrize(("principal", "limit"), [(TENTH, 10), (RARE, 10), (RARE, 50)])
async def test_a_count_that_is_wrong_costs_no_row(
    stored: Stored, principal: str, limit: int
) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(principal)) as scope:
        hits, _ = await search_vectors(
            scope, SPACE, stored.question, NO_FILTER, limit=limit, visible_count=MANY
        )

    expected = nearest(stored.big, stored.question, readable(stored.big, principal), limit)
    assert [hit.chunk_id for hit in hits] == expected


async def test_a_walk_that_comes_back_with_too_few_rows_gives_way_to_the_signs(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.vector_search.MAX_SCAN_TUPLES", 1_000)

    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(RARE)) as scope:
        hits, plan = await search_vectors(
            scope, SPACE, stored.question, NO_FILTER, limit=10, visible_count=MANY
        )

    expected = nearest(stored.big, stored.question, readable(stored.big, RARE), 10)
    assert (plan, [hit.chunk_id for hit in hits]) == ("signs", expected)


async def test_signs_that_come_back_with_too_few_rows_give_way_to_the_exact_plan(
    stored: Stored,
) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(RARE)) as scope:
        hits, plan = await search_vectors(
            scope, SPACE, stored.question, NO_FILTER, limit=RARE_ROWS + 1, visible_count=SOME
        )

    assert (plan, len(hits)) == ("exact", RARE_ROWS)


async def test_hnsw_left_alone_would_have_missed_them(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(RARE)) as scope:
        await scope.connection.execute(text("SET LOCAL hnsw.iterative_scan = 'off'"))
        await scope.connection.execute(text("SET LOCAL enable_seqscan = off"))
        await scope.connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        await scope.connection.execute(text("SET LOCAL enable_sort = off"))
        found = await ids_of(scope, hnsw_query(scope, SPACE, NO_FILTER), stored.question, 10)

    assert len(found) < 10


async def test_settings_of_a_search_end_with_its_transaction(stored: Stored) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        await search_vectors(
            scope, SPACE, stored.question, NO_FILTER, limit=300, visible_count=MANY
        )
        during = await scope.connection.execute(text("SHOW hnsw.ef_search"))
        assert during.scalar_one() == "900"

    async with stored.database.engine.connect() as connection:
        assert (await connection.execute(text("SHOW hnsw.ef_search"))).scalar_one() == "40"


FILTERS: Mapping[str, dict[str, object]] = {
    "one document": {"metadata.number": 3},
    "some documents": {"metadata.number": {"$gte": 6}},
    "no document": {"metadata.number": -1},
}


def condition(raw: Mapping[str, object]) -> ColumnElement[bool]:
    return document_condition(parse_filter(dict(raw)))  # type: ignore[arg-type]  # JSON


@pytest.mark.parametrize("visible_count", [0, SOME, MANY])
@pytest.mark.parametrize("name", FILTERS)
async def test_a_condition_on_documents_restricts_all_plans(
    stored: Stored, name: str, visible_count: int
) -> None:
    numbers = stored.big.document_of
    matching = {"one document": numbers == 3, "some documents": numbers >= 6}.get(name, numbers < 0)
    filters = VectorFilter(document_condition=condition(FILTERS[name]))

    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        hits, _ = await search_vectors(
            scope, SPACE, stored.question, filters, limit=20, visible_count=visible_count
        )

    expected = nearest(stored.big, stored.question, matching, 20)
    assert [hit.chunk_id for hit in hits] == expected


@pytest.mark.parametrize("visible_count", [0, SOME, MANY])
async def test_collections_and_exclusions_restrict_all_plans(
    stored: Stored, visible_count: int
) -> None:
    big = stored.big
    filters = VectorFilter(
        collection_ids=[big.collection_ids[0]], excluded_document_ids=[big.document_ids[0]]
    )
    # Even documents are in the first collection.
    matching = (big.document_of % 2 == 0) & (big.document_of != 0)

    async with stored.database.tenant(big.tenant_id, viewer=viewer(ALL)) as scope:
        hits, _ = await search_vectors(
            scope, SPACE, stored.question, filters, limit=20, visible_count=visible_count
        )
        counted = await count_visible(scope, SPACE, filters)

    assert [hit.chunk_id for hit in hits] == nearest(big, stored.question, matching, 20)
    assert counted == int(matching.sum())


@pytest.fixture(scope="module")
def unknown_documents() -> list[DocumentId]:
    return [DocumentId(uuid4()) for _ in range(MORE_THAN_PARAMETERS)]


@pytest.mark.parametrize("visible_count", [0, SOME, MANY])
async def test_more_documents_than_a_statement_has_parameters_can_be_excluded(
    stored: Stored, unknown_documents: list[DocumentId], visible_count: int
) -> None:
    big = stored.big
    filters = VectorFilter(excluded_document_ids=[*unknown_documents, big.document_ids[0]])

    async with stored.database.tenant(big.tenant_id, viewer=viewer(ALL)) as scope:
        with explained(scope.connection) as plans:
            hits, _ = await search_vectors(
                scope, SPACE, stored.question, filters, limit=20, visible_count=visible_count
            )

    matching = big.document_of != 0
    assert [hit.chunk_id for hit in hits] == nearest(big, stored.question, matching, 20)
    used = {0: "Seq Scan", SOME: f"Only Scan using {AUDIENCE_INDEX}", MANY: HNSW_INDEX}
    assert used[visible_count] in plans[1]


async def test_more_documents_than_a_statement_has_parameters_can_be_looked_among(
    stored: Stored, unknown_documents: list[DocumentId]
) -> None:
    big = stored.big
    among = is_one_of([*unknown_documents, big.document_ids[3]])

    async with stored.database.tenant(big.tenant_id, viewer=viewer(ALL)) as scope:
        found = await matching_documents(scope, None, among)
        counted = await count_visible(scope, SPACE, VectorFilter(document_condition=among))

    assert found == [big.document_ids[3]]
    assert counted == int((big.document_of == 3).sum())


async def test_more_collections_than_a_statement_has_parameters_can_be_looked_in(
    stored: Stored,
) -> None:
    big = stored.big
    unknown = [CollectionId(uuid4()) for _ in range(MORE_THAN_PARAMETERS)]
    collections = [*unknown, big.collection_ids[0]]

    async with stored.database.tenant(big.tenant_id, viewer=viewer(ALL)) as scope:
        found = await matching_documents(scope, collections, None)
        counted = await count_visible(scope, SPACE, VectorFilter(collection_ids=collections))

    assert set(found) == set(big.document_ids[::2])
    assert counted == int((big.document_of % 2 == 0).sum())


async def test_no_document_is_not_every_document(stored: Stored) -> None:
    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        assert await matching_documents(scope, None, is_one_of([])) == []
        assert await matching_documents(scope, [], None) == []


async def test_no_collection_is_not_every_collection(stored: Stored) -> None:
    none = VectorFilter(collection_ids=[])

    async with stored.database.tenant(stored.big.tenant_id, viewer=viewer(ALL)) as scope:
        hits, _ = await search_vectors(
            scope, SPACE, stored.question, none, limit=20, visible_count=BIG
        )

        assert (hits, await count_visible(scope, SPACE, none)) == ([], 0)


async def test_stored_vectors_are_found_by_their_text(stored: Stored) -> None:
    async with stored.database.tenant(stored.small.tenant_id, viewer=None) as scope:
        found = await find_vectors(scope, SPACE, ["0", "7", "no such text"])

    assert found.keys() == {"0", "7"}
    # Half precision keeps 11 bits.
    np.testing.assert_allclose(found["7"], stored.small.vectors[7], atol=2**-11)
    assert found["7"].dtype == np.float32


async def test_more_texts_than_a_statement_has_parameters_can_be_looked_up(
    stored: Stored,
) -> None:
    unknown = [text_sha256(str(n)) for n in range(MORE_THAN_PARAMETERS)]

    async with stored.database.tenant(stored.small.tenant_id, viewer=None) as scope:
        found = await find_vectors(scope, SPACE, [*unknown, "7"])

    assert found.keys() == {"7"}


def test_a_text_is_known_by_its_sha256() -> None:
    # printf 'leave' | sha256sum
    assert text_sha256("leave") == (
        "af193190b8d3cd14103e20e900378a2b76414ff6428065f3f8539b3577b22fdf"
    )
