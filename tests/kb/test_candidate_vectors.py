"""Stored vectors of some chunks, for those who may see them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from kb.candidate_vectors import read_candidate_vectors
from kb.database import Database, Eyes
from kb.spaces import Space, ensure_space
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
    eyes = Eyes(principals=(ALL,))

    async with stored.database.tenant(stored.rows.tenant_id, eyes=eyes) as scope:
        found = await read_candidate_vectors(scope, SPACE, [*reversed(ids), max(ids) + 10_000])

    visible = [number for number in range(10) if number % 5]
    assert found.chunk_ids == tuple(sorted(ids[number] for number in visible))
    expected = stored.rows.vectors[np.argsort(ids)][np.isin(sorted(ids), found.chunk_ids)]
    assert found.rows == pytest.approx(expected, abs=HALF_PRECISION)
    assert np.linalg.norm(found.rows, axis=1) == pytest.approx(np.ones(len(visible)))
    assert found.rows.dtype == np.float32


async def test_nothing_asked_for_is_nothing_found(stored: Stored) -> None:
    async with stored.database.tenant(stored.rows.tenant_id, eyes=None) as scope:
        found = await read_candidate_vectors(scope, SPACE, [])

    assert found.chunk_ids == ()
    assert found.rows.shape == (0, SPACE.dimension)


@pytest.mark.parametrize("eyes", [None, Eyes(principals=(ALL, FEW)), Eyes(principals=())])
async def test_another_tenants_chunks_have_no_vector(stored: Stored, eyes: Eyes | None) -> None:
    asked = [int(each) for each in stored.others.chunk_ids]

    async with stored.database.tenant(stored.rows.tenant_id, eyes=eyes) as scope:
        found = await read_candidate_vectors(scope, SPACE, asked)

    assert found.chunk_ids == ()
    assert found.rows.shape == (0, SPACE.dimension)
