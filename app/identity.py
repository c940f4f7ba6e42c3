"""Identities: authenticated, and as the caller of one request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from cachetools import LRUCache

from kb.errors import ActingForOthersNotAllowed, CredentialInvalid, CredentialMissing, ScopeMissing
from kb.ids import Subject, TenantId
from kb.postgres.database import EVERYONE, Database, Viewer
from kb.principals import (
    author_of,
    key_subject,
    principals_in_header,
    uploader_name,
    validate_principals,
)
from kb.store.audit import Actor
from kb.store.choices import Scope
from kb.store.credentials import KeyClaim, authenticate, sha256_of

BEARER = "bearer"
MAX_KEY_LENGTH = 200

MAX_RECALLED: Final = 10_000
"""Keys, 2 kB each."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """An authenticated subject of one tenant; nothing here comes from the request itself."""

    subject: Subject
    tenant_id: TenantId
    principals: tuple[str, ...]
    scopes: frozenset[str]
    key_prefix: str | None = None
    """Names an API key in the log, without giving it away."""


class Authenticator(Protocol):
    """Recognises who sends a request. Its subjects have a kind that no other authenticator uses."""

    async def authenticate(self, authorization: str | None, *, now: datetime) -> Identity:
        """The identity behind the header `Authorization`.

        Raises:
            CredentialMissing: the header holds nothing that this authenticator reads.
            CredentialInvalid: what it holds is unknown, expired or revoked.
        """
        ...

    def recall(self, authorization: str | None) -> "Recalled | None":
        """Whose header this was when it was last authenticated; None: unknown here.

        A guess: nothing is shown or done for it before the credential has been looked at again.
        """
        ...

    def forget(self, authorization: str | None) -> None:
        """The guess was wrong."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """An identity that was authenticated before; `key` is what has to be looked at again."""

    identity: Identity
    key: KeyClaim


class ApiKeys:
    """Recognises API keys, sent as `Bearer <key>`; the subject is `key:<id>`."""

    def __init__(self, database: Database) -> None:
        """Recalls nobody yet."""
        self._database = database
        self._recalled: LRUCache[str, Recalled] = LRUCache(MAX_RECALLED)
        """By the hash of the key, which itself is not kept."""

    async def authenticate(self, authorization: str | None, *, now: datetime) -> Identity:
        """The identity of the key's owner; errors as the protocol says."""
        key = bearer_key(authorization)
        credential = await authenticate(self._database, key, now=now)
        identity = Identity(
            subject=key_subject(credential.id),
            tenant_id=credential.tenant_id,
            principals=credential.principals,
            scopes=credential.scopes,
            key_prefix=credential.prefix,
        )
        sha256 = sha256_of(key)
        claim = KeyClaim(
            prefix=credential.prefix,
            sha256=sha256,
            principals=credential.own_principals,
            scopes=tuple(sorted(credential.scopes)),
        )
        self._recalled[sha256] = Recalled(identity=identity, key=claim)
        return identity

    def recall(self, authorization: str | None) -> Recalled | None:
        """The owner of a key that was valid before, as the protocol says."""
        try:
            return self._recalled.get(sha256_of(bearer_key(authorization)))
        except (CredentialMissing, CredentialInvalid):
            return None

    def forget(self, authorization: str | None) -> None:
        """The key is looked up anew the next time."""
        self._recalled.pop(sha256_of(bearer_key(authorization)), None)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """An identity in one request, with the principals that it acts with there."""

    identity: Identity
    principals: tuple[str, ...]
    request_id: str
    is_acting: bool = False
    """True when the principals are those of the header and not the identity's own."""

    @property
    def tenant_id(self) -> TenantId:
        """The tenant whose knowledge is asked."""
        return self.identity.tenant_id

    @property
    def subject(self) -> Subject:
        """The caller's name in limits and records."""
        return self.identity.subject

    @property
    def owner(self) -> str:
        """The caller's name as an uploader: the subject and the principals it acts with."""
        return uploader_name(self.subject, self.principals)

    @property
    def author(self) -> str:
        """The caller's name as an asker and as an author of feedback."""
        return author_of(self.subject, self.principals)

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
        """The caller as the audit trail names it."""
        return Actor(
            name=self.owner,
            principals=self.principals,
            request_id=self.request_id,
            subject=None if self.is_acting else self.subject,
            is_admin="admin" in self.identity.scopes,
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
    authenticator: Authenticator,
    *,
    authorization: str | None,
    acting_principals: str | None,
    request_id: str,
    now: datetime,
) -> Caller:
    """The caller; CredentialMissing, CredentialInvalid or ActingForOthersNotAllowed otherwise."""
    identity = await authenticator.authenticate(authorization, now=now)
    return act(identity, acting_principals=acting_principals, request_id=request_id)


def act(identity: Identity, *, acting_principals: str | None, request_id: str) -> Caller:
    """The identity in one request; ActingForOthersNotAllowed or InvalidInput."""
    principals: Sequence[str] = identity.principals
    if acting_principals is not None:
        if "act_as" not in identity.scopes:
            raise ActingForOthersNotAllowed
        principals = validate_principals(principals_in_header(acting_principals))
    return Caller(
        identity=identity,
        principals=tuple(sorted({*principals, EVERYONE})),
        request_id=request_id,
        is_acting=acting_principals is not None,
    )


def require_scope(caller: Caller, scopes: Sequence[Scope]) -> None:
    """ScopeMissing unless the caller's identity has one of the scopes."""
    if caller.identity.scopes.isdisjoint(scopes):
        names = " or ".join(repr(scope) for scope in scopes)
        raise ScopeMissing(f"This needs an API key with the scope {names}.")
