"""Convex fusion, against figures worked out by hand and a second implementation."""

from collections.abc import Mapping

import numpy as np
import pytest

from app.retrieve.fusion import convex_fusion

SEED = 20261121


@pytest.mark.parametrize(
    ("bm25", "cosine", "weight", "expected"),
    [
        pytest.param({}, {}, 0.5, {}, id="nothing"),
        # 1: .5 * 4/4.  2: .5 * 2/4 + .5 * (.9-.5)/(.9-.5).  4: .5 * (.7-.5)/.4.  3: .5 * 0.
        pytest.param(
            {1: 4.0, 2: 2.0},
            {2: 0.9, 3: 0.5, 4: 0.7},
            0.5,
            {2: 0.75, 1: 0.5, 4: 0.25, 3: 0.0},
            id="both legs",
        ),
        # 1: .8 * 1.  2: .8 * .5 + .2 * 1.  4: .2 * .5.
        pytest.param(
            {1: 4.0, 2: 2.0},
            {2: 0.9, 3: 0.5, 4: 0.7},
            0.8,
            {1: 0.8, 2: 0.6, 4: 0.1, 3: 0.0},
            id="weight",
        ),
        pytest.param({7: 3.0, 8: 1.5}, {}, 0.5, {7: 0.5, 8: 0.25}, id="lexical leg only"),
        pytest.param({}, {7: 0.4, 8: 0.2}, 0.5, {7: 0.5, 8: 0.0}, id="vector leg only"),
        pytest.param({7: 3.0}, {7: -0.3}, 0.5, {7: 1.0}, id="one candidate is the best of all"),
        pytest.param({}, {9: 0.4, 2: 0.4}, 0.5, {2: 0.5, 9: 0.5}, id="equal cosines, ties by id"),
        # (-.1 - -.5) / (.3 - -.5) = .5
        pytest.param({}, {1: -0.5, 2: -0.1, 3: 0.3}, 1.0, {1: 0.0, 2: 0.0, 3: 0.0}, id="weight 1"),
        pytest.param(
            {}, {1: -0.5, 2: -0.1, 3: 0.3}, 0.0, {3: 1.0, 2: 0.5, 1: 0.0}, id="negative cosines"
        ),
        pytest.param({1: 0.0, 2: 0.0}, {}, 0.5, {1: 0.0, 2: 0.0}, id="nothing matched well"),
    ],
)
def test_scores_worked_out_by_hand(
    bm25: Mapping[int, float],
    cosine: Mapping[int, float],
    weight: float,
    expected: Mapping[int, float],
) -> None:
    fused = convex_fusion(bm25, cosine, lexical_weight=weight)

    assert fused == pytest.approx(expected)
    assert list(fused) == list(expected)


def second_implementation(
    bm25: Mapping[int, float], cosine: Mapping[int, float], weight: float
) -> dict[int, float]:
    """The same formula over whole columns."""
    ids = np.array(sorted({*bm25, *cosine}))
    lexical = np.array([bm25.get(chunk_id, np.nan) for chunk_id in ids])
    vector = np.array([cosine.get(chunk_id, np.nan) for chunk_id in ids])
    scaled_lexical = lexical / np.nanmax(lexical)
    scaled_vector = (vector - np.nanmin(vector)) / np.ptp(vector[~np.isnan(vector)])
    fused = np.nansum([weight * scaled_lexical, (1 - weight) * scaled_vector], axis=0)
    order = np.lexsort((ids, -fused))
    return {int(ids[index]): float(fused[index]) for index in order}


@pytest.mark.parametrize("case", range(50))
def test_random_candidates_get_what_a_second_implementation_gives(case: int) -> None:
    generator = np.random.default_rng([SEED, case])
    ids = generator.permutation(1_000)
    lexical_count, vector_count = generator.integers(2, 100, size=2)
    bm25 = {
        int(chunk_id): float(score)
        for chunk_id, score in zip(
            ids[:lexical_count], generator.gamma(2, 5, lexical_count), strict=True
        )
    }
    # About half of the candidates are found by both legs.
    start = lexical_count // 2
    cosine = {
        int(chunk_id): float(score)
        for chunk_id, score in zip(
            ids[start : start + vector_count], generator.uniform(-1, 1, vector_count), strict=True
        )
    }
    weight = float(generator.uniform(0, 1))

    fused = convex_fusion(bm25, cosine, lexical_weight=weight)

    expected = second_implementation(bm25, cosine, weight)
    assert fused == pytest.approx(expected)
    assert list(fused) == list(expected)
    assert 0 <= min(fused.values()) <= max(fused.values()) <= 1 + 1e-12


def test_the_scale_of_a_leg_does_not_matter() -> None:
    bm25, cosine = {1: 4.0, 2: 2.0, 5: 1.0}, {2: 0.9, 3: 0.5, 4: 0.7}

    scaled = convex_fusion(
        {chunk_id: 10 * score for chunk_id, score in bm25.items()},
        {chunk_id: score / 2 - 0.1 for chunk_id, score in cosine.items()},
        lexical_weight=0.5,
    )

    assert scaled == pytest.approx(convex_fusion(bm25, cosine, lexical_weight=0.5))
