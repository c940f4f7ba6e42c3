"""Idempotency keys: claimed once, and not for ever by a process that died."""

from datetime import datetime

import pytest
from sqlalchemy import text

from kb.errors import IdempotencyKeyReused, StillRunning
from kb.postgres.database import Viewer
from kb.store.idempotency import StoredResponse, claim_key, store_response
from tests.service import Service

OWNER = "ana"
VIEWER = Viewer(principals=("tenant:*",), owner=OWNER)
KEY = "k-1"


async def test_a_key_is_claimed_once_and_then_answered(service: Service) -> None:
    database, tenant_id = service.resources.database, await service.new_tenant()
    response = StoredResponse(status_code=202, body={"id": "7"})

    async with database.tenant(tenant_id, viewer=VIEWER) as scope:
        first = await claim_key(scope, owner=OWNER, key=KEY, request_sha256="a")
        assert isinstance(first, datetime)
        with pytest.raises(StillRunning):
            await claim_key(scope, owner=OWNER, key=KEY, request_sha256="a")
        await store_response(scope, owner=OWNER, key=KEY, claimed_at=first, response=response)
        again = await claim_key(scope, owner=OWNER, key=KEY, request_sha256="a")
        with pytest.raises(IdempotencyKeyReused):
            await claim_key(scope, owner=OWNER, key=KEY, request_sha256="b")

    assert again == response


async def test_a_key_of_a_process_that_died_can_be_claimed_again(service: Service) -> None:
    database, tenant_id = service.resources.database, await service.new_tenant()
    async with database.tenant(tenant_id, viewer=VIEWER) as scope:
        await claim_key(scope, owner=OWNER, key=KEY, request_sha256="a")
        await scope.connection.execute(
            text("UPDATE idempotency_keys SET created_at = now() - interval '16 minutes'")
        )

        claimed = await claim_key(scope, owner=OWNER, key=KEY, request_sha256="a")
        with pytest.raises(StillRunning):
            await claim_key(scope, owner=OWNER, key=KEY, request_sha256="a")

    assert isinstance(claimed, datetime)
