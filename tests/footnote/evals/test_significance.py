"""Differences between two runs, with p-values worked out by hand."""

import numpy as np
import pytest

from footnote.evals.significance import (
    VariantPair,
    compare,
    difference_interval,
    randomisation_p_value,
)
from kb.errors import InvalidInput
from tests.footnote.evals.small_set import evaluation_of, result_of


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        # All of one sign: only ++++ and ---- reach the sum of 4; 2 of 16.
        ([1.0, 1.0, 1.0, 1.0], 2 / 16),
        # A sum of 2: three of one sign and one of the other (8), or all of one sign (2).
        ([1.0, 1.0, 1.0, -1.0], 10 / 16),
        # Sums of signs of .5, .3, .1: .9 .7 .3 .1 -.1 -.3 -.7 -.9; four reach .7.
        ([0.5, 0.3, -0.1], 4 / 8),
        # Pairs without a difference count for nothing: ++ and -- of four.
        ([0.25, 0.0, 0.0, 0.25], 2 / 4),
        # Every choice of signs sums to at least nothing.
        ([0.0, 0.0], 1.0),
        ([0.5, -0.5], 1.0),
    ],
)
def test_a_few_differences_are_tested_exactly(differences: list[float], expected: float) -> None:
    assert randomisation_p_value(differences) == expected


def test_many_differences_are_sampled_close_to_the_exact_value() -> None:
    # 14 ones and 4 minus ones: |sum| >= 10 means at most 4 of 18 of one sign:
    # 2 * (1 + 18 + 153 + 816 + 3060) / 2^18 = 8096 / 262144 = .03088.
    differences = [1.0] * 14 + [-1.0] * 4

    p_value = randomisation_p_value(differences)

    # Standard error of 10,000 draws: sqrt(.03088 * .96912 / 10000) = .00173.
    assert p_value == pytest.approx(8096 / 262144, abs=4 * 0.00173)
    assert p_value == randomisation_p_value(differences)


def test_a_sampled_p_value_is_never_zero() -> None:
    assert randomisation_p_value([1.0] * 500) == 1 / 10_001


def test_the_interval_holds_the_difference() -> None:
    differences = np.random.default_rng(3).normal(0.05, 0.2, size=400)

    low, high = difference_interval(differences)

    # The normal approximation: mean -+ 1.96 * standard deviation / sqrt(400).
    half = 1.96 * differences.std() / 20
    assert low == pytest.approx(differences.mean() - half, abs=0.003)
    assert high == pytest.approx(differences.mean() + half, abs=0.003)


def test_equal_differences_leave_no_doubt() -> None:
    low, high = difference_interval([0.25] * 3)

    assert (low, high) == (0.25, 0.25)


def test_one_question_says_nothing_about_others() -> None:
    assert difference_interval([0.25]) == (0.25, 0.25)


def test_runs_are_compared_for_every_measure() -> None:
    first = evaluation_of(result_of({"ndcg@10": [0.0, 0.5, 0.5, 0.0], "mrr@10": [1.0] * 4}))
    second = evaluation_of(result_of({"ndcg@10": [0.5, 1.0, 1.0, 0.5], "mrr@10": [1.0] * 4}))

    better, same = compare(first, second)

    assert (better["measure"], better["n"]) == ("ndcg@10", 4)
    assert (better["first"], better["second"], better["difference"]) == (0.25, 0.75, 0.5)
    assert (better["low"], better["high"], better["p_value"]) == (0.5, 0.5, 0.125)
    assert (same["measure"], same["difference"], same["p_value"]) == ("mrr@10", 0, 1)


def test_two_variants_of_one_run_can_be_compared() -> None:
    run = evaluation_of(
        result_of({"mrr@10": [0.0, 0.0]}, variant="lexical"),
        result_of({"mrr@10": [1.0, 1.0]}, variant="hybrid"),
    )

    [comparison] = compare(run, run, VariantPair(first="lexical", second="hybrid"))

    assert comparison["variant"] == "lexical -> hybrid"
    assert (comparison["difference"], comparison["p_value"]) == (1.0, 0.5)


def test_other_data_cannot_be_compared() -> None:
    result = result_of({"mrr@10": [1.0]})
    changed = {**result, "dataset_sha256": "1" * 64}

    with pytest.raises(InvalidInput, match="data of 'small' differ"):
        compare(evaluation_of(result), evaluation_of(changed))  # type: ignore[arg-type]  # same keys


def test_other_questions_cannot_be_compared() -> None:
    first, second = result_of({"mrr@10": [1.0]}), result_of({"mrr@10": [1.0, 1.0]})

    with pytest.raises(InvalidInput, match="different questions of 'small'"):
        compare(evaluation_of(first), evaluation_of(second))


def test_runs_with_nothing_in_common_cannot_be_compared() -> None:
    first = result_of({"mrr@10": [1.0]}, variant="lexical")
    second = result_of({"mrr@10": [1.0]}, variant="vector")

    with pytest.raises(InvalidInput, match="no data set and variant in common"):
        compare(evaluation_of(first), evaluation_of(second))


def test_runs_without_a_common_measure_cannot_be_compared() -> None:
    first, second = result_of({"mrr@10": [1.0]}), result_of({"ndcg@10": [1.0]})

    with pytest.raises(InvalidInput, match="no measure in common"):
        compare(evaluation_of(first), evaluation_of(second))


def test_different_evaluations_cannot_be_compared() -> None:
    run = evaluation_of(result_of({"mrr@10": [1.0]}))

    with pytest.raises(InvalidInput, match="same evaluation"):
        compare(run, {**run, "evaluation": "answers"})
