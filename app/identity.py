"""Who asks: the credential of a request, and what it may read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.errors import ActingForOthersNotAllowed, CredentialInvalid, CredentialMissing, ScopeMissing
from kb.ids import CredentialId, TenantId
from kb.postgres.database import EVERYONE, Database, Viewer
from kb.principals import principals_in_header, uploader_name, validate_principals
from kb.store.audit import Actor
from kb.store.credentials import Credential, Scope, authenticate

BEARER = "bearer"
MAX_KEY_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A recognised caller: the tenant comes from the credential, never from the request."""

    credential: Credential
    principals: tuple[str, ...]
    request_id: str
    is_acting: bool = False
    """True when the principals are those of the header and not the key's own."""

    @property
    def tenant_id(self) -> TenantId:
        """Whose knowledge is asked."""
        return self.credential.tenant_id

    @property
    def credential_id(self) -> CredentialId:
        """The key that was sent."""
        return self.credential.id

    @property
    def owner(self) -> str:
        """Names this caller as an uploader: the key and the principals it acts with."""
        return uploader_name(str(self.credential.id), self.principals)

    @property
    def viewer(self) -> Viewer:
        """For search and answers: only what the principals may read."""
        return Viewer(principals=self.principals)

    @property
    def managing_viewer(self) -> Viewer:
        """For documents and jobs: also what this caller uploaded itself."""
        return Viewer(principals=self.principals, owner=self.owner)

    @property
    def actor(self) -> Actor:
        """As the audit trail names it."""
        return Actor(
            name=self.owner,
            principals=self.principals,
            request_id=self.request_id,
            key=None if self.is_acting else str(self.credential.id),
            is_admin="admin" in self.credential.scopes,
        )


def bearer_key(authorization: str | None) -> str:
    """The key in the header; CredentialMissing when there is none."""
    if not authorization:
        raise CredentialMissing
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != BEARER or not key.strip():
        raise CredentialMissing
    if len(key) > MAX_KEY_LENGTH:
        raise CredentialInvalid
    return key.strip()


async def recognise(
    database: Database,
    *,
    authorization: str | None,
    acting_principals: str | None,
    request_id: str,
    now: datetime,
) -> Caller:
    """The caller; CredentialMissing, CredentialInvalid or ActingForOthersNotAllowed otherwise."""
    key = bearer_key(authorization)
    async with database.system() as system:
        credential = await authenticate(system, key, now=now)
    principals = credential.principals
    if acting_principals is not None:
        if "act_as" not in credential.scopes:
            raise ActingForOthersNotAllowed
        named = validate_principals(principals_in_header(acting_principals))
        principals = tuple(sorted({*named, EVERYONE}))
    return Caller(
        credential=credential,
        principals=principals,
        request_id=request_id,
        is_acting=acting_principals is not None,
    )


def require_scope(caller: Caller, scopes: Sequence[Scope]) -> None:
    """ScopeMissing unless the caller's key has one of the scopes."""
    if caller.credential.scopes.isdisjoint(scopes):
        names = " or ".join(repr(scope) for scope in scopes)
        raise ScopeMissing(f"This needs an API key with the scope {names}.")
