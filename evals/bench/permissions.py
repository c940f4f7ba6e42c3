"""Recall and latency of vector search under permissions, at scale.

One table holds a big tenant and small ones. In the big one a caller sees all, a tenth, ... a
ten-thousandth; whole topics, or documents here and there. Questions are about texts that the
caller may read, and about any text of the tenant.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from evals.bench.footnote_process import BenchmarkFailed, Instance
from evals.bench.record import Outcome, Spread, spread
from evals.bench.synthetic import (
    DIMENSION,
    EVERY_READER,
    SHARES,
    SyntheticTenant,
    group,
    load_tenants,
    perturbed,
)
from kb.ids import TenantId
from kb.index.sketches.shortlist import search_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.vector_search import VectorFilter, count_visible, search_vectors
from kb.postgres.database import Database, TenantSession, Viewer
from kb.postgres.embedded_postgres import database_url
from kb.store.spaces import Space, ensure_space
from migrations.run import upgrade

SPACE = Space(name="synthetic", model="synthetic", revision="1", dimension=DIMENSION)
ROWS = 1_000_000
LIMIT = 50
MAX_BYTES = 1_000_000_000
QUERIES, WARM_UP = 100, 20
SEED = 7
SMALLER_TENANTS = (10, 100, 1_000, 10_000)
"""The sizes of the other tenants, as shares of the biggest one's."""

LEAST_RECALL, MOST_MILLISECONDS = 0.99, 20.0
TIE = 1e-5
"""A chunk this much less alike than the fiftieth may be listed instead: sums round differently."""

About = Literal["visible", "any"]


class PointResult(TypedDict):
    """One caller, one kind of question."""

    tenant_chunks: int
    principal: str
    about: str
    visible: int
    way: str
    plans: dict[str, int]
    recall_at_50: float
    lowest_recall: float
    fewest_rows: int
    milliseconds: Spread
    first_count_milliseconds: float


@dataclass(frozen=True, kw_only=True)
class _Tenant:
    """A tenant's vectors (n, 384) float16 as they are stored, and its documents' readers."""

    synthetic: SyntheticTenant
    vectors: NDArray[np.float16]
    document_of: NDArray[np.int64]
    first_chunk: int


@dataclass(frozen=True, kw_only=True)
class _Point:
    tenant: _Tenant
    principal: str
    about: About


class _Way(Protocol):
    """A way to search the vectors: gives the chunks found, best first, and the plan's name."""

    async def __call__(
        self, scope: TenantSession, question: NDArray[np.float32], counted: int
    ) -> tuple[list[int], str]: ...


async def _planned(
    scope: TenantSession, question: NDArray[np.float32], counted: int
) -> tuple[list[int], str]:
    """By Postgres' plans alone, as while sketches are not held."""
    hits, plan = await search_vectors(
        scope, SPACE, question, VectorFilter(), limit=LIMIT, visible_count=counted
    )
    return [hit.chunk_id for hit in hits], plan


@dataclass(frozen=True, kw_only=True)
class _Shortlisted:
    """By the sketches that a node holds, as the service does."""

    sketches: SketchCache

    async def __call__(
        self, scope: TenantSession, question: NDArray[np.float32], counted: int
    ) -> tuple[list[int], str]:
        nearest = await search_sketches(scope, SPACE, self.sketches, question, limit=LIMIT)
        if nearest is None:
            raise BenchmarkFailed(f"No sketches of {counted} visible chunks are held.")
        return list(nearest.cosine_by_chunk), "shortlist"


@dataclass(kw_only=True)
class _Asked:
    """The results of a point's questions, in their order."""

    count_seconds: float
    chunk_ids: list[list[int]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    plans: Counter[str] = field(default_factory=Counter)


def measure_permissions(instance: Instance, *, rows: int) -> Outcome:
    """Fills the home's database when it is empty."""
    tenants = [
        SyntheticTenant(number=number, chunk_count=count, seed=SEED)
        for number, count in enumerate([rows, *_smaller(rows)], start=1)
    ]
    with database_url(instance.settings) as url:
        upgrade(url)
        made = asyncio.run(_prepare(url))
        loaded = load_tenants(url, SPACE, tenants) if made else None
        results = asyncio.run(_measure(url, tenants))
    has_met = all(
        result["way"] == "planned"
        or (
            result["recall_at_50"] >= LEAST_RECALL
            and result["milliseconds"]["p95"] <= MOST_MILLISECONDS
            and result["fewest_rows"] == min(LIMIT, result["visible"])
        )
        for result in results
    )
    return Outcome(
        question="Vector search of callers who see a part: recall@50, latency, rows",
        target=f"recall >= {LEAST_RECALL}, p95 <= {MOST_MILLISECONDS:g} ms, no row too few",
        has_met_target=has_met,
        numbers={"rows": rows, "loaded": loaded, "points": results},
        seed=SEED,
        warm_up=WARM_UP,
    )


def _smaller(rows: int) -> list[int]:
    return [max(rows // divisor, LIMIT) for divisor in SMALLER_TENANTS]


async def _prepare(url: str) -> bool:
    """True when the space is empty."""
    database = Database(url, pool_size=1)
    await ensure_space(database, SPACE)
    tenant_id = TenantId(SyntheticTenant(number=1, chunk_count=1, seed=SEED).id)
    async with database.tenant(tenant_id, viewer=None) as scope:
        count = await count_visible(scope, SPACE, VectorFilter())
    await database.close()
    return not count


async def _measure(url: str, synthetic: Sequence[SyntheticTenant]) -> list[PointResult]:
    database = Database(url, pool_size=2)
    sketches = SketchCache(database, max_bytes=MAX_BYTES)
    ways: dict[str, _Way] = {"held sketches": _Shortlisted(sketches=sketches), "planned": _planned}
    results: list[PointResult] = []
    first_chunk = 1
    for each in synthetic:
        blocks = list(each.blocks())
        tenant = _Tenant(
            synthetic=each,
            vectors=np.concatenate([block.vectors for block in blocks]).astype(np.float16),
            document_of=np.concatenate([block.document_of for block in blocks]),
            first_chunk=first_chunk,
        )
        first_chunk += each.chunk_count
        started = perf_counter()
        await sketches.catch_up(TenantId(each.id), SPACE)
        print(f"  {each.chunk_count} chunks sketched in {perf_counter() - started:.2f} s")
        for point in _points(tenant, is_biggest=each is synthetic[0]):
            for name, way in ways.items():
                results.append(await _measure_point(database, point, name, way))
                print(_line(results[-1]), flush=True)
    await sketches.aclose()
    await database.close()
    return results


def _points(tenant: _Tenant, *, is_biggest: bool) -> list[_Point]:
    everything = _Point(tenant=tenant, principal=EVERY_READER, about="any")
    if not is_biggest:
        return [everything]
    points = [everything]
    for share in SHARES:
        by_topic = group(share, by_topic=True)
        points.append(_Point(tenant=tenant, principal=by_topic, about="visible"))
        points.append(_Point(tenant=tenant, principal=by_topic, about="any"))
        by_chance = group(share, by_topic=False)
        points.append(_Point(tenant=tenant, principal=by_chance, about="any"))
    return points


async def _measure_point(database: Database, point: _Point, name: str, way: _Way) -> PointResult:
    tenant, viewer = point.tenant, Viewer(principals=(point.principal,))
    sees = np.array([point.principal in names for names in tenant.synthetic.principals])
    visible = np.flatnonzero(sees[tenant.document_of])
    questions = _questions(point, visible)
    asked = await _ask(database, TenantId(tenant.synthetic.id), viewer, questions, way)
    found = [[chunk_id - tenant.first_chunk for chunk_id in ids] for ids in asked.chunk_ids]
    recalls = recall_of(tenant.vectors, visible, questions[WARM_UP:], found[WARM_UP:])
    return {
        "tenant_chunks": tenant.synthetic.chunk_count,
        "principal": point.principal,
        "about": point.about,
        "visible": len(visible),
        "way": name,
        "plans": dict(asked.plans),
        "recall_at_50": round(float(np.mean(recalls)), 4),
        "lowest_recall": round(min(recalls), 4),
        "fewest_rows": min(len(rows) for rows in found),
        "milliseconds": spread([each * 1000 for each in asked.seconds[WARM_UP:]]),
        "first_count_milliseconds": round(asked.count_seconds * 1000, 2),
    }


def _questions(point: _Point, visible: NDArray[np.int64]) -> NDArray[np.float32]:
    vectors = point.tenant.vectors
    generator = np.random.default_rng([SEED, *point.principal.encode()])
    pool = visible if point.about == "visible" else np.arange(len(vectors))
    chosen = generator.choice(pool, QUERIES + WARM_UP)
    return perturbed(vectors[chosen].astype(np.float32), generator)


async def _ask(
    database: Database,
    tenant_id: TenantId,
    viewer: Viewer,
    questions: NDArray[np.float32],
    way: _Way,
) -> _Asked:
    async with database.tenant(tenant_id, viewer=viewer) as scope:
        started = perf_counter()
        counted = await count_visible(scope, SPACE, VectorFilter())
        asked = _Asked(count_seconds=perf_counter() - started)
    for question in questions:
        async with database.tenant(tenant_id, viewer=viewer) as scope:
            started = perf_counter()
            chunk_ids, plan = await way(scope, question, counted)
            asked.seconds.append(perf_counter() - started)
        asked.chunk_ids.append(chunk_ids)
        asked.plans[plan] += 1
    return asked


def recall_of(
    vectors: NDArray[np.float16],
    visible: NDArray[np.int64],
    questions: NDArray[np.float32],
    found: Sequence[Sequence[int]],
) -> list[float]:
    """For each question the share of its nearest visible rows, up to LIMIT, that were found.

    Compares with all visible rows. A row that is not visible counts as not found.
    """
    wanted = min(LIMIT, len(visible))
    cosines = np.concatenate(
        [
            questions @ _unit(vectors[visible[start : start + 50_000]]).T
            for start in range(0, len(visible), 50_000)
        ],
        axis=1,
    )
    least = -np.partition(-cosines, wanted - 1, axis=1)[:, wanted - 1]
    recalls = []
    for row, chunks in enumerate(found):
        places = np.searchsorted(visible, chunks)
        is_visible = visible[np.minimum(places, len(visible) - 1)] == chunks
        is_near = cosines[row, places[is_visible]] >= least[row] - TIE
        recalls.append(float(is_near.sum()) / wanted)
    return recalls


def _unit(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    rows = halves.astype(np.float32)
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _line(result: PointResult) -> str:
    times = result["milliseconds"]
    return (
        f"  {result['visible']:>8} of {result['tenant_chunks']:>8} {result['principal']:<22}"
        f" {result['about']:<8} recall {result['recall_at_50']:.4f}"
        f" p50 {times['p50']:.1f} p95 {times['p95']:.1f} ms {result['plans']}"
    )
