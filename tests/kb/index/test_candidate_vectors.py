"""Stored vectors of some chunks, for those who may see them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from kb.index.candidate_vectors import (
    CandidateVectors,
    Nearest,
    read_candidate_vectors,
    read_nearest,
)
from kb.postgres.database import Database, Viewer
from kb.store.spaces import Space, ensure_space
from migrations.run import upgrade
from tests.architecture.databases import empty_database
from tests.tenancy.rows import BulkRows, insert_rows

SPACE = Space(name="candidates", model="test", revision="1", dimension=16)
ALL, FEW = "tenant:*", "group:few"
HALF_PRECISION = 1e-3


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Ten chunks of a tenant; whose number is divisible by five, few may read."""

    database: Database
    rows: BulkRows
    others: BulkRows


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
    drawn = np.random.default_rng(3).normal(size=(20, SPACE.dimension)).astype(np.float32)
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    principals = [[FEW] if number % 5 == 0 else [ALL] for number in range(10)]
    yield Stored(
        database=database,
        rows=insert_rows(url, SPACE, unit[:10], principals, document_count=10),
        others=insert_rows(url, SPACE, unit[10:], principals, document_count=10),
    )
    await database.close()


async def test_each_visible_chunk_comes_with_its_vector_in_the_order_of_ids(stored: Stored) -> None:
    ids = [int(each) for each in stored.rows.chunk_ids]
    viewer = Viewer(principals=(ALL,))

    async with stored.database.tenant(stored.rows.tenant_id, viewer=viewer) as scope:
        found = await read_candidate_vectors(scope, SPACE, [*reversed(ids), max(ids) + 10_000])

    visible = [number for number in range(10) if number % 5]
    assert found.chunk_ids == tuple(sorted(ids[number] for number in visible))
    expected = stored.rows.vectors[np.argsort(ids)][np.isin(sorted(ids), found.chunk_ids)]
    assert found.rows == pytest.approx(expected, abs=HALF_PRECISION)
    assert np.linalg.norm(found.rows, axis=1) == pytest.approx(np.ones(len(visible)))
    assert found.rows.dtype == np.float32


async def test_nothing_asked_for_is_nothing_found(stored: Stored) -> None:
    async with stored.database.tenant(stored.rows.tenant_id, viewer=None) as scope:
        found = await read_candidate_vectors(scope, SPACE, [])

    assert found.chunk_ids == ()
    assert found.rows.shape == (0, SPACE.dimension)


@pytest.mark.parametrize("viewer", [None, Viewer(principals=(ALL, FEW)), Viewer(principals=())])
async def test_another_tenants_chunks_have_no_vector(stored: Stored, viewer: Viewer | None) -> None:
    asked = [int(each) for each in stored.others.chunk_ids]

    async with stored.database.tenant(stored.rows.tenant_id, viewer=viewer) as scope:
        found = await read_candidate_vectors(scope, SPACE, asked)

    assert found.chunk_ids == ()
    assert found.rows.shape == (0, SPACE.dimension)


async def test_the_nearest_of_documents_are_those_that_comparing_everything_finds(
    stored: Stored,
) -> None:
    ids = [int(each) for each in stored.rows.chunk_ids]
    question = stored.rows.vectors[3]

    async with stored.database.tenant(stored.rows.tenant_id, viewer=None) as scope:
        found = await read_nearest(
            scope, SPACE, question, stored.rows.document_ids, besides=(), limit=4
        )

    cosines = stored.rows.vectors @ question
    nearest = np.argsort(-cosines)[:4]
    assert list(found.cosine_by_chunk) == [ids[row] for row in nearest]
    assert list(found.cosine_by_chunk.values()) == pytest.approx(
        cosines[nearest], abs=HALF_PRECISION
    )
    assert found.vectors.chunk_ids == tuple(sorted(ids[row] for row in nearest))


async def test_what_is_asked_for_besides_comes_with_its_vector_and_once(stored: Stored) -> None:
    # A document of each chunk.
    ids = [int(each) for each in stored.rows.chunk_ids]
    question = stored.rows.vectors[0]

    async with stored.database.tenant(stored.rows.tenant_id, viewer=None) as scope:
        found = await read_nearest(
            scope, SPACE, question, stored.rows.document_ids[:3], besides=ids[2:5], limit=3
        )
        only_besides = await read_nearest(scope, SPACE, question, [], besides=ids[2:5], limit=3)
        nothing = await read_nearest(scope, SPACE, question, [], besides=[], limit=3)

    assert sorted(found.cosine_by_chunk) == sorted(ids[:3])
    assert found.vectors.chunk_ids == tuple(sorted(ids[:5]))
    assert only_besides.cosine_by_chunk == {}
    assert only_besides.vectors.chunk_ids == tuple(sorted(ids[2:5]))
    assert nothing.vectors.rows.shape == (0, SPACE.dimension)


@pytest.mark.parametrize("principals", [(), (ALL,)])
async def test_the_nearest_are_visible_ones(stored: Stored, principals: tuple[str, ...]) -> None:
    hidden = [int(each) for each in stored.rows.chunk_ids[[0, 5]]]
    hidden_documents = [stored.rows.document_ids[number] for number in (0, 5)]
    others = [int(each) for each in stored.others.chunk_ids]

    async with stored.database.tenant(
        stored.rows.tenant_id, viewer=Viewer(principals=principals)
    ) as s:
        found = await read_nearest(
            s,
            SPACE,
            stored.rows.vectors[0],
            [*stored.others.document_ids, *hidden_documents],
            besides=[*hidden, *others],
            limit=9,
        )

    assert found.cosine_by_chunk == {}
    assert found.vectors.chunk_ids == ()


def near(cosine_by_chunk: dict[int, float], chunk_ids: Sequence[int]) -> Nearest:
    """The vector of each chunk has its id in it."""
    rows = np.array([[chunk_id, 0] for chunk_id in chunk_ids], dtype=np.float32).reshape(-1, 2)
    vectors = CandidateVectors(chunk_ids=tuple(chunk_ids), rows=rows)
    return Nearest(cosine_by_chunk=cosine_by_chunk, vectors=vectors)


def test_the_nearest_of_two_are_the_best_of_both_with_their_vectors() -> None:
    first = near({7: 0.9, 1: 0.5, 4: 0.3}, [1, 4, 7, 8])
    second = near({5: 0.7, 3: 0.5, 2: 0.1}, [2, 3, 5])

    merged = first.merged(second, besides=[4, 8], limit=4)

    # 1 and 3 are as near; 2 and 4 are farther, and the vector of 4 is asked for all the same.
    assert list(merged.cosine_by_chunk.items()) == [(7, 0.9), (5, 0.7), (1, 0.5), (3, 0.5)]
    assert merged.vectors.chunk_ids == (1, 3, 4, 5, 7, 8)
    assert merged.vectors.rows[:, 0].tolist() == [1, 3, 4, 5, 7, 8]


def test_nothing_changes_by_nothing() -> None:
    some = near({7: 0.9}, [1, 7])
    nothing = near({}, [])

    for merged in (
        some.merged(nothing, besides=[1], limit=4),
        nothing.merged(some, besides=[1], limit=4),
    ):
        assert merged.cosine_by_chunk == {7: 0.9}
        assert merged.vectors.chunk_ids == (1, 7)
