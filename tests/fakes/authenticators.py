"""An authenticator without API keys, as one for the tokens of an identity provider would be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.identity import Identity, Recalled
from kb.errors import CredentialInvalid, CredentialMissing
from kb.ids import Subject, TenantId
from kb.postgres.database import EVERYONE
from kb.store.choices import SCOPES

KIND = "user:"
"""Of its subjects."""


@dataclass(frozen=True, kw_only=True)
class FakeAuthenticator:
    """Recognises the users that were let in, sent as `Bearer <name>`."""

    identities: dict[str, Identity] = field(default_factory=dict)

    def let_in(
        self, name: str, tenant_id: TenantId, *principals: str, scopes: Sequence[str] = SCOPES
    ) -> Identity:
        """The identity of that user from now on."""
        self.identities[name] = Identity(
            subject=Subject(f"{KIND}{name}"),
            tenant_id=tenant_id,
            principals=tuple(sorted({*principals, EVERYONE})),
            scopes=frozenset(scopes),
        )
        return self.identities[name]

    async def authenticate(self, authorization: str | None, *, now: datetime) -> Identity:  # noqa: ARG002  # its users do not expire
        """The user named in the header."""
        scheme, _, name = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not name:
            raise CredentialMissing
        if name not in self.identities:
            raise CredentialInvalid
        return self.identities[name]

    def recall(self, authorization: str | None) -> Recalled | None:  # noqa: ARG002
        """Nobody: each is authenticated first."""
        return None

    def forget(self, authorization: str | None) -> None:
        """Nothing is recalled."""
