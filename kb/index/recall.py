"""The share of the truly nearest that a vector search finds, against comparing everything.

No question is kept anywhere, so a check asks with stored vectors, changed a little.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, cast, func, select

from kb.index.sketches.searching import search_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.vector_search import Plan, VectorFilter, count_visible, search_exactly, search_vectors
from kb.postgres.database import TenantSession
from kb.store.spaces import Space, vectors_table

SAMPLED_SHARE = 0.001
"""The share of those that may miss something; an exact search takes seconds at ten million rows."""

NOISE = 0.3
"""Length of what is added to a unit vector: a question resembles its passage, cosine .96."""

NO_FILTER = VectorFilter()


@dataclass(frozen=True, kw_only=True)
class RecallSample:
    """One question: the share of the truly nearest that were found, and how.

    `milliseconds` is what the search took, `exact_milliseconds` comparing everything after it.
    """

    recall: float
    plan: Plan
    milliseconds: float
    exact_milliseconds: float


def is_sampled(plan: Plan | None, generator: random.Random) -> bool:
    """True for one in a thousand searches whose plan may miss something."""
    return plan in {"shortlist", "signs", "hnsw"} and generator.random() < SAMPLED_SHARE


async def sample_recall(
    scope: TenantSession,
    space: Space,
    question: NDArray[np.float32],
    filters: VectorFilter,
    found: Sequence[int],
    *,
    limit: int,
) -> float:
    """The share of the `limit` truly nearest chunks among `found`, which a search gave for them.

    Of all visible ones where these are fewer; 1 only when nothing is visible. Chunks that are
    missing count as those that are wrong. Compares every visible vector: no search waits for it.
    """
    exact = await search_exactly(scope, space, question, filters, limit=limit)
    if not exact:
        return 1.0
    return len({hit.chunk_id for hit in exact}.intersection(found)) / len(exact)


async def check_recall(
    scope: TenantSession,
    sketches: SketchCache,
    space: Space,
    *,
    samples: int,
    limit: int,
    seed: int,
) -> list[RecallSample]:
    """Asks about random visible chunks, as searches do; empty when nothing is visible."""
    generator = np.random.default_rng(seed)
    visible_count = await count_visible(scope, space, NO_FILTER)
    checked: list[RecallSample] = []
    for _ in range(samples if visible_count else 0):
        vector = await _random_vector(scope, space, float(generator.random()))
        if vector is None:
            continue
        # Beside it in a random direction.
        noise = generator.standard_normal(len(vector)).astype(np.float32)
        moved = vector / np.linalg.norm(vector) + np.float32(NOISE) * noise / np.linalg.norm(noise)
        question: NDArray[np.float32] = moved / np.linalg.norm(moved)

        started = perf_counter()
        nearest = await search_sketches(scope, space, sketches, question, limit=limit)
        plan: Plan = "shortlist"
        if nearest is not None:
            found = list(nearest.cosine_by_chunk)
        else:
            started = perf_counter()
            hits, plan = await search_vectors(
                scope, space, question, NO_FILTER, limit=limit, visible_count=visible_count
            )
            found = [hit.chunk_id for hit in hits]
        ended = perf_counter()
        recall = await sample_recall(scope, space, question, NO_FILTER, found, limit=limit)
        checked.append(
            RecallSample(
                recall=recall,
                plan=plan,
                milliseconds=(ended - started) * 1000,
                exact_milliseconds=(perf_counter() - ended) * 1000,
            )
        )
    return checked


async def _random_vector(
    scope: TenantSession, space: Space, position: float
) -> NDArray[np.float32] | None:
    """The first visible vector from this share of the tenant's chunk ids on; None without one."""
    table = vectors_table(space).c
    ids = table.chunk_id
    first, last = (
        select(end(ids)).where(table.tenant_id == scope.tenant_id).scalar_subquery()
        for end in (func.min, func.max)
    )
    wanted = cast(first + func.floor((last - first + 1) * position), BigInteger)
    query = (
        select(table.embedding)
        .where(table.tenant_id == scope.tenant_id, ids >= wanted)
        .order_by(ids)
        .limit(1)
    )
    row = (await scope.connection.execute(query)).scalar_one_or_none()
    return None if row is None else np.asarray(row, dtype=np.float32)
