"""One score for each candidate, from what both legs say of it and what the best one is like.

evidence(c) = w * z(bm25(c)) + (1 - w) * z(cos(question, c))
likeness(c) = cos(p, c);  p: mean vector of the 5 of most evidence, weighed by exp(10 * evidence)
fused(c)    = evidence(c) + 0.3 * z(likeness(c)), scaled so that the candidates span 0 to 1

z is the number of standard deviations from the mean over all candidates; bm25 is 0 for what the
lexical leg did not find, the cosine is the true one also for what the vector leg did not find.
The second line is pseudo-relevance feedback; it judges candidates and finds no new ones.
Sources: Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023,
doi:10.1145/3596512 (convex mixes); Lee, Analyses of Multiple Evidence Combination, SIGIR 1997, and
Rocchio, 1971 (feedback). What was tried beside them, with numbers: docs/retrieval.md.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.candidate_vectors import CandidateVectors

FEEDBACK_PASSAGES: Final = 5
SHARPNESS: Final = 10.0
"""One tenth of a standard deviation less evidence counts a third: mostly the best one speaks."""

FEEDBACK_WEIGHT: Final = 0.3
"""From .2 to .4 the mean nDCG@10 of six sets stays within .001."""

_EQUAL: Final = 1e-6
"""Rounding makes equal scores differ by less."""

_Scores = NDArray[np.float64]


def fuse(
    bm25_by_chunk: Mapping[int, float],
    vectors: CandidateVectors,
    question: NDArray[np.float32],
    *,
    lexical_weight: float,
) -> dict[int, float]:
    """Scores in 0..1 of all that either leg found, best first, ties by chunk id.

    `vectors` holds those of the candidates of both legs, `question` is of unit length. A chunk
    without a vector is taken to be as far away as the farthest.
    """
    chunk_ids = sorted({*bm25_by_chunk, *vectors.chunk_ids})
    if not chunk_ids:
        return {}
    places = np.searchsorted(chunk_ids, vectors.chunk_ids)
    bm25 = np.array([bm25_by_chunk.get(chunk_id, 0.0) for chunk_id in chunk_ids])
    cosine = _placed(vectors.rows @ question, places, len(chunk_ids))
    evidence = lexical_weight * _standard(bm25) + (1 - lexical_weight) * _standard(cosine)
    likeness = _placed(_likeness(vectors, evidence[places]), places, len(chunk_ids))
    fused = _spread(evidence + FEEDBACK_WEIGHT * _standard(likeness))
    order = np.argsort(-fused, kind="stable")
    return {chunk_ids[index]: float(fused[index]) for index in order}


def _likeness(vectors: CandidateVectors, evidence: _Scores) -> NDArray[np.float32]:
    """The cosine of each row with what the best rows have in common."""
    best = np.argsort(-evidence, kind="stable")[:FEEDBACK_PASSAGES]
    weights = np.exp(SHARPNESS * (evidence[best] - evidence[best].max(initial=-np.inf)))
    likeness: NDArray[np.float32] = vectors.rows @ (weights @ vectors.rows[best])
    return likeness


def _placed(scores: NDArray[np.float32], places: NDArray[np.intp], count: int) -> _Scores:
    """The scores among all candidates; the others have the lowest of them."""
    placed = np.full(count, scores.min(initial=np.inf) if len(scores) else 0.0)
    placed[places] = scores
    return placed


def _standard(scores: _Scores) -> _Scores:
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > _EQUAL else np.zeros_like(scores)


def _spread(scores: _Scores) -> _Scores:
    """From 0 to 1; nothing tells equal scores apart, all are the best."""
    span = np.ptp(scores)
    return (scores - scores.min()) / span if span > _EQUAL else np.ones_like(scores)
