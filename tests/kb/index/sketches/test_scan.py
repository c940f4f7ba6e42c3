"""The lowest of many numbers, as sorting finds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.index.sketches import scan
from kb.index.sketches.scan import SAMPLED, lowest, within


@given(st.lists(st.integers(0, 384), max_size=200), st.integers(1, 250))
def test_the_lowest_are_as_sorting_finds_them(numbers: list[int], count: int) -> None:
    differing = np.array(numbers, dtype=np.uint16)

    found = lowest(differing, count)

    assert sorted(differing[found]) == sorted(numbers)[:count]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("shape", ["normal", "equal", "rising", "every 61st is low"])
def test_a_sample_leads_to_the_same_lowest(shape: str) -> None:
    count, rows = 100, SAMPLED * 100 * 3
    place = np.arange(rows)
    by_shape = {
        "normal": np.random.default_rng(1).normal(190, 10, rows),
        "equal": np.full(rows, 7),
        "rising": place // 100,
        "every 61st is low": np.where(place % SAMPLED, 200, 10),
    }
    differing = by_shape[shape].astype(np.uint16)

    found = lowest(differing, count)

    assert sorted(differing[found]) == sorted(differing)[:count]
    assert len(set(found)) == count


@pytest.mark.parametrize(
    ("margin", "count", "expected"),
    [
        # The second lowest is 4.
        (0, 1, [3, 4]),
        (1, 1, [3, 4, 5, 5]),
        (5, 1, [3, 4, 5, 5, 9]),
        (5, 4, [3, 4, 5, 5, 9]),
        # What is wanted at least reaches beyond the margin.
        (1, 5, [3, 4, 5, 5, 9]),
        (1, 6, [3, 4, 5, 5, 9, 20]),
        (1, 9, [3, 4, 5, 5, 9, 20]),
        # And what is taken at most is the lowest of those within it.
        (100, 3, [3, 4, 5, 5, 9]),
    ],
)
def test_what_is_within_a_margin_is_taken(
    monkeypatch: pytest.MonkeyPatch, margin: int, count: int, expected: list[int]
) -> None:
    monkeypatch.setattr(scan, "MOST_ALIKE", 5)
    differing = np.array([20, 5, 9, 3, 5, 4], dtype=np.uint16)

    found = within(differing, margin, limit=2, count=max(count, 2))

    assert sorted(differing[found]) == expected
    assert len(set(found)) == len(found)
