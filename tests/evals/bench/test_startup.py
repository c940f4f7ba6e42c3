"""The verdict of the benchmark of starts."""

import pytest

from evals.bench.startup import Start, judge


@pytest.mark.parametrize(
    ("ready_seconds", "first", "is_met"),
    [
        # 150 over a median of 100.
        pytest.param(4.0, 150.0, True, id="met"),
        pytest.param(4.1, 150.0, False, id="ready too late"),
        pytest.param(4.0, 151.0, False, id="the first answer too slow"),
    ],
)
def test_a_start_is_held_to_its_time_and_to_its_first_answer(
    ready_seconds: float, first: float, *, is_met: bool
) -> None:
    # The two after the first count as neither.
    start = Start(ready_seconds=ready_seconds, answers=[first, 900.0, 900.0, 90.0, 100.0, 110.0])

    outcome = judge([start] * 3, first_seconds=9.0)

    assert outcome.has_met_target is is_met
    first_answers, warm_answers = (
        outcome.numbers[f"{which}_answer_milliseconds"] for which in ("first", "warm")
    )
    assert isinstance(first_answers, dict)
    assert isinstance(warm_answers, dict)
    assert (first_answers["n"], warm_answers["n"]) == (3, 9)
