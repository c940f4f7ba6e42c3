"""What vector search finds is held against comparing everything, as the caller sees it."""

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import numpy as np
import pytest

from kb.index.recall import check_recall, is_sampled, sample_recall
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.vector_search import VectorFilter, search_exactly
from kb.postgres.database import Database, Viewer
from kb.store.spaces import Space, ensure_space
from migrations.run import upgrade
from tests.architecture.databases import empty_database
from tests.tenancy.rows import BulkRows, insert_rows

SPACE = Space(name="recall", model="test", revision="1", dimension=8)
ALL, ONE = Viewer(principals=("tenant:*",)), Viewer(principals=("user:one",))
NOBODY = Viewer(principals=("user:nobody",))
ROWS = 60


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    with empty_database(database_url) as url:
        upgrade(url)
        yield url


@pytest.fixture(scope="module")
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, pool_size=2)
    await ensure_space(database, SPACE)
    yield database
    await database.close()


@pytest.fixture(scope="module")
def rows(url: str, database: Database) -> BulkRows:  # it makes the space
    vectors = np.random.default_rng(3).normal(size=(ROWS, SPACE.dimension)).astype(np.float32)
    # The first row is the one that `user:one` may read.
    principals = [["tenant:*", *(["user:one"] if n == 0 else [])] for n in range(ROWS)]
    return insert_rows(url, SPACE, vectors, principals, document_count=6)


@pytest.fixture
async def sketches(database: Database, rows: BulkRows) -> AsyncIterator[SketchCache]:
    sketches = SketchCache(database, max_bytes=10**6)
    await sketches.catch_up(rows.tenant_id, SPACE)
    yield sketches
    await sketches.aclose()


@pytest.mark.parametrize(("kept", "recall"), [(10, 1.0), (7, 0.7), (0, 0.0)])
async def test_recall_is_the_share_of_the_truly_nearest_that_was_found(
    database: Database, rows: BulkRows, kept: int, recall: float
) -> None:
    question = rows.vectors[5]
    async with database.tenant(rows.tenant_id, viewer=ALL) as scope:
        everything = await search_exactly(scope, SPACE, question, VectorFilter(), limit=ROWS)
        ids = [hit.chunk_id for hit in everything]

        # Of the ten nearest some are replaced by the farthest.
        found = [*ids[:kept], *ids[ROWS - 10 + kept :]]
        measured = await sample_recall(scope, SPACE, question, VectorFilter(), found, limit=10)

    assert measured == pytest.approx(recall)


@pytest.mark.parametrize(
    ("found", "limit", "recall"),
    [
        (0, 10, 0.0),
        (1, 10, 0.1),
        (7, 10, 0.7),
        # No more than the 60 that are visible can be found.
        (45, 100, 0.75),
        (60, 100, 1.0),
    ],
)
async def test_rows_too_few_are_missed(
    database: Database, rows: BulkRows, found: int, limit: int, recall: float
) -> None:
    question = rows.vectors[5]
    async with database.tenant(rows.tenant_id, viewer=ALL) as scope:
        everything = await search_exactly(scope, SPACE, question, VectorFilter(), limit=ROWS)
        nearest = [hit.chunk_id for hit in everything[:found]]

        measured = await sample_recall(scope, SPACE, question, VectorFilter(), nearest, limit=limit)

    assert measured == pytest.approx(recall)


async def test_nothing_is_missed_where_nothing_is_visible(
    database: Database, sketches: SketchCache, rows: BulkRows
) -> None:
    async with database.tenant(rows.tenant_id, viewer=NOBODY) as scope:
        question = rows.vectors[0]
        assert await sample_recall(scope, SPACE, question, VectorFilter(), [], limit=5) == 1.0
        assert await check_recall(scope, sketches, SPACE, samples=3, limit=5, seed=1) == []


async def test_a_check_asks_about_what_the_caller_sees(
    database: Database, sketches: SketchCache, rows: BulkRows
) -> None:
    async with database.tenant(rows.tenant_id, viewer=ONE) as scope:
        checked = await check_recall(scope, sketches, SPACE, samples=20, limit=10, seed=1)

    # One row is visible, the first: only questions that begin with it find a vector to resemble.
    assert all(sample.recall == 1.0 for sample in checked)


async def test_a_check_reports_each_question(
    database: Database, sketches: SketchCache, rows: BulkRows
) -> None:
    async with database.tenant(rows.tenant_id, viewer=ALL) as scope:
        checked = await check_recall(scope, sketches, SPACE, samples=5, limit=10, seed=1)

    assert [(sample.recall, sample.plan) for sample in checked] == [(1.0, "shortlist")] * 5


async def test_a_check_sees_that_a_search_gives_too_few(
    database: Database, sketches: SketchCache, rows: BulkRows
) -> None:
    # Sketches that have lost five of the six documents, ten rows each.
    held = sketches._held[rows.tenant_id]
    lossy = held.sketches.following(held.sketches.reached, rows.document_ids[1:], [])
    sketches._held[rows.tenant_id] = replace(held, sketches=lossy)

    async with database.tenant(rows.tenant_id, viewer=ALL) as scope:
        checked = await check_recall(scope, sketches, SPACE, samples=5, limit=ROWS, seed=1)

    assert [(sample.recall, sample.plan) for sample in checked] == [(1 / 6, "shortlist")] * 5


async def test_the_exact_plan_is_compared_and_timed_too(database: Database, rows: BulkRows) -> None:
    none_held = SketchCache(database, max_bytes=0)
    async with database.tenant(rows.tenant_id, viewer=ALL) as scope:
        checked = await check_recall(scope, none_held, SPACE, samples=3, limit=10, seed=1)
    await none_held.aclose()

    assert [(sample.recall, sample.plan) for sample in checked] == [(1.0, "exact")] * 3
    # Milliseconds of an SQL statement, which no comparison with itself would take.
    assert min(sample.exact_milliseconds for sample in checked) > 0.05


def test_one_in_a_thousand_of_the_searches_that_may_miss_something_is_sampled() -> None:
    generator = random.Random(5)  # noqa: S311  # a sample, no secret

    sampled = sum(is_sampled("hnsw", generator) for _ in range(100_000))

    # 100 expected; the standard deviation is 10.
    assert 60 < sampled < 140
    assert not any(is_sampled("exact", generator) for _ in range(10_000))
    assert not any(is_sampled(None, generator) for _ in range(10_000))
