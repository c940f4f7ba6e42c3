"""`Idempotency-Key`: the work of a request is done once, however often it is sent."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import Header

from app.identity import Caller
from kb.errors import InvalidInput
from kb.postgres.database import Database
from kb.store.idempotency import StoredResponse, claim_key, release_key, store_response

MAX_KEY_LENGTH = 200

IdempotencyKey = Annotated[
    str | None,
    Header(description="Sent again with the same request, gives the first response again."),
]


def request_digest(route: str, fields: Mapping[str, object]) -> str:
    """Tells whether two requests are the same."""
    text = json.dumps([route, fields], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


async def do_once(
    database: Database,
    caller: Caller,
    *,
    key: str | None,
    digest: str,
    act: Callable[[], Awaitable[StoredResponse]],
) -> StoredResponse:
    """The response of `act`, or the first one when this caller sent the same request before.

    Raises IdempotencyKeyReused for another request, StillRunning while the first one runs. A
    request that fails frees its key.
    """
    if key is None:
        return await act()
    if not key or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(f"An Idempotency-Key has 1 to {MAX_KEY_LENGTH} printable characters.")
    owner, viewer = caller.owner, caller.managing_viewer
    async with database.tenant(caller.tenant_id, viewer=viewer) as scope:
        stored = await claim_key(scope, owner=owner, key=key, request_sha256=digest)
    if stored is not None:
        return stored
    is_done = False
    try:
        response = await act()
        async with database.tenant(caller.tenant_id, viewer=viewer) as scope:
            await store_response(scope, owner=owner, key=key, response=response)
        is_done = True
    finally:
        if not is_done:
            async with database.tenant(caller.tenant_id, viewer=viewer) as scope:
                await release_key(scope, owner=owner, key=key)
    return response
