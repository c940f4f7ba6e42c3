"""Shares with intervals from resampled groups."""

import pytest

from footnote.evals.bootstrap import grouped_share


def test_the_share_counts_flags_and_not_groups() -> None:
    # Group a: 3 of 4, group b: 0 of 1; 3 / 5, where the mean of the groups would be .375.
    flags, groups = [True, True, True, False, False], ["a", "a", "a", "a", "b"]

    result = grouped_share(flags, groups, seed=1)

    assert result["share"] == pytest.approx(0.6)
    assert (result["n"], result["groups"]) == (5, 2)


def test_the_interval_holds_the_share() -> None:
    flags = [number % 3 != 0 for number in range(300)]
    groups = [str(number // 10) for number in range(300)]

    result = grouped_share(flags, groups, seed=1)

    assert 0 < result["low"] < result["share"] < result["high"] < 1


def test_groups_that_stand_together_make_the_interval_wider() -> None:
    flags = [number < 50 for number in range(100)]

    alone = grouped_share(flags, [str(number) for number in range(100)], seed=1)
    together = grouped_share(flags, [str(number // 10) for number in range(100)], seed=1)

    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])


def test_a_single_group_says_nothing_about_others() -> None:
    result = grouped_share([True, False], ["a", "a"], seed=1)

    assert result["low"] == result["share"] == result["high"] == pytest.approx(0.5)


def test_the_seed_decides_the_interval() -> None:
    flags, groups = [True, False, True, True], ["a", "b", "c", "d"]

    assert grouped_share(flags, groups, seed=3) == grouped_share(flags, groups, seed=3)


def test_there_is_no_share_of_nothing() -> None:
    with pytest.raises(ValueError, match="No share"):
        grouped_share([], [], seed=1)


def test_every_flag_needs_its_group() -> None:
    with pytest.raises(ValueError, match="group"):
        grouped_share([True, False], ["a"], seed=1)
