"""A search among vectors alone by what is held, for checks and measurements."""

import numpy as np
from numpy.typing import NDArray

from kb.index.candidate_vectors import Nearest, read_nearest
from kb.index.sketches.sketch_cache import SketchCache
from kb.postgres.database import TenantSession
from kb.store.spaces import Space
from kb.store.tenants import current_generation


async def search_sketches(
    scope: TenantSession,
    space: Space,
    sketches: SketchCache,
    question: NDArray[np.float32],
    *,
    limit: int,
) -> Nearest | None:
    """The nearest visible chunks; None while the tenant is not held: Postgres' plans find them."""
    view = await sketches.view(scope, space, generation=await current_generation(scope))
    if view is None:
        return None
    cosine_by_chunk = await view.nearest(question, limit=limit)
    nearest = Nearest(cosine_by_chunk=cosine_by_chunk, vectors=view.vectors(cosine_by_chunk))
    if not view.changed:
        return nearest
    changed = await read_nearest(scope, space, question, view.changed, besides=(), limit=limit)
    return nearest.merged(changed, besides=(), limit=limit)
