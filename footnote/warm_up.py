"""One search before a process says that it is ready, so that nobody's first one is slow."""

import asyncio
from typing import Final

import structlog

from app.resources import Resources
from app.retrieve.query import SearchQuery
from kb.errors import KnowledgeBaseError
from kb.postgres.database import Viewer
from kb.store.chunks import read_passages
from kb.store.tenants import generations

log = structlog.get_logger(__name__)

NOBODY: Final = Viewer(principals=())
"""Row security shows it no document."""

QUESTION: Final = SearchQuery(
    text="Who may read what, and since when?",
    collections=None,
    filter=None,
    top_k=1,
    mode="hybrid",
)

NO_CHUNK: Final = 0
"""Chunks are numbered from 1."""

MAX_SECONDS: Final = 2.0
"""A tenant whose index takes longer to open than that is opened by its first search."""


async def warm_up(resources: Resources) -> None:
    """Searches for somebody who may read nothing, in the tenant with documents that changed least.

    That opens connections, whose servers read the catalogue, compiles the statements and computes
    a first vector. Without documents, or when it fails, the first search does so.
    """
    try:
        async with asyncio.timeout(MAX_SECONDS):
            async with resources.database.system() as system:
                changes = {tenant: n for tenant, n in (await generations(system)).items() if n}
            if changes:
                least_changed = min(changes, key=changes.__getitem__)
                await resources.retriever.search(
                    least_changed, NOBODY, QUESTION, now=resources.clock()
                )
                # Which a search without hits leaves out.
                async with resources.database.tenant(least_changed, viewer=NOBODY) as scope:
                    await read_passages(scope, [NO_CHUNK])
    except KnowledgeBaseError as error:
        log.warning("warm_up.failed", code=error.code)
    except TimeoutError:
        log.info("warm_up.cut_off", seconds=MAX_SECONDS)
