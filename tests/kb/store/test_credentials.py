"""API keys: shown once, stored as a hash, refused once expired or revoked."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import sql
from sqlalchemy import Row, text

from footnote.on_database import open_database
from kb.errors import CredentialInvalid, InvalidInput, InvalidPrincipal
from kb.ids import TenantId, new_uuid
from kb.postgres.connecting import AT_ONCE_CONNECTIONS
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.credentials import NewKey, authenticate, create_key
from kb.store.tenants import create_tenant

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
async def tenant_id(database: Database) -> TenantId:
    async with database.system() as system:
        return (await create_tenant(system, f"test {new_uuid()}")).id


async def new_key(
    database: Database,
    tenant_id: TenantId,
    *,
    principals: tuple[str, ...] = (),
    expires_at: datetime | None = None,
) -> NewKey:
    async with database.system() as system:
        return await create_key(
            system, tenant_id, scopes=["search"], principals=principals, expires_at=expires_at
        )


async def stored(database: Database, key: NewKey) -> Row[tuple[object, ...]]:
    async with database.system() as system:
        query = text("SELECT * FROM credentials WHERE id = :id")
        return (await system.connection.execute(query, {"id": key.id})).one()


async def use(database: Database, key: str, now: datetime = NOW) -> tuple[str, ...]:
    return (await authenticate(database, key, now=now)).principals


async def test_only_a_hash_of_the_key_is_stored(database: Database, tenant_id: TenantId) -> None:
    key = await new_key(database, tenant_id)

    row = await stored(database, key)

    assert row.secret_sha256 == hashlib.sha256(key.key.encode()).hexdigest()
    assert row.prefix == key.prefix
    secret = key.key.removeprefix(f"{key.prefix}_")
    assert len(secret) >= 43
    assert not any(secret in str(value) for value in row)


async def test_a_key_begins_with_its_prefix_and_is_like_no_other(
    database: Database, tenant_id: TenantId
) -> None:
    keys = [await new_key(database, tenant_id) for _ in range(3)]

    assert all(key.key.startswith(f"{key.prefix}_") for key in keys)
    assert all(key.prefix.startswith("fn_") for key in keys)
    assert len({key.prefix for key in keys}) == 3
    assert len({key.key for key in keys}) == 3


async def test_a_key_names_its_tenant_its_scopes_and_its_principals(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id, principals=("user:ana", "group:hr", "user:ana"))

    credential = await authenticate(database, key.key, now=NOW)

    assert (credential.id, credential.tenant_id) == (key.id, tenant_id)
    assert credential.scopes == {"search"}
    assert credential.principals == ("group:hr", "tenant:*", "user:ana")


async def test_a_key_that_is_not_the_right_one_is_refused(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id)
    other = await new_key(database, tenant_id)
    secret = key.key.removeprefix(key.prefix)
    wrong_keys = [
        "",
        "_",
        "fn__",
        key.prefix,
        f"{key.prefix}_",
        key.key[:-1],
        f"{key.key}x",
        f"{other.prefix}{secret}",
        f"fn_000000000000{secret}",
        hashlib.sha256(key.key.encode()).hexdigest(),
        f"{key.prefix}_\N{SNOWMAN}",
    ]

    for wrong in wrong_keys:
        with pytest.raises(CredentialInvalid):
            await use(database, wrong)


async def test_a_key_is_refused_from_the_moment_it_expires(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id, expires_at=NOW)

    assert await use(database, key.key, NOW - timedelta(seconds=1)) == ("tenant:*",)
    with pytest.raises(CredentialInvalid):
        await use(database, key.key, NOW)


async def test_a_revoked_key_is_refused(database: Database, tenant_id: TenantId) -> None:
    key = await new_key(database, tenant_id)
    async with database.system() as system:
        statement = text("UPDATE credentials SET revoked_at = now() WHERE id = :id")
        await system.connection.execute(statement, {"id": key.id})

    with pytest.raises(CredentialInvalid):
        await use(database, key.key)


async def test_the_last_use_is_remembered_to_the_minute(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id)
    assert (await stored(database, key)).last_used_at is None

    seen = []
    for seconds in (0, 30, 61):
        await use(database, key.key, NOW + timedelta(seconds=seconds))
        seen.append((await stored(database, key)).last_used_at)

    assert seen == [NOW, NOW, NOW + timedelta(seconds=61)]


async def test_a_refused_use_is_not_remembered(database: Database, tenant_id: TenantId) -> None:
    key = await new_key(database, tenant_id)

    with pytest.raises(CredentialInvalid):
        await use(database, f"{key.prefix}_wrong")

    assert (await stored(database, key)).last_used_at is None


@pytest.mark.parametrize("scopes", [[], ["everything"], ["search", "Search"]])
async def test_an_unknown_scope_is_refused(
    database: Database, tenant_id: TenantId, scopes: list[str]
) -> None:
    async with database.system() as system:
        with pytest.raises(InvalidInput):
            await create_key(system, tenant_id, scopes=scopes, principals=[], expires_at=None)


async def test_a_malformed_principal_is_refused(database: Database, tenant_id: TenantId) -> None:
    with pytest.raises(InvalidPrincipal):
        await new_key(database, tenant_id, principals=("everybody",))


async def test_a_key_is_looked_at_by_the_pool_when_the_few_connections_are_taken(
    settings: Settings, database_url: str, database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id)
    async with open_database(settings, database_url) as busy:
        taken = [
            asyncio.create_task(busy.fetch_at_once(sql.SQL("SELECT pg_sleep(%s)"), (5,)))
            for _ in range(AT_ONCE_CONNECTIONS)
        ]
        await use(busy, key.key)

        assert not any(each.done() for each in taken)
        for each in taken:
            each.cancel()
        await asyncio.gather(*taken, return_exceptions=True)
