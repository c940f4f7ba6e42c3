"""Whoever runs commands on this machine, as a caller."""

from collections.abc import Sequence
from uuid import UUID

from app.identity import Caller
from kb.ids import CredentialId, new_uuid
from kb.postgres.database import EVERYONE, Database
from kb.principals import validate_principals
from kb.store.credentials import SCOPES, Credential
from kb.store.tenants import tenant_by_name

COMMAND_LINE_ID = CredentialId(UUID(int=0))
"""Stands in records for the command line, which has no key."""


async def command_line_caller(
    database: Database, tenant_name: str, principals: Sequence[str]
) -> Caller:
    """A caller with these principals; TenantNotFound when there is no such tenant."""
    async with database.system() as system:
        tenant = await tenant_by_name(system, tenant_name)
    viewer = tuple(sorted({*validate_principals(principals), EVERYONE}))
    credential = Credential(
        id=COMMAND_LINE_ID, tenant_id=tenant.id, scopes=frozenset(SCOPES), principals=viewer
    )
    return Caller(credential=credential, principals=viewer, request_id=f"cli-{new_uuid()}")
