"""How hybrid search grows with what a tenant holds, through the service's own retriever.

Texts and vectors are generated and stored directly; the lexical index is built from them by the
follower. The model embeds each question as in service; its vector lies somewhere among the
generated ones.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypedDict

import numpy as np

from app.retrieve.query import RetrievalLimits, SearchQuery
from app.retrieve.search import NodeIndexes, Retriever
from evals.bench.footnote_process import BenchmarkFailed, Instance
from evals.bench.ingest import load_embedder
from evals.bench.record import Outcome, Spread, spread
from evals.bench.synthetic import EVERY_READER, SyntheticTenant, load_tenants
from kb.database import Database, Eyes
from kb.embedded_postgres import database_url
from kb.embedding import SentenceTransformerEmbedder
from kb.ids import TenantId
from kb.lexical.follower import LexicalIndexes
from kb.sketches.held import HeldSketches
from kb.spaces import Space, ensure_space, space_for
from kb.vectors import VectorFilter, count_visible
from migrations.run import upgrade

SIZES = (10_000, 100_000, 1_000_000)
WORDS = 110
QUERIES, WARM_UP = 200, 20
QUERY_WORDS = 5
TOP_K = 10
SEED = 7
MOST_GROWTH, MOST_OVER_FLOOR = 1.5, 2.0
EYES = Eyes(principals=(EVERY_READER,))


class SizeResult(TypedDict):
    """Milliseconds of searches of a tenant of that many chunks."""

    chunks: int
    total: Spread
    bare_embedding: Spread
    lexical: Spread
    vector: Spread
    fetch: Spread
    over_floor: float
    vector_plan: str | None
    lexical_build_seconds: float
    lexical_index_bytes: int
    loaded: dict[str, object] | None


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Milliseconds of one search, and of embedding its text alone."""

    total: float
    lexical: float
    vector: float
    fetch: float
    embedding: float
    plan: str | None

    @property
    def floor(self) -> float:
        """What cannot be saved: embedding, and the slower leg."""
        return self.embedding + max(self.lexical, self.vector)


def measure_scale(instance_of: Callable[[str], Instance], *, largest: int) -> Outcome:
    """One home for each size up to the largest, filled when it is empty."""
    sizes = [size for size in SIZES if size < largest] + [largest]
    results = [_measure_size(instance_of(f"scale{size}"), size) for size in sizes]
    growth = results[-1]["total"]["p50"] / results[0]["total"]["p50"]
    over_floor = results[-1]["over_floor"]
    return Outcome(
        question="Hybrid search of the largest tenant: over the smallest one's, over its floor",
        target=f"p50 ratio <= {MOST_GROWTH:g}, over the floor <= {MOST_OVER_FLOOR:g}",
        has_met_target=growth <= MOST_GROWTH and over_floor <= MOST_OVER_FLOOR,
        numbers={"growth": round(growth, 3), "over_floor": over_floor, "sizes": results},
        seed=SEED,
        warm_up=WARM_UP,
    )


def _measure_size(instance: Instance, size: int) -> SizeResult:
    tenant = SyntheticTenant(number=1, chunk_count=size, seed=SEED)
    embedder = load_embedder(instance)
    space = space_for(
        model=embedder.model_name, revision=embedder.revision, dimension=embedder.dimension
    )
    with database_url(instance.settings) as url:
        upgrade(url)
        is_empty = asyncio.run(_prepare(url, space, tenant))
        loaded = load_tenants(url, space, [tenant], words=WORDS) if is_empty else None
        folder = instance.home / "lexical"
        built_seconds, searches = asyncio.run(_search_all(instance, url, space, embedder, tenant))
    result: SizeResult = {
        "chunks": size,
        "total": spread([search.total for search in searches]),
        "bare_embedding": spread([search.embedding for search in searches]),
        "lexical": spread([search.lexical for search in searches]),
        "vector": spread([search.vector for search in searches]),
        "fetch": spread([search.fetch for search in searches]),
        "over_floor": round(
            median(search.total for search in searches)
            / median(search.floor for search in searches),
            3,
        ),
        "vector_plan": searches[-1].plan,
        "lexical_build_seconds": round(built_seconds, 2),
        "lexical_index_bytes": _bytes_of(folder),
        "loaded": loaded,
    }
    print(f"  {size:>8} chunks: p50 {result['total']['p50']:.1f} ms, plan {searches[-1].plan}")
    return result


async def _prepare(url: str, space: Space, tenant: SyntheticTenant) -> bool:
    """True when nothing is stored."""
    database = Database(url, pool_size=1)
    await ensure_space(database, space)
    async with database.tenant(TenantId(tenant.id), eyes=None) as scope:
        count = await count_visible(scope, space, VectorFilter())
    await database.close()
    return not count


async def _search_all(
    instance: Instance,
    url: str,
    space: Space,
    embedder: SentenceTransformerEmbedder,
    tenant: SyntheticTenant,
) -> tuple[float, list[_Search]]:
    """Seconds that the lexical index took to build, and the searches measured."""
    settings = instance.settings
    database = Database(url, pool_size=settings.database_pool_size)
    lexical = LexicalIndexes(database, instance.home / "lexical")
    sketches = HeldSketches(database, space, max_bytes=settings.search_memory_bytes)
    retriever = Retriever(
        database,
        NodeIndexes(lexical=lexical, sketches=sketches),
        embedder,
        space,
        RetrievalLimits(
            candidates=settings.retrieval_candidates,
            lexical_weight=settings.retrieval_lexical_weight,
        ),
    )
    texts = questions_from(tenant, count=QUERIES + WARM_UP)
    tenant_id = TenantId(tenant.id)
    async with aclosing(lexical), aclosing(sketches):
        started = perf_counter()
        # A search would go on without an index that is still being built.
        await lexical.catch_up(tenant_id)
        built_seconds = perf_counter() - started
        await sketches.take_up(tenant_id)
        searches = [await _search(retriever, embedder, tenant_id, text) for text in texts]
    await database.close()
    return built_seconds, searches[WARM_UP:]


def questions_from(tenant: SyntheticTenant, *, count: int) -> list[str]:
    """Words of chunks drawn at random, five of each."""
    block = next(tenant.blocks())
    generator = np.random.default_rng([SEED, tenant.chunk_count])
    texts: Sequence[str] = tenant.texts(block, WORDS)
    chosen = generator.choice(len(texts), count)
    return [
        " ".join(generator.choice(texts[number].split(), QUERY_WORDS, replace=False))
        for number in chosen
    ]


async def _search(
    retriever: Retriever, embedder: SentenceTransformerEmbedder, tenant_id: TenantId, text: str
) -> _Search:
    query = SearchQuery(text=text, collections=None, filter=None, top_k=TOP_K, mode="hybrid")
    started = perf_counter()
    found = await retriever.search(tenant_id, EYES, query, now=datetime.now(UTC))
    searched = perf_counter()
    embedder.embed_queries([text])
    embedded = perf_counter()
    if not found.passages or found.explanation.is_lexical_missing:
        raise BenchmarkFailed("A query made of a stored text's words found nothing, or by half.")
    return _Search(
        total=(searched - started) * 1000,
        lexical=found.timings.lexical,
        vector=found.timings.vector,
        fetch=found.timings.fetch,
        embedding=(embedded - searched) * 1000,
        plan=found.explanation.vector_plan,
    )


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
