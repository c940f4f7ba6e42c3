"""An API all of whose database connections are in use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from app.identity import ApiKeys
from kb.postgres import connecting as connections
from kb.postgres.database import Database
from tests.service import Service


@asynccontextmanager
async def without_a_free_connection(
    service: Service, database_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API with one connection, which somebody holds."""
    database = Database(database_url, pool_size=1)
    resources = replace(
        service.resources, database=database, authenticator=ApiKeys(database=database)
    )
    try:
        async with service.with_resources(resources) as other, database.owner():
            yield other.http
    finally:
        await database.close()


async def test_a_request_that_gets_no_connection_is_told_to_come_back(
    service: Service, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CHECKOUT_SECONDS", 0.05)
    ana = await service.person(await service.new_tenant(), "user:ana")
    headers = {"Authorization": f"Bearer {ana.key}"}

    async with without_a_free_connection(service, database_url) as http:
        response = await http.get("/v1/documents", headers=headers)
        readiness = await http.get("/readyz")

    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert response.headers["Retry-After"] == "5"
    assert readiness.status_code == 503
    assert readiness.json()["checks"]["database"] == "overloaded"
