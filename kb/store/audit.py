"""The audit trail: who did what to which thing, appended in the transaction that does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert

from kb.ids import Subject, TenantId, new_uuid
from kb.postgres.database import SystemSession, TenantSession
from kb.principals import Uploader, person_of
from kb.store.tables import audit_events


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The person or program that acts, and its request.

    `subject` acts with its own principals; None while it acts for others. `is_admin` says that it
    may change whatever it sees.
    """

    name: str
    principals: tuple[str, ...]
    request_id: str | None
    subject: Subject | None = None
    is_admin: bool = False

    @property
    def uploader(self) -> Uploader:
        """The actor as the uploader of a document."""
        return Uploader(name=self.name, person=person_of(self.principals))


async def record_event(
    scope: TenantSession,
    actor: Actor,
    action: str,
    object_id: str | None,
    detail: Mapping[str, str | int | Sequence[str]] | None = None,
) -> None:
    """Appends an event; `detail` holds no document text."""
    await _insert(scope, scope.tenant_id, actor, action, object_id, detail)


async def record_system_event(
    system: SystemSession,
    tenant_id: TenantId,
    actor: Actor,
    action: str,
    object_id: str,
) -> None:
    """Appends an event of tenant or key administration."""
    await _insert(system, tenant_id, actor, action, object_id, None)


async def _insert(
    session: TenantSession | SystemSession,
    tenant_id: TenantId,
    actor: Actor,
    action: str,
    object_id: str | None,
    detail: Mapping[str, str | int | Sequence[str]] | None,
) -> None:
    values = {
        "tenant_id": tenant_id,
        "id": new_uuid(),
        "action": action,
        "actor": actor.name,
        "principals": list(actor.principals),
        "object_id": object_id,
        "request_id": actor.request_id,
        "detail": detail or {},
    }
    await session.connection.execute(insert(audit_events), values)
