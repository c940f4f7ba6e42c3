"""Tenants, keys and the schema."""

from datetime import timedelta
from typing import Annotated

import typer

from footnote.output import JsonOption, PrincipalsOption, TenantOption, console, print_json
from kb.store.choices import SCOPES


def create_tenant(
    name: Annotated[str, typer.Argument(help="Name of the new tenant.")],
    as_json: JsonOption = False,
) -> None:
    """Create a tenant."""
    from footnote.on_database import COMMAND_LINE, on_database
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.audit import record_system_event
    from kb.store.tenants import Tenant
    from kb.store.tenants import create_tenant as store_tenant

    async def act(database: Database) -> Tenant:
        async with database.system() as system:
            tenant = await store_tenant(system, name)
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
    from footnote.on_database import COMMAND_LINE, on_database, utc_now
    from kb.postgres.database import Database
    from kb.principals import split_principals
    from kb.settings import Settings
    from kb.store.audit import record_system_event
    from kb.store.credentials import NewKey
    from kb.store.credentials import create_key as store_key
    from kb.store.tenants import tenant_by_name

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    if act_as:
        wanted.append("act_as")

    async def act(database: Database) -> NewKey:
        async with database.system() as system:
            owner = await tenant_by_name(system, tenant)
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
        console.print(f"Key {key.prefix}, shown only now:")
        console.print(key.key)


def revoke_key(
    prefix: Annotated[str, typer.Argument(help="The key's prefix, such as fn_1a2b3c4d5e6f.")],
    tenant: TenantOption,
) -> None:
    """Revoke an API key; requests with it are refused from now on."""
    from footnote.on_database import COMMAND_LINE, on_database, utc_now
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.audit import record_system_event
    from kb.store.credentials import revoke_key as revoke_stored_key
    from kb.store.tenants import tenant_by_name

    async def act(database: Database) -> None:
        async with database.system() as system:
            owner = await tenant_by_name(system, tenant)
            key_id = await revoke_stored_key(system, owner.id, prefix, now=utc_now())
            await record_system_event(system, owner.id, COMMAND_LINE, "key.revoke", str(key_id))

    on_database(Settings(), act)
    console.print(f"Revoked the key {prefix}.")


def prune_database(as_json: JsonOption = False) -> None:
    """Forget now what a worker would forget by night."""
    from footnote.on_database import on_database
    from footnote.worker_tools import build_upkeep
    from ingest.upkeep import prune
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.telemetry import Metrics

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
    from kb.postgres.embedded_postgres import database_url
    from kb.settings import Settings
    from migrations.run import upgrade

    settings = Settings()
    with database_url(settings) as url:
        upgrade(url)
    console.print("The schema is up to date.")
