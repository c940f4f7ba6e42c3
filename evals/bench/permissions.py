"""Recall and latency of vector search under permissions, at scale.

One table holds a big tenant and small ones. In the big one a caller sees all, a tenth, ... a
ten-thousandth; whole topics, or documents here and there. Questions are about texts that the
caller may read, and about any text of the tenant.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, TypedDict, assert_never, get_args

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
    make_space,
    perturbed,
)
from kb.ids import TenantId
from kb.index.sketches.searching import search_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.sketch_files import SketchFiles
from kb.index.vector_search import VectorFilter, count_visible, search_vectors
from kb.postgres.database import Database, TenantSession, Viewer
from kb.postgres.embedded_postgres import database_url
from kb.store.spaces import Space
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
Way = Literal["held sketches", "planned"]
"""By the sketches that a node holds, as the service does; or by Postgres' plans alone, as while
sketches are not held."""


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


def measure_permissions(instance: Instance, *, rows: int) -> Outcome:
    """Fills the home's database when it is empty."""
    sizes = [rows, *(max(rows // divisor, LIMIT) for divisor in SMALLER_TENANTS)]
    tenants = [
        SyntheticTenant(number=number, chunk_count=count, seed=SEED)
        for number, count in enumerate(sizes, start=1)
    ]
    with database_url(instance.settings) as url:
        upgrade(url)
        is_empty = asyncio.run(make_space(url, SPACE, tenants[0]))
        loaded = load_tenants(url, SPACE, tenants) if is_empty else None
        files = SketchFiles(instance.settings.home_path / "sketches")
        results = asyncio.run(_measure(url, tenants, files))
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


async def _measure(
    url: str, synthetic: Sequence[SyntheticTenant], files: SketchFiles
) -> list[PointResult]:
    database = Database(url, pool_size=2)
    sketches = SketchCache(database, max_bytes=MAX_BYTES, files=files)
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
            results += [
                await _measure_point(database, sketches, point, way) for way in get_args(Way)
            ]
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


async def _measure_point(
    database: Database, sketches: SketchCache, point: _Point, way: Way
) -> PointResult:
    tenant, viewer = point.tenant, Viewer(principals=(point.principal,))
    sees = np.array([point.principal in names for names in tenant.synthetic.principals])
    visible = np.flatnonzero(sees[tenant.document_of])
    generator = np.random.default_rng([SEED, *point.principal.encode()])
    pool = visible if point.about == "visible" else np.arange(len(tenant.vectors))
    chosen = generator.choice(pool, QUERIES + WARM_UP)
    questions = perturbed(tenant.vectors[chosen].astype(np.float32), generator)

    tenant_id = TenantId(tenant.synthetic.id)
    async with database.tenant(tenant_id, viewer=viewer) as scope:
        started = perf_counter()
        counted = await count_visible(scope, SPACE, VectorFilter())
        count_seconds = perf_counter() - started
    found: list[list[int]] = []
    seconds: list[float] = []
    plans = Counter[str]()
    for question in questions:
        async with database.tenant(tenant_id, viewer=viewer) as scope:
            started = perf_counter()
            chunk_ids, plan = await _search(scope, sketches, question, counted, way)
            seconds.append(perf_counter() - started)
        found.append([chunk_id - tenant.first_chunk for chunk_id in chunk_ids])
        plans[plan] += 1

    recalls = recall_of(tenant.vectors, visible, questions[WARM_UP:], found[WARM_UP:])
    result: PointResult = {
        "tenant_chunks": tenant.synthetic.chunk_count,
        "principal": point.principal,
        "about": point.about,
        "visible": len(visible),
        "way": way,
        "plans": dict(plans),
        "recall_at_50": round(float(np.mean(recalls)), 4),
        "lowest_recall": round(min(recalls), 4),
        "fewest_rows": min(len(rows) for rows in found),
        "milliseconds": spread([each * 1000 for each in seconds[WARM_UP:]]),
        "first_count_milliseconds": round(count_seconds * 1000, 2),
    }
    times = result["milliseconds"]
    print(
        f"  {result['visible']:>8} of {result['tenant_chunks']:>8} {result['principal']:<22}"
        f" {result['about']:<8} recall {result['recall_at_50']:.4f}"
        f" p50 {times['p50']:.1f} p95 {times['p95']:.1f} ms {result['plans']}",
        flush=True,
    )
    return result


async def _search(
    scope: TenantSession,
    sketches: SketchCache,
    question: NDArray[np.float32],
    counted: int,
    way: Way,
) -> tuple[list[int], str]:
    """The chunks found, best first, and the plan's name."""
    match way:
        case "held sketches":
            nearest = await search_sketches(scope, SPACE, sketches, question, limit=LIMIT)
            if nearest is None:
                raise BenchmarkFailed(f"No sketches of {counted} visible chunks are held.")
            return list(nearest.cosine_by_chunk), "shortlist"
        case "planned":
            hits, plan = await search_vectors(
                scope, SPACE, question, VectorFilter(), limit=LIMIT, visible_count=counted
            )
            return [hit.chunk_id for hit in hits], plan
        case _:
            assert_never(way)


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
    blocks = []
    for start in range(0, len(visible), 50_000):
        rows = vectors[visible[start : start + 50_000]].astype(np.float32)
        blocks.append(questions @ (rows / np.linalg.norm(rows, axis=1, keepdims=True)).T)
    cosines = np.concatenate(blocks, axis=1)
    least = -np.partition(-cosines, wanted - 1, axis=1)[:, wanted - 1]
    recalls = []
    for row, chunks in enumerate(found):
        places = np.searchsorted(visible, chunks)
        is_visible = visible[np.minimum(places, len(visible) - 1)] == chunks
        is_near = cosines[row, places[is_visible]] >= least[row] - TIE
        recalls.append(float(is_near.sum()) / wanted)
    return recalls
