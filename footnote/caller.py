"""Whoever runs commands on this machine, as a caller."""

from collections.abc import Sequence
from uuid import UUID

from app.identity import Caller, Identity
from kb.ids import CredentialId, new_uuid
from kb.postgres.database import EVERYONE, Database
from kb.principals import key_subject, validate_principals
from kb.store.choices import SCOPES
from kb.store.tenants import tenant_by_name

COMMAND_LINE = key_subject(CredentialId(UUID(int=0)))
"""The command line has no key; what it uploads belongs to this one, as in earlier releases."""


async def command_line_caller(
    database: Database, tenant_name: str, principals: Sequence[str]
) -> Caller:
    """A caller with these principals; TenantNotFound when there is no such tenant."""
    async with database.system() as system:
        tenant = await tenant_by_name(system, tenant_name)
    viewer = tuple(sorted({*validate_principals(principals), EVERYONE}))
    identity = Identity(
        subject=COMMAND_LINE, tenant_id=tenant.id, principals=viewer, scopes=frozenset(SCOPES)
    )
    return Caller(identity=identity, principals=viewer, request_id=f"cli-{new_uuid()}")
