"""Tenants: list them, delete one with all it has, and rules of its collections."""

import asyncio
from typing import Annotated

import typer

from footnote.commands.admin import COMMAND_LINE, chosen_tenants, on_database, on_tenant
from footnote.compose import utc_now
from footnote.output import JsonOption, TenantOption, console, print_json
from footnote.receipt_file import tenant_receipt
from kb.errors import InvalidInput
from kb.files import FileStore
from kb.ids import TenantId
from kb.index.lexical.open_indexes import OpenIndexes
from kb.postgres.database import Database, TenantSession
from kb.settings import Settings
from kb.store.api_processes import tenant_purged_everywhere
from kb.store.audit import record_event
from kb.store.choices import MAX_RETENTION_DAYS
from kb.store.collections import CollectionRule, list_collections, set_retention
from kb.store.signing_keys import signing_key
from kb.store.tenant_deletion import complete_tenant_deletion, delete_tenant, get_tenant_deletion
from kb.store.tenants import Tenant, tenant_by_name

PAGE = 1_000

PURGE_PATIENCE_SECONDS = 30
"""Processes of the API look every second."""


def list_all(as_json: JsonOption = False) -> None:
    """List the tenants by name."""
    tenants = on_database(Settings(), lambda database: chosen_tenants(database, None))
    if as_json:
        print_json([{"id": str(tenant.id), "name": tenant.name} for tenant in tenants])
    else:
        for tenant in tenants:
            console.print(f"{tenant.name} ({tenant.id})")


def delete(
    name: Annotated[str, typer.Argument(help="Name of the tenant.")],
    is_confirmed: Annotated[
        bool, typer.Option("--yes", help="Do not ask for the name again.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a tenant with everything that it has, and print the signed receipt."""
    settings = Settings()

    async def look_up(database: Database) -> Tenant:
        async with database.system() as system:
            return await tenant_by_name(system, name)

    tenant = on_database(settings, look_up)
    if not is_confirmed:
        again = typer.prompt(f"This deletes all that {name!r} has. Type its name again", err=True)
        if again != name:
            raise InvalidInput("The names differ: nothing was deleted.")

    async def act(database: Database) -> dict[str, object]:
        return await _delete(settings, database, tenant)

    receipt = on_database(settings, act)
    if as_json:
        print_json(receipt)
    else:
        console.print(f"Deleted the tenant {name!r}. The receipt:")
        print_json(receipt)


async def _delete(settings: Settings, database: Database, tenant: Tenant) -> dict[str, object]:
    files = FileStore(settings.effective_file_store_url)
    async with database.system() as system:
        # Before: a deletion that cannot be told of is not begun.
        key = await signing_key(system)
    file_count = len(await files.stored(tenant.id))
    async with database.tenant(tenant.id, viewer=None) as scope:
        await delete_tenant(scope, files=file_count, now=utc_now())
    await files.delete_all(tenant.id)
    # Of commands that searched here; processes of the API remove what they have.
    OpenIndexes(settings.home_path / "lexical").remove(tenant.id)
    await _wait_until_purged(database, tenant.id)
    async with database.system() as system:
        return tenant_receipt(await get_tenant_deletion(system, tenant.id), key)


async def _wait_until_purged(database: Database, tenant_id: TenantId) -> None:
    """Returns when nobody has a copy left, or after some patience: the receipt says which."""
    for _ in range(PURGE_PATIENCE_SECONDS * 2):
        async with database.system() as system:
            purged = await tenant_purged_everywhere(system, tenant_id)
            await complete_tenant_deletion(system, tenant_id, purged, now=utc_now())
        if purged.generation:
            return
        await asyncio.sleep(0.5)


def retention(
    collection: Annotated[str, typer.Argument(help="Name of the collection.")],
    tenant: TenantOption,
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_RETENTION_DAYS,
            help="Days after the last upload; unset with --keep: for ever.",
        ),
    ] = None,
    is_kept: Annotated[
        bool, typer.Option("--keep", help="Keep its documents for ever again.")
    ] = False,
) -> None:
    """Delete a collection's documents some days after their last upload, every night."""
    if (days is None) != is_kept:
        raise InvalidInput("Say either --days N or --keep.")

    async def act(scope: TenantSession) -> None:
        await set_retention(scope, collection, days=days)
        await record_event(
            scope, COMMAND_LINE, "collection.retention", collection, {"days": days or 0}
        )

    on_tenant(Settings(), tenant, act)
    kept = "for ever" if days is None else f"for {days} days after their last upload"
    console.print(f"Documents in {collection!r} are kept {kept}.")


def collections(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List a tenant's collections, and for how long their documents are kept."""

    async def act(scope: TenantSession) -> list[CollectionRule]:
        found: list[CollectionRule] = []
        while True:
            after = found[-1].name if found else ""
            page = await list_collections(scope, after=after, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found

    found = on_tenant(Settings(), tenant, act)
    if as_json:
        print_json([{"name": each.name, "retention_days": each.retention_days} for each in found])
    else:
        for each in found:
            kept = "for ever" if each.retention_days is None else f"{each.retention_days} days"
            console.print(f"{each.name}: {kept}")
