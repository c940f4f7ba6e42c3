"""A second API in this process, for tests that need other settings or another database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from app.http.main import build_app
from app.resources import Resources
from ingest.ingestion import Ingestion
from tests.service import Service


@asynccontextmanager
async def served(resources: Resources, ingestion: Ingestion) -> AsyncIterator[Service]:
    """The API of these resources on a port of its own."""
    config = uvicorn.Config(
        build_app(resources), host="127.0.0.1", port=0, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with Service.open(f"http://127.0.0.1:{port}", resources, ingestion) as running:
        yield running
    server.should_exit = True
    await serving
