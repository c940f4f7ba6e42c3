"""`Idempotency-Key`: the work of a request is done once, however often it is sent."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Annotated, TypeAlias

from fastapi import Header
from fastapi.responses import JSONResponse

from app.identity import Caller
from kb.errors import InvalidInput
from kb.postgres.database import Database, TenantSession, Viewer, retried
from kb.store.idempotency import (
    ABANDONED_AFTER,
    StoredResponse,
    claim_key,
    release_key,
    store_response,
)

MAX_KEY_LENGTH = 200

IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Sent again with the same request, gives the first response again.",
        examples=["upload-2026-03-01-leave"],
        json_schema_extra={"minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!-~]+$"},
    ),
]

Remember: TypeAlias = Callable[[TenantSession, StoredResponse], Awaitable[None]]
"""Stores the response in the transaction that does the work: whoever dies has done both or none."""

Act: TypeAlias = Callable[[Remember], Awaitable[StoredResponse]]


def request_digest(route: str, fields: Mapping[str, object]) -> str:
    """Tells whether two requests are the same."""
    text = json.dumps([route, fields], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


async def do_once(  # noqa: PLR0913  # what a request is, and how it is done
    database: Database,
    caller: Caller,
    *,
    key: str | None,
    digest: str,
    act: Act,
    part: int | None = None,
    abandoned_after: timedelta = ABANDONED_AFTER,
) -> StoredResponse:
    """The response of `act`, or the first one when this caller sent the same request before.

    With `part` the same for that part of a request, which has a key of its own. Raises
    IdempotencyKeyReused for another request, StillRunning while the first one runs. A request that
    fails frees its key, and so does a response that is not final. Of one whose process died nothing
    is heard for `abandoned_after`; then the next request does the work.
    """
    if key is None:
        return await act(_forget)
    if not key or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(f"An Idempotency-Key has 1 to {MAX_KEY_LENGTH} printable characters.")
    if part is not None:
        # No caller can send it: a line break does not print.
        key = f"{key}\n{part}"
    owner, viewer = caller.owner, caller.managing_viewer
    async with database.tenant(caller.tenant_id, viewer=viewer) as scope:
        claimed = await claim_key(
            scope, owner=owner, key=key, request_sha256=digest, abandoned_after=abandoned_after
        )
    if isinstance(claimed, StoredResponse):
        return claimed
    is_stored = is_done = False

    async def remember(scope: TenantSession, response: StoredResponse) -> None:
        nonlocal is_stored
        await store_response(scope, owner=owner, key=key, claimed_at=claimed, response=response)
        is_stored = True

    try:
        response = await act(remember)
        if response.is_final and not is_stored:
            async with database.tenant(caller.tenant_id, viewer=viewer) as scope:
                await remember(scope, response)
        is_done = True
    finally:
        if not (is_done and is_stored):
            async with database.tenant(caller.tenant_id, viewer=viewer) as scope:
                await release_key(scope, owner=owner, key=key, claimed_at=claimed)
    return response


async def change_once(
    database: Database,
    caller: Caller,
    *,
    key: str | None,
    digest: str,
    change: Callable[[TenantSession], Awaitable[StoredResponse]],
    viewer: Viewer | None = None,
) -> JSONResponse:
    """The response of `do_once` to a change, stored in its transaction.

    `change` gets a scope of that viewer, who must have an owner's name; None: of the whole tenant.
    It is tried again when others got in its way.
    """

    async def act(remember: Remember) -> StoredResponse:
        async def transaction() -> StoredResponse:
            async with database.tenant(caller.tenant_id, viewer=viewer) as scope:
                response = await change(scope)
                await remember(scope, response)
            return response

        return await retried(transaction)

    stored = await do_once(database, caller, key=key, digest=digest, act=act)
    return JSONResponse(stored.body, status_code=stored.status_code)


async def _forget(_scope: TenantSession, _response: StoredResponse) -> None:
    """Nothing: the request has no key."""
