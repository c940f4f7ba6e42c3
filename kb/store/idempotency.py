"""The first response to a request, given again when the request is repeated."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text, update

from kb.errors import DocumentDeleted, IdempotencyKeyReused, StillRunning
from kb.postgres.database import TenantSession
from kb.store.document_copies import GONE, named_documents
from kb.store.tables import documents, idempotency_keys

ABANDONED_AFTER = timedelta(minutes=15)
"""No request takes this long: the process that claimed the key has died."""

STORED_AT_ONCE_ABANDONED_AFTER = timedelta(minutes=1)
"""The same where the response is stored in the transaction that does the work: one that takes
longer, and finds its key claimed anew, does nothing."""


@dataclass(frozen=True, kw_only=True)
class StoredResponse:
    """The response that was given the first time."""

    status_code: int
    body: dict[str, object]
    is_final: bool = True
    """False for one that is not kept, since the request may have another when it is repeated."""


async def claim_key(
    scope: TenantSession,
    *,
    owner: str,
    key: str,
    request_sha256: str,
    abandoned_after: timedelta = ABANDONED_AFTER,
) -> StoredResponse | datetime:
    """The time of the claim when the caller is the first to use the key and must do the work.

    Otherwise the stored response; StillRunning while there is none, IdempotencyKeyReused when
    the key was used with another request, DocumentDeleted when the response told of a document
    that was deleted since: the work is not done again.
    """
    claimed = await scope.connection.execute(
        text(
            "INSERT INTO idempotency_keys (tenant_id, owner, key, request_sha256) "
            "VALUES (:tenant_id, :owner, :key, :request_sha256) "
            "ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE "
            "SET request_sha256 = excluded.request_sha256, created_at = now() "
            "WHERE idempotency_keys.status_code IS NULL "
            "AND idempotency_keys.created_at < now() - CAST(:abandoned_after AS interval) "
            "RETURNING created_at"
        ),
        {
            "tenant_id": scope.tenant_id,
            "owner": owner,
            "key": key,
            "request_sha256": request_sha256,
            "abandoned_after": abandoned_after,
        },
    )
    claimed_at: datetime | None = claimed.scalar_one_or_none()
    if claimed_at is not None:
        return claimed_at
    table = idempotency_keys.c
    query = select(table.request_sha256, table.status_code, table.response).where(
        table.tenant_id == scope.tenant_id, table.owner == owner, table.key == key
    )
    row = (await scope.connection.execute(query)).one()
    if row.request_sha256 != request_sha256:
        raise IdempotencyKeyReused
    if row.status_code is None:
        raise StillRunning
    if row.status_code == GONE:
        raise DocumentDeleted
    return StoredResponse(status_code=row.status_code, body=row.response)


async def store_response(
    scope: TenantSession, *, owner: str, key: str, claimed_at: datetime, response: StoredResponse
) -> None:
    """Keeps the response for repetitions; StillRunning when another has claimed the key since.

    Of one that shows a document which was deleted meanwhile only that is kept.
    """
    table = idempotency_keys.c
    shown = named_documents(response.body)
    is_deleted = False
    if shown:
        # Locked: a deletion that begins now waits, and then finds the response.
        async with scope.whole_tenant() as whole:
            query = select(documents.c.id).where(
                documents.c.tenant_id == scope.tenant_id, documents.c.id.in_(shown)
            )
            locked = await whole.connection.execute(
                query.with_for_update(key_share=True, read=True)
            )
            is_deleted = bool(shown - set(locked.scalars()))
    stored = await scope.connection.execute(
        update(idempotency_keys)
        .where(table.tenant_id == scope.tenant_id, table.owner == owner, table.key == key)
        .where(table.created_at == claimed_at)
        .values(
            status_code=GONE if is_deleted else response.status_code,
            response=None if is_deleted else response.body,
        )
    )
    if stored.rowcount != 1:
        raise StillRunning


async def release_key(
    scope: TenantSession,
    *,
    owner: str,
    key: str,
    claimed_at: datetime | None = None,
    response: dict[str, object] | None = None,
) -> None:
    """Frees the key of a request that failed, so that it can be sent again.

    With `claimed_at` only while it is that claim's and has no response: with one the request was
    done, whatever happened to its caller. With `response` only while it has that one.
    """
    table = idempotency_keys.c
    statement = delete(idempotency_keys).where(
        table.tenant_id == scope.tenant_id, table.owner == owner, table.key == key
    )
    if claimed_at is not None:
        statement = statement.where(table.status_code.is_(None), table.created_at == claimed_at)
    if response is not None:
        statement = statement.where(table.response == response)
    await scope.connection.execute(statement)
