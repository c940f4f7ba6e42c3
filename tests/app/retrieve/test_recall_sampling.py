"""A search that may have missed something is compared with the exact one, behind its response."""

import asyncio
import random
from contextlib import aclosing

import numpy as np
import pytest
from typing_extensions import override

from app.retrieve.query import RetrievalLimits, SearchQuery
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.recall_sampling import RecallSampler
from app.retrieve.search_scope import Search, SearchScope
from app.retrieve.vector_candidates import VectorCandidates
from footnote.embedding_model import open_space
from kb.index.vector_search import Plan, VectorFilter
from kb.postgres.database import EVERYONE, Viewer
from kb.telemetry import Stopwatch
from models.embedding import SentenceTransformerEmbedder
from tests.service import Service

VIEWER = Viewer(principals=(EVERYONE,))
QUERY = SearchQuery(text="harbour", collections=None, filter=None, top_k=1, mode="vector")
UNLIMITED = SearchScope(
    admissibility="admissible",
    languages=(),
    rare_languages=(),
    document_ids=None,
    excluded=[],
    vector_filter=VectorFilter(),
    inadmissible=frozenset(),
)


class Always(random.Random):
    """It is always one search's turn."""

    @override
    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("plan", "missed", "limit", "recalls"),
    [
        ("hnsw", 1, 2, [0.5]),
        ("signs", 0, 2, [1.0]),
        # Two were found where three are.
        ("shortlist", 0, 100, [pytest.approx(2 / 3)]),
        ("exact", 1, 2, []),
    ],
)
async def test_the_share_of_the_nearest_is_observed(
    service: Service,
    embedder: SentenceTransformerEmbedder,
    plan: Plan,
    missed: int,
    limit: int,
    recalls: list[float],
) -> None:
    database = service.resources.database
    ana = await service.person(await service.new_tenant(), "user:ana")
    for text in ("The harbour opens at six.", "The harbour closes at ten.", "Cranes are grey."):
        await ana.upload(text)
    hits = (await ana.search("harbour", mode="vector")).json()["data"]
    nearest = {hit["chunk_id"]: hit["scores"]["cosine"] for hit in hits[:2]}
    farther = {hit["chunk_id"]: hit["scores"]["cosine"] for hit in hits[2:]}
    found = dict([*list(nearest.items())[missed:], *list(farther.items())[:missed]])
    observed: list[float] = []
    space = await open_space(database, embedder)
    sampler = RecallSampler(database, observe=observed.append, generator=Always())
    question = np.asarray(embedder.embed_queries(["harbour"])[0], dtype=np.float32)

    async with aclosing(sampler):
        async with database.tenant(ana.tenant_id, viewer=VIEWER) as scope:
            search = Search(
                tenant_id=scope.tenant_id,
                viewer=VIEWER,
                query=QUERY,
                search_scope=UNLIMITED,
                generation=1,
                embedder=QueryEmbedder(embedder, space),
                limits=RetrievalLimits(candidates=limit, lexical_weight=0.5),
                stopwatch=Stopwatch(),
            )
        sampler.consider(search, question, VectorCandidates(cosine_by_chunk=found, plan=plan))
        await asyncio.gather(*sampler.running)

    assert observed == recalls
