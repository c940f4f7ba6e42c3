"""Tenants: list them, delete one with all it has, and rules of its collections."""

from typing import Annotated

import typer

from footnote.output import JsonOption, TenantOption, console, print_json
from kb.errors import InvalidInput
from kb.store.choices import MAX_RETENTION_DAYS

PAGE = 1_000


def list_all(as_json: JsonOption = False) -> None:
    """List the tenants by name."""
    from footnote.on_database import chosen_tenants, on_database
    from kb.settings import Settings

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
    from footnote.deleted_tenant import delete_with_all
    from footnote.on_database import on_database
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.tenants import Tenant, tenant_by_name

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
        return await delete_with_all(settings, database, tenant)

    receipt = on_database(settings, act)
    if as_json:
        print_json(receipt)
    else:
        console.print(f"Deleted the tenant {name!r}. The receipt:")
        print_json(receipt)


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
    from footnote.on_database import COMMAND_LINE, on_tenant
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.audit import record_event
    from kb.store.collections import set_retention

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
    from footnote.on_database import on_tenant
    from kb.postgres.database import TenantSession
    from kb.settings import Settings
    from kb.store.collections import CollectionRule, list_collections

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
