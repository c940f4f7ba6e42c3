"""Who asks: the key in the header, and the principals it may take on."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from app.identity import (
    MAX_KEY_LENGTH,
    ApiKeys,
    Authenticator,
    Caller,
    bearer_key,
    recognise,
    require_scope,
)
from kb.errors import (
    ActingForOthersNotAllowed,
    CredentialInvalid,
    CredentialMissing,
    InvalidPrincipal,
    ScopeMissing,
)
from kb.ids import TenantId
from kb.postgres.database import Database
from kb.principals import MAX_PRINCIPALS
from kb.store.choices import Scope
from kb.store.credentials import NewKey, create_key
from kb.store.tables import credentials
from kb.store.tenants import create_tenant
from tests.fakes.authenticators import FakeAuthenticator

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEARCH: tuple[Scope, ...] = ("search",)
ACTING: tuple[Scope, ...] = ("search", "act_as")


@pytest.fixture(scope="module")
async def tenant_id(database: Database) -> TenantId:
    async with database.system() as system:
        return (await create_tenant(system, f"auth {uuid4()}")).id


async def new_key(
    database: Database,
    tenant_id: TenantId,
    *principals: str,
    scopes: tuple[Scope, ...] = SEARCH,
    expires_at: datetime | None = None,
) -> NewKey:
    async with database.system() as system:
        return await create_key(
            system, tenant_id, scopes=scopes, principals=principals, expires_at=expires_at
        )


async def caller_of(
    database: Database, key: str, *, acting: str | None = None, now: datetime = NOW
) -> Caller:
    return await recognise(
        ApiKeys(database=database),
        authorization=f"Bearer {key}",
        acting_principals=acting,
        request_id="request",
        now=now,
    )


@pytest.fixture(params=["API keys", "fake"])
async def let_in(
    request: pytest.FixtureRequest, database: Database, tenant_id: TenantId
) -> tuple[Authenticator, str]:
    """An authenticator, and the header of somebody it knows."""
    if request.param == "fake":
        fake = FakeAuthenticator()
        fake.let_in("ana", tenant_id, "user:ana")
        return fake, "Bearer ana"
    return ApiKeys(database=database), f"Bearer {(await new_key(database, tenant_id)).key}"


async def test_an_authenticator_knows_a_subject_again(
    let_in: tuple[Authenticator, str], tenant_id: TenantId
) -> None:
    authenticator, header = let_in

    first = await authenticator.authenticate(header, now=NOW)
    second = await authenticator.authenticate(header, now=NOW)

    assert first == second
    assert first.tenant_id == tenant_id
    assert re.fullmatch(r"[a-z]+:.+", first.subject)
    assert "tenant:*" in first.principals


@pytest.mark.parametrize("header", [None, "", "Bearer ", "Basic ana"])
async def test_an_authenticator_misses_what_it_cannot_read(
    let_in: tuple[Authenticator, str], header: str | None
) -> None:
    with pytest.raises(CredentialMissing):
        await let_in[0].authenticate(header, now=NOW)


async def test_an_authenticator_refuses_strangers(let_in: tuple[Authenticator, str]) -> None:
    with pytest.raises(CredentialInvalid):
        await let_in[0].authenticate("Bearer mallory", now=NOW)


async def last_used(database: Database, key: NewKey) -> datetime | None:
    query = select(credentials.c.last_used_at).where(credentials.c.id == key.id)
    async with database.system() as system:
        used: datetime | None = (await system.connection.execute(query)).scalar_one()
        return used


@pytest.mark.parametrize("header", ["Bearer fn_1_2", "bearer fn_1_2", "BEARER   fn_1_2  "])
def test_the_key_stands_behind_the_scheme(header: str) -> None:
    assert bearer_key(header) == "fn_1_2"


@pytest.mark.parametrize(
    "header", [None, "", " ", "Bearer", "Bearer ", "Basic fn_1_2", "fn_1_2", "Token fn_1_2"]
)
def test_anything_else_is_no_key(header: str | None) -> None:
    with pytest.raises(CredentialMissing):
        bearer_key(header)


def test_an_endless_key_is_not_looked_up() -> None:
    with pytest.raises(CredentialInvalid):
        bearer_key(f"Bearer {'x' * (MAX_KEY_LENGTH + 1)}")


async def test_a_key_has_its_principals_and_those_of_every_member(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id, "user:ana", "group:hr")

    caller = await caller_of(database, key.key)

    assert caller.principals == ("group:hr", "tenant:*", "user:ana")
    assert (caller.tenant_id, caller.subject) == (tenant_id, f"key:{key.id}")
    assert caller.identity.scopes == {"search"}


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1],
        lambda key: f"{key}x",
        lambda key: key[:-1] + ("x" if key[-1] != "x" else "y"),
        lambda key: key.upper(),
        lambda key: key.rsplit("_", 1)[0],
        lambda key: "fn_" + "0" * 12 + key[15:],
        lambda _: "fn",
        lambda _: "_",
        lambda _: "fn_%_x",
        lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.",
    ],
)
async def test_a_key_that_was_never_made_is_refused(
    database: Database, tenant_id: TenantId, change: Callable[[str], str]
) -> None:
    key = await new_key(database, tenant_id)

    with pytest.raises(CredentialInvalid):
        await caller_of(database, change(key.key))


async def test_a_secret_belongs_to_its_own_prefix(database: Database, tenant_id: TenantId) -> None:
    one, other = await new_key(database, tenant_id), await new_key(database, tenant_id)
    secret = other.key.removeprefix(f"{other.prefix}_")

    with pytest.raises(CredentialInvalid):
        await caller_of(database, f"{one.prefix}_{secret}")


async def test_a_key_ends_at_its_moment(database: Database, tenant_id: TenantId) -> None:
    key = await new_key(database, tenant_id, expires_at=NOW)

    caller = await caller_of(database, key.key, now=NOW - timedelta(microseconds=1))
    assert caller.subject == f"key:{key.id}"
    with pytest.raises(CredentialInvalid):
        await caller_of(database, key.key, now=NOW)


async def test_a_revoked_key_is_refused(database: Database, tenant_id: TenantId) -> None:
    key = await new_key(database, tenant_id)
    assert (await caller_of(database, key.key)).subject == f"key:{key.id}"
    revoke = update(credentials).where(credentials.c.id == key.id).values(revoked_at=NOW)
    async with database.system() as system:
        await system.connection.execute(revoke)

    with pytest.raises(CredentialInvalid):
        await caller_of(database, key.key)


async def test_only_a_hash_of_the_key_is_stored(database: Database, tenant_id: TenantId) -> None:
    key = await new_key(database, tenant_id)
    secret = key.key.removeprefix(f"{key.prefix}_")
    async with database.system() as system:
        query = select(credentials).where(credentials.c.id == key.id)
        stored = repr((await system.connection.execute(query)).one())

    assert key.prefix in stored
    assert secret not in stored


async def test_the_last_use_is_remembered_to_the_minute(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id)
    assert await last_used(database, key) is None

    await caller_of(database, key.key, now=NOW)
    await caller_of(database, key.key, now=NOW + timedelta(seconds=59))
    assert await last_used(database, key) == NOW

    await caller_of(database, key.key, now=NOW + timedelta(seconds=61))
    assert await last_used(database, key) == NOW + timedelta(seconds=61)


async def test_a_refused_key_is_not_used(database: Database, tenant_id: TenantId) -> None:
    key = await new_key(database, tenant_id, expires_at=NOW)

    with pytest.raises(CredentialInvalid):
        await caller_of(database, key.key)

    assert await last_used(database, key) is None


@pytest.mark.parametrize(
    ("acting", "principals"),
    [
        ("user:ana", ("tenant:*", "user:ana")),
        ("user:ana,group:hr", ("group:hr", "tenant:*", "user:ana")),
        (" user:ana ,, user:ana ,", ("tenant:*", "user:ana")),
        ("", ("tenant:*",)),
        (" , ", ("tenant:*",)),
        ("tenant:*", ("tenant:*",)),
    ],
)
async def test_who_acts_for_others_reads_as_they_may_only(
    database: Database, tenant_id: TenantId, acting: str, principals: tuple[str, ...]
) -> None:
    key = await new_key(database, tenant_id, "group:board", scopes=ACTING)

    caller = await caller_of(database, key.key, acting=acting)

    assert caller.principals == principals


async def test_without_the_header_it_reads_with_its_own(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id, "group:board", scopes=ACTING)

    assert (await caller_of(database, key.key)).principals == ("group:board", "tenant:*")


@pytest.mark.parametrize("acting", ["user:ana", "", "nonsense"])
async def test_acting_for_others_needs_its_scope(
    database: Database, tenant_id: TenantId, acting: str
) -> None:
    key = await new_key(database, tenant_id, "user:ana")

    with pytest.raises(ActingForOthersNotAllowed):
        await caller_of(database, key.key, acting=acting)


@pytest.mark.parametrize("acting", ["ana", "user:", "USER:ana", "user:ana hr", "user:a\x00b"])
async def test_what_it_acts_for_must_be_principals(
    database: Database, tenant_id: TenantId, acting: str
) -> None:
    key = await new_key(database, tenant_id, scopes=ACTING)

    with pytest.raises(InvalidPrincipal):
        await caller_of(database, key.key, acting=acting)


async def test_nobody_is_in_more_groups_than_can_be_checked(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id, scopes=ACTING)
    groups = [f"group:{number}" for number in range(MAX_PRINCIPALS + 1)]

    caller = await caller_of(database, key.key, acting=",".join(groups[:-1]))
    assert len(caller.principals) == MAX_PRINCIPALS + 1
    with pytest.raises(InvalidPrincipal):
        await caller_of(database, key.key, acting=",".join(groups))


async def test_a_scope_of_several_is_enough(database: Database, tenant_id: TenantId) -> None:
    caller = await caller_of(database, (await new_key(database, tenant_id)).key)

    require_scope(caller, ("answers", "search"))
    with pytest.raises(ScopeMissing, match="'answers' or 'admin'"):
        require_scope(caller, ("answers", "admin"))


async def test_an_uploader_is_a_key_and_the_viewer_it_is(
    database: Database, tenant_id: TenantId
) -> None:
    key = await new_key(database, tenant_id, scopes=ACTING)
    second = await new_key(database, tenant_id, scopes=ACTING)

    owners = {
        (await caller_of(database, each.key, acting=acting)).owner
        for each in (key, second)
        for acting in ("user:ana", "user:bo", "")
    }

    assert len(owners) == 6


async def test_only_managing_viewers_see_what_the_caller_uploaded(
    database: Database, tenant_id: TenantId
) -> None:
    caller = await caller_of(database, (await new_key(database, tenant_id, "user:ana")).key)

    assert caller.viewer.owner == ""
    assert caller.managing_viewer.owner == caller.owner
    assert caller.viewer.principals == caller.managing_viewer.principals == caller.principals
    assert caller.actor.name == caller.owner
