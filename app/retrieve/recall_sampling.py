"""The share of the truly nearest that searches find, sampled beside their responses."""

import asyncio
import random
from collections.abc import Callable

import structlog

from app.retrieve.query_embedder import QueryVector
from app.retrieve.search_scope import Search
from app.retrieve.vector_candidates import VectorCandidates
from kb.errors import KnowledgeBaseError
from kb.index.recall import is_sampled, sample_recall
from kb.postgres.database import Database
from kb.store.spaces import all_spaces

log = structlog.get_logger(__name__)


class RecallSampler:
    """Compares one in a thousand searches, of those that may miss something, with the exact one."""

    def __init__(
        self,
        database: Database,
        *,
        observe: Callable[[float], None],
        generator: random.Random,
    ) -> None:
        """`observe` is told the recall of each sample, 0 to 1."""
        self._database = database
        self._observe = observe
        self._generator = generator
        self.running: set[asyncio.Task[None]] = set()
        """The sample that is being taken, if any."""

    def consider(
        self, search: Search, question: QueryVector | None, found: VectorCandidates
    ) -> None:
        """Samples this search if it is its turn; one at a time.

        The sample begins at once, in a transaction of its own; no response waits for it.
        """
        if question is None or self.running or not is_sampled(found.plan, self._generator):
            return
        task = asyncio.create_task(self._sample(search, question, found))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def aclose(self) -> None:
        """Gives up the sample that is being taken."""
        for task in list(self.running):
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)

    async def _sample(self, search: Search, question: QueryVector, found: VectorCandidates) -> None:
        try:
            async with self._database.tenant(search.tenant_id, viewer=search.viewer) as scope:
                if search.space not in await all_spaces(scope):
                    # Dropped since the search.
                    return
                recall = await sample_recall(
                    scope,
                    search.space,
                    question,
                    search.search_scope.vector_filter,
                    list(found.cosine_by_chunk),
                    limit=search.limit,
                )
        except KnowledgeBaseError as error:
            # A sample more or less: nobody waits for it.
            log.warning("recall.not_sampled", code=error.code)
            return
        self._observe(recall)
