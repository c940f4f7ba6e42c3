"""One score for each candidate, from BM25, the vectors and its likeness to the best ones.

evidence(c) = w * z(bm25(c)) + (1 - w) * z(cos(question, c))
seen(c)     = evidence(c) + what its text says for it, where it has been read (phrases.py)
likeness(c) = cos(p, c);  p: mean vector of the 5 best by seen, weighed by exp(10 * seen)
total(c)    = seen(c) + 0.2 * z(likeness(c))
score(c)    = 1 - (total(best) - total(c)) / 8, at least 0

z is the number of standard deviations from the mean over all candidates; bm25 is 0 for what BM25
did not find, the cosine is the true one also for what the vectors did not find.
Likeness is pseudo-relevance feedback; it judges candidates and finds no new ones.
Sources: Bruch, Gai, Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023,
doi:10.1145/3596512 (convex mixes); Lee, Analyses of Multiple Evidence Combination, SIGIR 1997, and
Rocchio, 1971 (feedback). What was tried beside them, with numbers: evals/notes/retrieval.md.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.index.candidate_vectors import CandidateVectors

FEEDBACK_PASSAGES: Final = 5
SHARPNESS: Final = 10.0
"""One tenth of a standard deviation less evidence counts a third: mostly the best one speaks."""

FEEDBACK_WEIGHT: Final = 0.2
"""From .1 to .3 the mean nDCG@10 of seven sets stays within .001; without, it is .001 less."""

SPAN: Final = 8.0
"""Standard deviations from the best candidate to one that scores 0: about as far as the worst of
two hundred. Not the worst one found, or of two passages one would always be worth nothing."""

_EQUAL: Final = 1e-6
"""Rounding makes equal scores differ by less."""

_Scores = NDArray[np.float64]


def fuse_evidence(
    bm25_by_chunk: Mapping[int, float],
    vectors: CandidateVectors,
    question: NDArray[np.float32],
    *,
    lexical_weight: float,
) -> dict[int, float]:
    """Evidence for all that either search found, in standard deviations, best first, ties by id.

    `vectors` holds those of all candidates, `question` is of unit length. A chunk
    without a vector is taken to be as far away as the farthest.
    """
    chunk_ids = sorted({*bm25_by_chunk, *vectors.chunk_ids})
    bm25 = np.array([bm25_by_chunk.get(chunk_id, 0.0) for chunk_id in chunk_ids])
    places = np.searchsorted(chunk_ids, vectors.chunk_ids)
    cosine = _placed(vectors.rows @ question, places, len(chunk_ids))
    evidence = lexical_weight * _standard(bm25) + (1 - lexical_weight) * _standard(cosine)
    order = np.argsort(-evidence, kind="stable")
    return {chunk_ids[index]: float(evidence[index]) for index in order}


def rescore_with_feedback(
    evidence_by_chunk: Mapping[int, float], vectors: CandidateVectors
) -> dict[int, float]:
    """The scores of the candidates of `fuse_evidence`, 0 to 1, best first, ties by id.

    The evidence is with that of their text where it has been read: seen(c) above.
    """
    chunk_ids = sorted(evidence_by_chunk)
    # The place of each row's chunk among the candidates.
    places = np.searchsorted(chunk_ids, vectors.chunk_ids)
    seen = np.array([evidence_by_chunk[chunk_id] for chunk_id in chunk_ids], dtype=np.float64)
    # The cosine of each row with what the best rows have in common.
    seen_of_rows = seen[places]
    best_rows = np.argsort(-seen_of_rows, kind="stable")[:FEEDBACK_PASSAGES]
    best_seen = seen_of_rows[best_rows]
    weights = np.exp(SHARPNESS * (best_seen - best_seen.max(initial=-np.inf)))
    likeness = vectors.rows @ (weights @ vectors.rows[best_rows])
    placed = _placed(likeness, places, len(chunk_ids))
    total = seen + FEEDBACK_WEIGHT * _standard(placed)
    order = np.argsort(-total, kind="stable")
    scores = np.maximum(0.0, 1 - (total.max(initial=-np.inf) - total) / SPAN)
    return {chunk_ids[index]: float(scores[index]) for index in order}


def _placed(scores: NDArray[np.float32], places: NDArray[np.intp], count: int) -> _Scores:
    """The scores among all candidates; the others have the lowest of them."""
    placed = np.full(count, scores.min(initial=np.inf) if len(scores) else 0.0)
    placed[places] = scores
    return placed


def _standard(scores: _Scores) -> _Scores:
    if not len(scores):
        return scores
    deviation = scores.std()
    return (scores - scores.mean()) / deviation if deviation > _EQUAL else np.zeros_like(scores)
