"""The deletion of a tenant with everything that it has on this machine and in the database."""

import asyncio

from footnote.on_database import utc_now
from footnote.receipt_file import tenant_receipt
from kb.files import FileStore
from kb.ids import TenantId
from kb.index.lexical.open_indexes import OpenIndexes
from kb.index.sketches.sketch_files import SketchFiles
from kb.postgres.database import Database, retried
from kb.settings import Settings
from kb.store.api_processes import tenant_purged_everywhere
from kb.store.signing_keys import signing_key
from kb.store.tenant_deletion import complete_tenant_deletion, delete_tenant, get_tenant_deletion
from kb.store.tenants import Tenant

PURGE_PATIENCE_SECONDS = 30
"""Processes of the API look every second."""


async def delete_with_all(
    settings: Settings, database: Database, tenant: Tenant
) -> dict[str, object]:
    """The signed receipt, once nobody has a copy left or some patience is over."""
    files = FileStore(settings.effective_file_store_url)
    async with database.system() as system:
        # Before: a deletion that cannot be told of is not begun.
        key = await signing_key(system)
    file_count = len(await files.stored(tenant.id))

    async def delete_rows() -> None:
        async with database.tenant(tenant.id, viewer=None) as scope:
            await delete_tenant(scope, files=file_count, now=utc_now())

    # Work of the tenant that goes on may hold a row that this waits for, and wait for the tenant's.
    await retried(delete_rows)
    await files.delete_all(tenant.id)
    # Of commands that searched here; processes of the API remove what they have.
    OpenIndexes(settings.home_path / "lexical").remove(tenant.id)
    SketchFiles(settings.home_path / "sketches").remove(tenant.id)
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
