"""Embedding spaces: one is current, and none is left with vectors in it."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator

import numpy as np
import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from kb.errors import Misconfigured
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database
from kb.postgres.row_security import probe_row_security
from kb.store.spaces import Space, all_spaces, current_space, ensure_space, space_for, vectors_table
from kb.unit_vectors import UNVERSIONED
from migrations.run import upgrade
from tests.architecture.databases import empty_database, values
from tests.tenancy.rows import insert_rows

FIRST = Space(name="first", model="model-a", revision="1", dimension=3)
SECOND = Space(name="second", model="model-b", revision="1", dimension=4)

TABLES = "SELECT relname FROM pg_class WHERE relname LIKE 'vectors_%' AND relkind = 'r'"


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """A database with the schema and no space."""
    with empty_database(database_url) as url:
        upgrade(url)
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, pool_size=4)
    yield database
    await database.close()


async def current(database: Database) -> Space | None:
    async with database.system() as system:
        return await current_space(system)


@pytest.mark.parametrize(
    ("model", "revision", "name"),
    [
        ("all-MiniLM-L6-v2", "1110a243fdf4706b", "all_minilm_l6_v2_1110a243"),
        ("BAAI/bge-m3", "5617a9f61b028005", "bge_m3_5617a9f6"),
        ("/models/Our Own.model", "ABCDEF0123", "our_own_model_abcdef01"),
        ("x" * 80, "0" * 40, f"{'x' * 24}_{'0' * 8}"),
    ],
)
def test_a_space_is_named_after_model_and_revision(model: str, revision: str, name: str) -> None:
    space = space_for(model=model, revision=revision, dimension=384)

    assert (space.name, space.dimension) == (name, 384)
    assert vectors_table(space).name == f"vectors_{name}"


@pytest.mark.parametrize("revision", ["1; DROP", "é", 'a"b', "a b"])
def test_a_name_that_is_no_table_name_is_refused(revision: str) -> None:
    with pytest.raises(ValueError, match="cannot name a table"):
        space_for(model="model", revision=revision, dimension=384)


async def test_before_the_first_start_there_is_no_space(database: Database) -> None:
    assert await current(database) is None


async def test_a_new_space_is_made_protected_and_current(database: Database, url: str) -> None:
    await ensure_space(database, FIRST)

    assert await current(database) == FIRST
    assert values(url, TABLES) == {"vectors_first"}
    await probe_row_security(database)


async def test_a_space_that_is_current_is_left_alone(database: Database, url: str) -> None:
    await ensure_space(database, FIRST)
    insert_rows(url, FIRST, np.eye(3, dtype=np.float32), [["tenant:*"]] * 3, document_count=1)

    await ensure_space(database, FIRST)

    assert await current(database) == FIRST


async def test_processes_that_start_together_make_one_table(database: Database, url: str) -> None:
    await asyncio.gather(*(ensure_space(database, FIRST) for _ in range(4)))

    assert values(url, TABLES) == {"vectors_first"}
    assert values(url, "SELECT count(*) FROM embedding_spaces") == {"1"}


async def test_another_model_takes_over_while_nothing_is_stored(
    database: Database, url: str
) -> None:
    await ensure_space(database, FIRST)

    await ensure_space(database, SECOND)
    assert await current(database) == SECOND

    await ensure_space(database, FIRST)
    assert await current(database) == FIRST
    assert values(url, TABLES) == {"vectors_first", "vectors_second"}
    await probe_row_security(database)


async def test_another_model_is_refused_once_vectors_are_stored(
    database: Database, url: str
) -> None:
    await ensure_space(database, FIRST)
    rows = insert_rows(
        url, FIRST, np.eye(3, dtype=np.float32), [["group:hr"]] * 3, document_count=1
    )

    with pytest.raises(Misconfigured, match=r"model-a.*FOOTNOTE_EMBEDDING_MODEL"):
        await ensure_space(database, SECOND)

    assert await current(database) == FIRST
    assert values(url, TABLES) == {"vectors_first"}
    # Looking for vectors has not left the table open.
    await probe_row_security(database)
    async with database.tenant(rows.tenant_id, viewer=None) as scope:
        assert await all_spaces(scope) == [FIRST]


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(FIRST, revision="2"),
        dataclasses.replace(FIRST, dimension=4),
    ],
    ids=["revision", "dimension"],
)
@pytest.mark.parametrize("is_current", [True, False])
async def test_a_model_is_refused_whose_space_has_the_name_of_another_ones(
    database: Database, other: Space, *, is_current: bool
) -> None:
    await ensure_space(database, FIRST)
    if not is_current:
        await ensure_space(database, SECOND)

    with pytest.raises(Misconfigured, match=r"'first'.*'model-a'.*FOOTNOTE_EMBEDDING_MODEL"):
        await ensure_space(database, other)

    assert await current(database) == (FIRST if is_current else SECOND)


async def test_a_model_whose_weights_are_known_may_move(database: Database) -> None:
    await ensure_space(database, FIRST)

    await ensure_space(database, dataclasses.replace(FIRST, model="elsewhere/model-a"))

    assert await current(database) == FIRST


async def test_a_model_whose_weights_are_not_known_may_not_move(database: Database) -> None:
    nameless = dataclasses.replace(FIRST, revision=UNVERSIONED)
    await ensure_space(database, nameless)

    with pytest.raises(Misconfigured, match="FOOTNOTE_EMBEDDING_MODEL"):
        await ensure_space(database, dataclasses.replace(nameless, model="elsewhere/model-a"))


async def test_a_vector_of_another_length_is_refused(database: Database, url: str) -> None:
    await ensure_space(database, FIRST)

    with pytest.raises(psycopg.errors.DataException, match="expected 3 dimensions"):
        insert_rows(url, FIRST, np.eye(4, dtype=np.float32), [["tenant:*"]] * 4, document_count=1)


async def test_only_one_space_can_be_current(database: Database) -> None:
    await ensure_space(database, FIRST)
    await ensure_space(database, SECOND)

    async with database.owner() as connection:
        with pytest.raises(DBAPIError, match="embedding_spaces_current"):
            await connection.exec_driver_sql("UPDATE embedding_spaces SET is_current = true")


async def test_vectors_go_with_their_tenant(database: Database, url: str) -> None:
    await ensure_space(database, FIRST)
    rows = insert_rows(
        url, FIRST, np.eye(3, dtype=np.float32), [["tenant:*"]] * 3, document_count=1
    )

    with psycopg.connect(conninfo(url)) as connection:
        connection.execute("SET ROLE footnote_system")
        connection.execute("DELETE FROM tenants WHERE id = %s", [rows.tenant_id])

    async with database.tenant(rows.tenant_id, viewer=None) as scope:
        left = await scope.connection.execute(vectors_table(FIRST).select())
        assert left.all() == []
