"""Tenants, keys and the schema."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from footnote.compose import open_database, utc_now
from footnote.output import JsonOption, PrincipalsOption, TenantOption, console, print_json
from footnote.worker_tools import build_upkeep
from ingest.upkeep import prune
from kb.postgres.database import Database, TenantSession, retried
from kb.postgres.embedded_postgres import database_url
from kb.principals import split_principals
from kb.settings import Settings
from kb.store import tenants
from kb.store.audit import Actor, record_system_event
from kb.store.choices import SCOPES
from kb.store.credentials import NewKey
from kb.store.credentials import create_key as store_key
from kb.store.credentials import revoke_key as revoke_stored_key
from kb.store.tenants import Tenant
from kb.telemetry import Metrics
from migrations.run import upgrade

T = TypeVar("T")

COMMAND_LINE = Actor(name="command line", principals=(), request_id=None, is_admin=True)


def on_database(settings: Settings, act: Callable[[Database], Awaitable[T]]) -> T:
    """The result of `act`, after the schema of an embedded Postgres is brought up to date."""
    with database_url(settings) as url:
        if settings.database_url is None:
            upgrade(url)
        return asyncio.run(_run(settings, url, act))


async def _run(settings: Settings, url: str, act: Callable[[Database], Awaitable[T]]) -> T:
    async with open_database(settings, url) as database:
        return await act(database)


def on_tenant(settings: Settings, name: str, act: Callable[[TenantSession], Awaitable[T]]) -> T:
    """The result of `act` in a transaction on the whole tenant; tried again after a conflict."""

    async def on_its_rows(database: Database) -> T:
        async with database.system() as system:
            owner = await tenants.tenant_by_name(system, name)

        async def transaction() -> T:
            async with database.tenant(owner.id, viewer=None) as scope:
                return await act(scope)

        return await retried(transaction)

    return on_database(settings, on_its_rows)


async def chosen_tenants(database: Database, name: str | None) -> list[Tenant]:
    """The tenant of this name; None: all tenants, by name."""
    async with database.system() as system:
        if name is None:
            return await tenants.list_tenants(system)
        return [await tenants.tenant_by_name(system, name)]


def create_tenant(
    name: Annotated[str, typer.Argument(help="Name of the new tenant.")],
    as_json: JsonOption = False,
) -> None:
    """Create a tenant."""

    async def act(database: Database) -> Tenant:
        async with database.system() as system:
            tenant = await tenants.create_tenant(system, name)
            await record_system_event(
                system, tenant.id, COMMAND_LINE, "tenant.create", str(tenant.id)
            )
            return tenant

    tenant = on_database(Settings(), act)
    if as_json:
        print_json({"id": str(tenant.id), "name": tenant.name})
    else:
        console.print(f"Created the tenant {tenant.name!r} ({tenant.id}).")


def create_key(
    tenant: TenantOption,
    scopes: Annotated[
        str, typer.Option(help=f"Comma-separated: {', '.join(SCOPES)}.")
    ] = "documents:write,documents:read,search,answers,feedback",
    principals: PrincipalsOption = None,
    act_as: Annotated[
        bool,
        typer.Option("--act-as", help="The key may ask for others (Footnote-Principals)."),
    ] = False,
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, help="Days the key is valid; unset: for ever.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create an API key; it is shown once and only its hash is stored."""
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    if act_as:
        wanted.append("act_as")

    async def act(database: Database) -> NewKey:
        async with database.system() as system:
            owner = await tenants.tenant_by_name(system, tenant)
            key = await store_key(
                system,
                owner.id,
                scopes=wanted,
                principals=split_principals(principals or ""),
                expires_at=utc_now() + timedelta(days=expires_in_days) if expires_in_days else None,
            )
            await record_system_event(system, owner.id, COMMAND_LINE, "key.create", str(key.id))
            return key

    key = on_database(Settings(), act)
    if as_json:
        print_json({"id": str(key.id), "prefix": key.prefix, "key": key.key})
    else:
        console.print(f"Key {key.prefix}, shown only now:\n{key.key}")


def revoke_key(
    prefix: Annotated[str, typer.Argument(help="The key's prefix, such as fn_1a2b3c4d5e6f.")],
    tenant: TenantOption,
) -> None:
    """Revoke an API key; requests with it are refused from now on."""

    async def act(database: Database) -> None:
        async with database.system() as system:
            owner = await tenants.tenant_by_name(system, tenant)
            key_id = await revoke_stored_key(system, owner.id, prefix, now=utc_now())
            await record_system_event(system, owner.id, COMMAND_LINE, "key.revoke", str(key_id))

    on_database(Settings(), act)
    console.print(f"Revoked the key {prefix}.")


def create_demo_key(home: Path, tenant_name: str) -> str:
    """The key of a new tenant below this home that may do everything and ask for everybody."""

    async def act(database: Database) -> str:
        async with database.system() as system:
            tenant = await tenants.create_tenant(system, tenant_name)
            key = await store_key(system, tenant.id, scopes=SCOPES, principals=[], expires_at=None)
            return key.key

    return on_database(Settings(home=home), act)


def prune_database(as_json: JsonOption = False) -> None:
    """Forget now what a worker would forget by night."""
    settings = Settings()

    async def act(database: Database) -> dict[str, int]:
        return await prune(build_upkeep(settings, database, Metrics()))

    pruned = on_database(settings, act)
    if as_json:
        print_json(pruned)
    else:
        for kind, count in pruned.items():
            console.print(f"{kind}: {count}")


def upgrade_database() -> None:
    """Bring the database schema up to date."""
    settings = Settings()
    with database_url(settings) as url:
        upgrade(url)
    console.print("The schema is up to date.")
