"""The scale on which one embedding model's cosines mean what another's do.

Linear equating of the cosines that both models give to the same pairs of stored chunks: equal mean,
equal deviation. Source: Kolen and Brennan, Test Equating, Scaling, and Linking, 2014, section 2.4.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.errors import InvalidInput
from kb.ids import TenantId
from kb.index.candidate_vectors import CandidateVectors, read_candidate_vectors
from kb.postgres.database import Database
from kb.store.space_backfill import sample_chunks
from kb.store.spaces import CosineScale, StoredSpace
from kb.unit_vectors import Vectors

SAMPLED_CHUNKS: Final = 1_000
LEAST_CHUNKS: Final = 50
NEAREST: Final = 5
"""Of each chunk, besides as many others by chance: thresholds lie between what is near and what is
not."""


async def equate(
    database: Database, tenant_id: TenantId, space: StoredSpace, reference: StoredSpace
) -> CosineScale:
    """The scale of `space`, by the pairs of the tenant's chunks and the scale of `reference`.

    InvalidInput when fewer than LEAST_CHUNKS have vectors in both.
    """
    async with database.tenant(tenant_id, viewer=None) as scope:
        sampled = await sample_chunks(scope, limit=SAMPLED_CHUNKS)
        own = await read_candidate_vectors(scope, space.space, sampled)
        other = await read_candidate_vectors(scope, reference.space, sampled)
    both = sorted(set(own.chunk_ids) & set(other.chunk_ids))
    if len(both) < LEAST_CHUNKS:
        raise InvalidInput(
            f"{len(both)} chunks have vectors in both spaces: at least {LEAST_CHUNKS} are needed."
        )
    slope, intercept = equating(_rows(own, both), _rows(other, both))
    scale = reference.tuning.cosines
    return CosineScale(
        slope=scale.slope * slope, intercept=scale.slope * intercept + scale.intercept
    )


def equating(own: Vectors, other: Vectors) -> tuple[float, float]:
    """Slope and intercept that turn cosines of `own` into those of `other`; rows are of one text.

    Over each row's nearest by `other`, and as many rows by chance. InvalidInput when all are alike.
    """
    count = len(other)
    cosines = other @ other.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1)[:, :NEAREST].ravel()
    generator = np.random.default_rng(count)
    chance = generator.integers(1, count, size=nearest.shape)
    first = np.repeat(np.arange(count), NEAREST)
    firsts = np.concatenate([first, first])
    seconds = np.concatenate([nearest, (first + chance) % count])

    def of(rows: Vectors) -> NDArray[np.float64]:
        products: NDArray[np.float64] = np.einsum(
            "ij,ij->i", rows[firsts].astype(np.float64), rows[seconds].astype(np.float64)
        )
        return products

    given, wanted = of(own), of(other)
    if not min(given.std(), wanted.std()):
        raise InvalidInput("The chunks are all alike: nothing tells what a cosine means.")
    slope = float(wanted.std() / given.std())
    return slope, float(wanted.mean() - slope * given.mean())


def _rows(vectors: CandidateVectors, chunk_ids: list[int]) -> Vectors:
    place_by_chunk = {chunk_id: place for place, chunk_id in enumerate(vectors.chunk_ids)}
    rows: Vectors = vectors.rows[[place_by_chunk[chunk_id] for chunk_id in chunk_ids]]
    return rows
