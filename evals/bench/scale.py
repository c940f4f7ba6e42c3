"""Latency of hybrid search over HTTP by the number of chunks in a tenant, and by who asks.

Texts and vectors are generated and stored directly; the lexical index is built from them by the
follower. The model embeds each question as in service; its vector lies somewhere among the
generated ones. In the largest tenant callers ask who see a tenth, ... a ten-thousandth of it: whole
topics, or documents here and there.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter, sleep
from typing import Literal, TypedDict

import httpx
import numpy as np

from evals.bench.footnote_process import BenchmarkFailed, Footnote, Instance, running
from evals.bench.record import Outcome, Spread
from evals.bench.search import QUERIES, WARM_UP, time_searches
from evals.bench.synthetic import (
    EVERY_READER,
    SHARES,
    SyntheticTenant,
    group,
    load_tenants,
    make_space,
)
from footnote.embedding_model import load_embedder
from kb.errors import InvalidInput
from kb.ids import TenantId
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.store.spaces import space_for
from migrations.run import upgrade
from models.embedding import SentenceTransformerEmbedder

SIZES = (10_000, 100_000, 1_000_000)
WORDS = 110
QUERY_WORDS = 5
SEED = 7
MOST_GROWTH, MOST_OVER_FLOOR = 1.5, 2.0
MOST_MILLISECONDS = 20.0
VIEWER_QUERIES = 100
READY_PLAN = "shortlist"
ANY_WORD = "word"
READY_TIMEOUT_SECONDS, READY_POLL_SECONDS = 120.0, 0.5
"""A million chunks are sketched in about 10 s."""


class ViewerResult(TypedDict):
    """Milliseconds of searches of a caller who sees this share of the largest tenant."""

    share: float
    by: Literal["topic", "chance"]
    total: Spread
    vector_plan: str


class SizeResult(TypedDict):
    """Milliseconds of searches of a tenant of that many chunks; `total` as their client waits.

    `loaded` and `lexical_build_seconds` are None of what a kept home had already.
    """

    chunks: int
    total: Spread
    bare_embedding: Spread
    lexical: Spread
    vector: Spread
    fetch: Spread
    over_floor: float
    vector_plan: str | None
    lexical_build_seconds: float | None
    lexical_index_bytes: int
    loaded: dict[str, object] | None
    viewers: list[ViewerResult]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A home with one generated tenant; None for what it had already."""

    tenant: SyntheticTenant
    loaded: dict[str, object] | None
    lexical_build_seconds: float | None


def measure_scale(instance_of: Callable[[str], Instance], *, largest: int) -> Outcome:
    """One home for each size up to the largest, filled when it is empty.

    InvalidInput when there is nothing to grow from.
    """
    sizes = [size for size in SIZES if size < largest] + [largest]
    if len(sizes) == 1:
        raise InvalidInput(f"Growth needs two sizes: more than {SIZES[0]:,} chunks.")
    texts = questions(count=QUERIES + WARM_UP)
    results = [
        _measure_size(instance_of(home_name(size)), size, texts, has_viewers=size == largest)
        for size in sizes
    ]
    growth = results[-1]["total"]["p50"] / results[0]["total"]["p50"]
    over_floor = results[-1]["over_floor"]
    medians = [each["total"]["p50"] for each in [results[-1], *results[-1]["viewers"]]]
    return Outcome(
        question="Hybrid search of the largest tenant: over the smallest one's, over its floor; of "
        "callers who see all of it or a part",
        target=f"p50 ratio <= {MOST_GROWTH:g}, over the floor <= {MOST_OVER_FLOOR:g}, "
        f"p50 of each caller <= {MOST_MILLISECONDS:g} ms",
        has_met_target=growth <= MOST_GROWTH
        and over_floor <= MOST_OVER_FLOOR
        and max(medians) <= MOST_MILLISECONDS,
        numbers={"growth": round(growth, 3), "over_floor": over_floor, "sizes": results},
        seed=SEED,
        warm_up=WARM_UP,
        concurrency=1,
    )


def home_name(size: int) -> str:
    """The folder of the home with so many chunks."""
    return f"scale{size}"


def fill_home(instance: Instance, embedder: SentenceTransformerEmbedder, size: int) -> Filled:
    """A tenant of so many chunks with its lexical index, generated when the home is empty."""
    tenant = SyntheticTenant(number=1, chunk_count=size, seed=SEED)
    space = space_for(
        model=embedder.model_name, revision=embedder.revision, dimension=embedder.dimension
    )
    with database_url(instance.settings) as url:
        upgrade(url)
        is_empty = asyncio.run(make_space(url, space, tenant))
        loaded = load_tenants(url, space, [tenant], words=WORDS) if is_empty else None
        database = Database(url, pool_size=instance.settings.database_pool_size)
        lexical = instance.home / "lexical"
        built_seconds = asyncio.run(build_index(database, lexical, TenantId(tenant.id)))
    return Filled(tenant=tenant, loaded=loaded, lexical_build_seconds=built_seconds)


def _measure_size(
    instance: Instance, size: int, texts: Sequence[str], *, has_viewers: bool
) -> SizeResult:
    embedder = load_embedder(instance.settings)
    filled = fill_home(instance, embedder, size)
    tenant = filled.tenant
    with running(instance) as footnote:
        with footnote.client(tenant.name, "--principals", EVERY_READER) as client:
            plan = plan_when_ready(client, texts[0])
            timed = time_searches(client, embedder, texts)
        viewers = _measure_viewers(footnote, tenant, embedder) if has_viewers else []
    result: SizeResult = {
        "chunks": size,
        "total": timed.http,
        "bare_embedding": timed.embedding,
        "lexical": timed.stage("lexical"),
        "vector": timed.stage("vector"),
        "fetch": timed.stage("fetch"),
        "over_floor": round(timed.ratio, 3),
        "vector_plan": plan,
        "lexical_build_seconds": filled.lexical_build_seconds,
        "lexical_index_bytes": _bytes_of(instance.home / "lexical"),
        "loaded": filled.loaded,
        "viewers": viewers,
    }
    print(f"  {size:>8} chunks: p50 {result['total']['p50']:.1f} ms, plan {plan}")
    return result


def _measure_viewers(
    footnote: Footnote, tenant: SyntheticTenant, embedder: SentenceTransformerEmbedder
) -> list[ViewerResult]:
    """Callers of each share, by topic and by chance, each with questions of its own."""
    callers = [(share, by_topic) for share in SHARES for by_topic in (True, False)]
    asked = VIEWER_QUERIES + WARM_UP
    texts = iter(questions(count=asked * len(callers), seed=SEED + 1))
    results: list[ViewerResult] = []
    for share, by_topic in callers:
        principal = group(share, by_topic=by_topic)
        with footnote.client(tenant.name, "--principals", principal) as client:
            plan = plan_when_ready(client, ANY_WORD)
            timed = time_searches(client, embedder, list(islice(texts, asked)))
        result: ViewerResult = {
            "share": share,
            "by": "topic" if by_topic else "chance",
            "total": timed.http,
            "vector_plan": plan,
        }
        print(f"  {principal:<22} p50 {timed.http['p50']:.1f} p95 {timed.http['p95']:.1f} ms")
        results.append(result)
    return results


async def build_index(database: Database, folder: Path, tenant_id: TenantId) -> float | None:
    """Seconds that the tenant's lexical index took, None of one that the folder had.

    Searches would go on without it while the service builds it. Closes the database.
    """
    has_index = _bytes_of(folder) > 0
    async with aclosing(LexicalIndexes(database, folder)) as lexical:
        started = perf_counter()
        await lexical.catch_up(tenant_id)
        seconds = perf_counter() - started
    await database.close()
    return None if has_index else round(seconds, 2)


def plan_when_ready(client: httpx.Client, text: str) -> str:
    """The plan of vector search once the service holds what it derives from the database.

    Raises:
        BenchmarkFailed: It does not come to that in time, or searches by halves.
        httpx.HTTPStatusError: A search is refused.
    """
    deadline = perf_counter() + READY_TIMEOUT_SECONDS
    while perf_counter() < deadline:
        response = client.post("/v1/search", json={"query": text, "explain": True})
        response.raise_for_status()
        explanation = response.json()["explanation"]
        if explanation["vector_plan"] == READY_PLAN and not explanation["missing"]:
            return READY_PLAN
        sleep(READY_POLL_SECONDS)
    raise BenchmarkFailed(f"The service did not come to search by {READY_PLAN!r}.")


def questions(*, count: int, seed: int = SEED) -> list[str]:
    """Words of chunks of the smallest size drawn at random, five of each.

    Every size is asked the same: words are as frequent in all of them.
    """
    tenant = SyntheticTenant(number=1, chunk_count=SIZES[0], seed=SEED)
    block = next(tenant.blocks())
    generator = np.random.default_rng(seed)
    texts: Sequence[str] = tenant.texts(block, WORDS)
    chosen = generator.choice(len(texts), count)
    return [
        " ".join(generator.choice(texts[number].split(), QUERY_WORDS, replace=False))
        for number in chosen
    ]


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
