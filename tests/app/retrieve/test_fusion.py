"""The fused score, against figures worked out by hand and a second implementation."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from app.retrieve.fusion import fuse_evidence, rescore_with_feedback
from kb.index.candidate_vectors import CandidateVectors

SEED = 20261121
EAST, NORTH = (1.0, 0.0), (0.0, 1.0)
NORTH_EAST = (0.8, 0.6)


def vectors(row_by_chunk: Mapping[int, tuple[float, ...]], *, dimension: int) -> CandidateVectors:
    rows = np.array([row_by_chunk[each] for each in sorted(row_by_chunk)], dtype=np.float32)
    return CandidateVectors(
        chunk_ids=tuple(sorted(row_by_chunk)), rows=rows.reshape(len(row_by_chunk), dimension)
    )


def fused(
    bm25: Mapping[int, float], rows: Mapping[int, tuple[float, ...]], *, weight: float = 0.5
) -> dict[int, float]:
    """Of candidates in the plane, for a question that points east."""
    question = np.array(EAST, dtype=np.float32)
    candidates = vectors(rows, dimension=2)
    return rescore_with_feedback(
        fuse_evidence(bm25, candidates, question, lexical_weight=weight), candidates
    )


@pytest.mark.parametrize(
    ("bm25", "rows", "expected"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        # Evidence .5 * 1.5 ** .5, 0 and the same below 0; an eighth of what is lacking is lost.
        pytest.param(
            {3: 1.0, 1: 5.0, 2: 3.0},
            {},
            {1: 1.0, 2: 1 - 1.5**0.5 / 16, 3: 1 - 1.5**0.5 / 8},
            id="no vectors",
        ),
        # Evidence .5 and -.5, and .2 and -.2 for likeness.
        pytest.param({}, {4: NORTH, 9: EAST}, {9: 1.0, 4: 1 - 1.4 / 8}, id="vectors alone"),
        pytest.param({7: 3.0}, {7: NORTH}, {7: 1.0}, id="one candidate is the best of all"),
        pytest.param({9: 2.0, 2: 2.0}, {}, {2: 1.0, 9: 1.0}, id="equal scores, ties by id"),
        # Of two candidates each leg says +1 and -1: with equal weights nothing is left of it, and
        # both are equally like what the two have in common.
        pytest.param({4: 2.0}, {4: NORTH, 9: EAST}, {4: 1.0, 9: 1.0}, id="legs that disagree"),
    ],
)
def test_scores_worked_out_by_hand(
    bm25: Mapping[int, float],
    rows: Mapping[int, tuple[float, ...]],
    expected: Mapping[int, float],
) -> None:
    scores = fused(bm25, rows)

    assert scores == pytest.approx(expected)
    assert list(scores) == list(expected)


def test_the_weight_decides_between_legs_that_disagree() -> None:
    bm25, rows = {4: 2.0}, {4: NORTH, 9: EAST}

    assert list(fused(bm25, rows, weight=0.6)) == [4, 9]
    assert list(fused(bm25, rows, weight=0.4)) == [9, 4]


def test_what_is_like_the_best_one_goes_before_its_equal() -> None:
    # 2 and 3 are as near to the question; 1 is the best, and lies on the side of 3.
    rows = {1: NORTH_EAST, 2: (0.5, -(0.75**0.5)), 3: (0.5, 0.75**0.5), 4: (-1.0, 0.0)}

    scores = fused({1: 5.0}, rows)

    assert list(scores) == [1, 3, 2, 4]


def test_a_chunk_without_a_vector_is_as_far_as_the_farthest() -> None:
    rows = {1: EAST, 2: NORTH_EAST, 3: NORTH}

    scores = fused({3: 1.0, 8: 1.0}, rows)

    assert scores[8] == pytest.approx(scores[3])


def test_the_scale_of_bm25_does_not_matter() -> None:
    bm25, rows = {1: 4.0, 2: 2.0, 5: 1.0}, {1: NORTH, 2: NORTH_EAST, 3: EAST}

    scaled = fused({chunk_id: 10 * score for chunk_id, score in bm25.items()}, rows)

    assert scaled == pytest.approx(fused(bm25, rows))


def test_what_the_texts_say_decides_what_the_others_are_compared_with() -> None:
    # As before 2 and 3 are as near to the question; now 4, on the side of 2, has the best text.
    rows = {1: NORTH_EAST, 2: (0.5, -(0.75**0.5)), 3: (0.5, 0.75**0.5), 4: (0.6, -0.8)}
    candidates = vectors(rows, dimension=2)
    evidence = fuse_evidence({}, candidates, np.array(EAST, dtype=np.float32), lexical_weight=0.5)

    scores = rescore_with_feedback({**evidence, 4: evidence[4] + 3}, candidates)

    assert list(scores) == [4, 1, 2, 3]


def test_evidence_is_in_standard_deviations_and_best_first() -> None:
    # Mean 3, standard deviation 2 ** .5: the first and the last are 2 / 2 ** .5 from the mean.
    bm25 = {3: 1.0, 1: 5.0, 2: 3.0, 5: 2.0, 4: 4.0}
    nowhere = vectors({}, dimension=2)

    evidence = fuse_evidence(bm25, nowhere, np.array(EAST, dtype=np.float32), lexical_weight=1)

    assert list(evidence) == [1, 4, 2, 5, 3]
    assert evidence[1] == pytest.approx(2**0.5)
    assert evidence[3] == pytest.approx(-(2**0.5))


def second_implementation(
    bm25: Mapping[int, float],
    rows: Mapping[int, NDArray[np.float32]],
    question: NDArray[np.float32],
    weight: float,
) -> dict[int, float]:
    """The same formula, a candidate at a time."""

    def standard(scores: Mapping[int, float]) -> dict[int, float]:
        mean = sum(scores.values()) / len(scores)
        deviation = (sum((score - mean) ** 2 for score in scores.values()) / len(scores)) ** 0.5
        return {each: (score - mean) / deviation for each, score in scores.items()}

    lexical = standard({each: bm25.get(each, 0.0) for each in rows})
    vector = standard({each: float(row @ question) for each, row in rows.items()})
    evidence = {each: weight * lexical[each] + (1 - weight) * vector[each] for each in rows}
    best = sorted(evidence, key=lambda each: -evidence[each])[:5]
    shares = {each: np.exp(10 * (evidence[each] - evidence[best[0]])) for each in best}
    likeness = standard(
        {
            each: float(sum(share * (rows[other] @ row) for other, share in shares.items()))
            for each, row in rows.items()
        }
    )
    scores = {each: evidence[each] + 0.2 * likeness[each] for each in rows}
    most = max(scores.values())
    ordered = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return {each: max(0.0, 1 - (most - score) / 8) for each, score in ordered}


@pytest.mark.parametrize("case", range(20))
def test_random_candidates_get_what_a_second_implementation_gives(case: int) -> None:
    generator = np.random.default_rng([SEED, case])
    ids = [int(each) for each in generator.permutation(1_000)[: generator.integers(6, 200)]]
    drawn = generator.normal(size=(len(ids) + 1, 16))
    unit = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    row_by_chunk = dict(zip(ids, unit[1:], strict=True))
    bm25 = {each: float(generator.gamma(2, 5)) for each in ids[: len(ids) // 2]}
    weight = float(generator.uniform(0, 1))

    candidates = CandidateVectors(
        chunk_ids=tuple(sorted(ids)), rows=np.stack([row_by_chunk[each] for each in sorted(ids)])
    )
    scores = rescore_with_feedback(
        fuse_evidence(bm25, candidates, unit[0], lexical_weight=weight), candidates
    )

    expected = second_implementation(bm25, row_by_chunk, unit[0], weight)
    assert scores == pytest.approx(expected, abs=1e-5)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert max(scores.values()) == 1.0
    assert min(scores.values()) >= 0.0
