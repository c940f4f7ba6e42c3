"""API keys: only a hash is stored, the prefix is shown, the tenant comes from the key."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import sql
from sqlalchemy import insert, update

from kb.errors import CredentialInvalid, CredentialNotFound, InvalidInput
from kb.ids import CredentialId, TenantId, new_uuid
from kb.postgres.database import EVERYONE, Database, SystemSession
from kb.principals import validate_principals
from kb.store.choices import SCOPES
from kb.store.tables import credentials

KEY_START = "fn"

_AUTHENTICATE: Final = sql.SQL("SELECT * FROM footnote_authenticate(%s, %s, %s)")


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A key that was recognised."""

    id: CredentialId
    prefix: str
    tenant_id: TenantId
    scopes: frozenset[str]
    own_principals: tuple[str, ...]

    @property
    def principals(self) -> tuple[str, ...]:
        """The principals that it acts with: its own and that of every member."""
        return tuple(sorted({*self.own_principals, EVERYONE}))


@dataclass(frozen=True, kw_only=True)
class KeyClaim:
    """A key that was valid once, as Postgres has it, and the scopes it must have now."""

    prefix: str
    sha256: str
    principals: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key as its owner sees it, once."""

    id: CredentialId
    prefix: str
    key: str


async def create_key(
    system: SystemSession,
    tenant_id: TenantId,
    *,
    scopes: Sequence[str],
    principals: Sequence[str],
    expires_at: datetime | None,
) -> NewKey:
    """A new key; InvalidInput for an unknown scope or a malformed principal."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidInput(f"Unknown scopes {unknown!r}: choose from {', '.join(SCOPES)}.")
    prefix = f"{KEY_START}_{secrets.token_hex(6)}"
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    credential_id = CredentialId(new_uuid())
    await system.connection.execute(
        insert(credentials).values(
            tenant_id=tenant_id,
            id=credential_id,
            prefix=prefix,
            secret_sha256=sha256_of(key),
            scopes=sorted(set(scopes)),
            principals=validate_principals(principals),
            expires_at=expires_at,
        )
    )
    return NewKey(id=credential_id, prefix=prefix, key=key)


async def authenticate(database: Database, key: str, *, now: datetime) -> Credential:
    """The credential of the key; CredentialInvalid when it is unknown, expired or revoked.

    Its last use is noted, once a minute. A random 256-bit secret needs no slow hash: it cannot be
    guessed. Errors of the database as for `Database.owner`.
    """
    prefix, sha256 = "_".join(key.split("_")[:2]), sha256_of(key)
    row = await database.fetch(_AUTHENTICATE, (prefix, sha256, now))
    credential_id, tenant_id, scopes, principals = row
    if credential_id is None:
        raise CredentialInvalid
    return Credential(
        id=CredentialId(credential_id),
        prefix=prefix,
        tenant_id=TenantId(tenant_id),
        scopes=frozenset(scopes),
        own_principals=tuple(principals),
    )


async def revoke_key(
    system: SystemSession, tenant_id: TenantId, prefix: str, *, now: datetime
) -> CredentialId:
    """The id of the key, refused from now on; CredentialNotFound when the tenant has none such."""
    statement = (
        update(credentials)
        .where(credentials.c.tenant_id == tenant_id, credentials.c.prefix == prefix)
        .where(credentials.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(credentials.c.id)
    )
    revoked = (await system.connection.execute(statement)).scalar_one_or_none()
    if revoked is None:
        raise CredentialNotFound(f"The tenant has no valid key with the prefix {prefix!r}.")
    return CredentialId(revoked)


def sha256_of(key: str) -> str:
    """The hash that is stored of a key, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()
