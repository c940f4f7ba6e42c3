"""A search that may have missed something is compared with the exact one, behind its response."""

import asyncio
import random
from contextlib import aclosing

import numpy as np
import pytest
from typing_extensions import override

from app.retrieve.bounds import Bounds
from app.retrieve.legs import VectorLeg
from app.retrieve.recall_sampling import RecallSampler
from footnote.compose import open_space
from kb.database import EVERYONE, Database, Eyes
from kb.embedding import SentenceTransformerEmbedder
from kb.vectors import Plan, VectorFilter
from tests.service import Service

EYES = Eyes(principals=(EVERYONE,))
UNLIMITED = Bounds(
    standing="admissible",
    languages=(),
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
    ("plan", "missed", "recalls"),
    [("hnsw", 1, [0.5]), ("signs", 0, [1.0]), ("exact", 1, [])],
)
async def test_the_share_of_the_nearest_is_observed(
    service: Service,
    database: Database,
    embedder: SentenceTransformerEmbedder,
    plan: Plan,
    missed: int,
    recalls: list[float],
) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    for text in ("The harbour opens at six.", "The harbour closes at ten.", "Cranes are grey."):
        await ana.upload(text)
    hits = (await ana.search("harbour", mode="vector")).json()["data"]
    nearest = {hit["chunk_id"]: hit["scores"]["cosine"] for hit in hits[:2]}
    farther = {hit["chunk_id"]: hit["scores"]["cosine"] for hit in hits[2:]}
    found = dict([*list(nearest.items())[missed:], *list(farther.items())[:missed]])
    observed: list[float] = []
    sampler = RecallSampler(
        database,
        await open_space(database, embedder),
        observe=observed.append,
        generator=Always(),
    )
    question = np.asarray(embedder.embed_queries(["harbour"])[0], dtype=np.float32)

    async with aclosing(sampler):
        leg = VectorLeg(cosine_by_chunk=found, plan=plan)
        sampler.consider(ana.tenant_id, EYES, question, UNLIMITED, leg)
        await asyncio.gather(*sampler.running)

    assert observed == recalls
