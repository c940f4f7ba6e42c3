"""The growth of a reader's cost is seen: fourfold for a linear one, sixteenfold for a quadratic."""

import pytest

from evals.bench.hostile import Case, growth_of


@pytest.mark.parametrize(("power", "growth"), [(1, 4.0), (2, 16.0)])
def test_growth_is_that_of_four_times_the_text(power: int, growth: float) -> None:
    # The clock advances by the reading itself: 100 characters take 100 seconds, or 100 squared.
    spent = [0.0]

    def read(text: str) -> None:
        spent[0] += float(len(text) ** power)

    case = Case(name="fake", read=read, unit="ab", length=100)

    assert growth_of(case, lambda: spent[0]) == growth
