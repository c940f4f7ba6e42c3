"""The running service as tests see it: tenants, people, uploads, questions."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import uvicorn

from app.http.main import build_app
from app.resources import Resources
from ingest.ingestion import Ingestion
from ingest.worker import run_job
from kb.ids import JobId, TenantId
from kb.store.choices import SCOPES
from kb.store.credentials import create_key
from kb.store.tenants import create_tenant

EVERY_SCOPE = tuple(scope for scope in SCOPES if scope != "act_as")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an API key."""

    service: "Service"
    tenant_id: TenantId
    key: str

    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **arguments: object
    ) -> httpx.Response:
        """The response to this person's request."""
        return await self.service.http.request(
            method,
            path,
            headers={"Authorization": f"Bearer {self.key}", **(headers or {})},
            **arguments,  # type: ignore[arg-type]  # httpx's own arguments
        )

    async def upload(self, content: bytes | str, name: str = "note.md", **fields: object) -> str:
        """The id of a document that was uploaded and ingested; fields as in the contract."""
        response = await self.post_file(content, name, **fields)
        assert response.status_code in {200, 202}, response.text
        body = response.json()
        if body["job"] is not None:
            await self.service.run_job(self.tenant_id, body["job"]["id"])
        return str(body["document"]["id"])

    async def post_file(
        self, content: bytes | str, name: str = "note.md", **fields: object
    ) -> httpx.Response:
        """The response to an upload that nobody ingests yet."""
        data = content.encode() if isinstance(content, str) else content
        form = {
            field: value if isinstance(value, str) else json.dumps(value)
            for field, value in fields.items()
        }
        return await self.request("POST", "/v1/documents", files={"file": (name, data)}, data=form)

    async def search(self, query: str, **body: object) -> httpx.Response:
        """The response to a search."""
        return await self.request("POST", "/v1/search", json={"query": query, **body})

    async def ask(self, question: str, **body: object) -> httpx.Response:
        """The response to a question."""
        return await self.request("POST", "/v1/answers", json={"question": question, **body})


@asynccontextmanager
async def serving(resources: Resources) -> AsyncIterator[str]:
    """The URL of the application on a real port, while the block runs."""
    config = uvicorn.Config(
        build_app(resources), host="127.0.0.1", port=0, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running API and the tools of a worker."""

    http: httpx.AsyncClient
    resources: Resources
    ingestion: Ingestion

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, resources: Resources, ingestion: Ingestion
    ) -> AsyncIterator["Service"]:
        """A client on the URL."""
        # Seconds: on a machine with many other things to do, thirty are not always enough.
        async with httpx.AsyncClient(base_url=url, timeout=120) as http:
            yield cls(http=http, resources=resources, ingestion=ingestion)

    @asynccontextmanager
    async def with_resources(self, resources: Resources) -> AsyncIterator["Service"]:
        """This service with other resources, on a port of its own."""
        async with (
            serving(resources) as url,
            Service.open(url, resources, self.ingestion) as other,
        ):
            yield other

    async def new_tenant(self) -> TenantId:
        """A tenant of one test's own."""
        async with self.resources.database.system() as system:
            return (await create_tenant(system, f"test {uuid4()}")).id

    async def person(
        self,
        tenant_id: TenantId,
        *principals: str,
        scopes: Sequence[str] = EVERY_SCOPE,
    ) -> Person:
        """Somebody of the tenant, with a key for these principals and scopes."""
        async with self.resources.database.system() as system:
            key = await create_key(
                system, tenant_id, scopes=scopes, principals=principals, expires_at=None
            )
        return Person(service=self, tenant_id=tenant_id, key=key.key)

    async def run_job(self, tenant_id: TenantId, job_id: str) -> None:
        """What a worker does with one job."""
        await run_job(self.ingestion, tenant_id, JobId(UUID(job_id)), is_last_attempt=True)
