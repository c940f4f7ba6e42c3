"""The events that webhooks are told of, written in the transaction that they tell of.

An event is delivered if and only if that transaction commits. It goes outside the permission
system, so it has ids, statuses and codes, and nothing that a document or its name says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from kb.errors import InvalidInput
from kb.ids import new_uuid
from kb.postgres.database import TenantSession
from kb.store.choices import EVENT_TYPES, EventType


def read_event_types(text: str) -> list[EventType]:
    """The types in a comma-separated list; InvalidInput for one that does not exist."""
    names = [name.strip() for name in text.split(",")]
    types = [each for each in EVENT_TYPES if each in names]
    if unknown := sorted(set(names) - set(types)):
        raise InvalidInput(f"Unknown events {unknown!r}: choose from {', '.join(EVENT_TYPES)}.")
    return types


EventValue = str | int | float | bool | None

# Of a tenant without webhooks it reads one index page. A webhook that is being removed is locked or
# left out: a foreign key would fail the transaction, which has done nothing wrong.
_EMIT = text(
    """
    WITH webhook AS MATERIALIZED (
        SELECT tenant_id, id, events FROM webhooks
        WHERE tenant_id = :tenant_id AND is_enabled
        FOR KEY SHARE
    )
    INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, type, data, occurred_at, due_at)
    SELECT webhook.tenant_id, event.id, webhook.id, event.type, event.data, :now, :now
    FROM webhook
    JOIN jsonb_to_recordset(CAST(:events AS jsonb)) AS event (id uuid, type text, data jsonb)
        ON event.type = ANY (webhook.events)
    """
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened; `data` holds ids, statuses, counts and codes only."""

    type: EventType
    data: Mapping[str, EventValue]


async def emit(scope: TenantSession, *events: Event, now: datetime) -> None:
    """Has the webhooks that want to know told. Needs a whole-tenant scope."""
    rows = [{"id": str(new_uuid()), "type": each.type, "data": dict(each.data)} for each in events]
    await scope.connection.execute(
        _EMIT, {"tenant_id": scope.tenant_id, "events": json.dumps(rows), "now": now}
    )
