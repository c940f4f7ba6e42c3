"""The time until `footnote up` is ready, in a home where it was started before."""

from evals.bench.footnote_process import Instance, running
from evals.bench.record import Outcome, spread

TARGET_SECONDS = 10.0


def measure_startup(instance: Instance, *, runs: int) -> Outcome:
    """The first start makes the home and is not counted."""
    with running(instance) as first:
        first_seconds = first.ready_seconds
    seconds: list[float] = []
    for _ in range(runs):
        with running(instance) as footnote:
            seconds.append(footnote.ready_seconds)
    measured = spread(seconds)
    return Outcome(
        question="Seconds from `footnote up` to /readyz saying 200, after the first start",
        target=f"p50 <= {TARGET_SECONDS:g} s",
        has_met_target=measured["p50"] <= TARGET_SECONDS,
        numbers={
            "ready_seconds": measured,
            "each": [round(value, 3) for value in seconds],
            "first_start_seconds": round(first_seconds, 3),
        },
        warm_up=1,
    )
