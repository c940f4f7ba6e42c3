import pytest

from footnote.evals.metrics import (
    any_contains_answer,
    auroc,
    balanced_accuracy,
    contains_answer,
    first_contains_answer,
    normalize_answer,
    percentile,
    recall_at,
    share,
    share_interval,
)


def test_normalizing_drops_case_punctuation_and_articles() -> None:
    assert normalize_answer("The  U.S. Army's (a) twin-cylinder!") == "u s army s twin cylinder"


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("It was built in 1932.", ["1932"], True),
        ("It was built in 1932.", ["1933", "in 1932"], True),
        ("It was built in 19325.", ["1932"], False),
        ("The Eiffel Tower is tall.", ["an Eiffel tower"], True),
        ("Twin-cylinder engines.", ["twin cylinder"], True),
        ("Anything.", [], False),
        ("Anything.", ["the", ""], False),
    ],
)
def test_containing_an_answer(text: str, answers: list[str], *, expected: bool) -> None:
    assert contains_answer(text, answers) is expected


def test_first_and_any_quote() -> None:
    quotes = ["It opened in May.", "It cost 5 million."]

    assert first_contains_answer(quotes, ["May"])
    assert not first_contains_answer(quotes, ["5 million"])
    assert any_contains_answer(quotes, ["5 million"])
    assert not first_contains_answer([], ["May"])
    assert not any_contains_answer([], ["May"])


def test_shares() -> None:
    assert share([True, True, False, False]) == 0.5
    assert share([]) == 0


def test_interval_of_a_share() -> None:
    # Wilson for 8 of 10, z = 1.96, z^2 = 3.8416: middle .8 + .19208 = .99208,
    # reach 1.96 * sqrt(.016 + .009604) = .31363, scale 1.38416.
    assert share_interval(8, 10) == pytest.approx((0.49015, 0.94332), abs=1e-4)
    assert share_interval(0, 10) == pytest.approx((0, 0.27753), abs=1e-4)
    assert share_interval(0, 0) == (0, 1)


def test_recall_counts_the_relevant_among_the_first_k() -> None:
    assert recall_at(["a", "b", "c"], ["c", "b"], k=2) == 0.5
    assert recall_at(["a"], [], k=1) == 0


def test_auroc_counts_pairs_in_the_right_order() -> None:
    # Pairs: 3 > 2, 3 > 1 right; 2 = 2 half; 2 > 1 right: 3.5 of 4.
    assert auroc([3.0, 2.0], [2.0, 1.0]) == 3.5 / 4
    assert auroc([1.0, 1.0], [1.0]) == 0.5
    assert auroc([0.0], [1.0]) == 0


def test_auroc_of_one_side_is_refused() -> None:
    with pytest.raises(ValueError, match="each side"):
        auroc([], [1.0])


def test_balanced_accuracy_weighs_both_sides_alike() -> None:
    # 3 of 4 positives, 1 of 2 negatives: (0.75 + 0.5) / 2.
    assert balanced_accuracy([True, True, True, False], [False, True]) == 0.625


def test_percentiles_are_values_that_occurred() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]

    assert percentile(values, 50) == 3
    assert percentile(values, 95) == 5
    assert percentile(values, 20) == 1
    assert percentile(values, 0) == 1
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)
