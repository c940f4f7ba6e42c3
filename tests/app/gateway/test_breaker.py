"""The circuit breaker, with a clock that the test turns."""

from dataclasses import dataclass, field

import pytest

from app.gateway.breaker import Breaker, BreakerLimits, BreakerState


@dataclass
class Bench:
    """A breaker that opens after three failures for ten seconds."""

    now: float = 100.0
    told: list[BreakerState] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = BreakerLimits(failures=3, open_seconds=10)
        self.breaker = Breaker(limits, clock=lambda: self.now, on_change=self.told.append)

    def fail(self, times: int) -> None:
        for _ in range(times):
            assert self.breaker.admits()
            self.breaker.record_failure()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_starts_closed_and_says_so(bench: Bench) -> None:
    assert bench.breaker.admits()
    assert bench.told == ["closed"]


def test_failures_in_a_row_open_it(bench: Bench) -> None:
    bench.fail(3)

    assert not bench.breaker.admits()
    assert bench.breaker.closed_to_calls_seconds == 10
    assert bench.told == ["closed", "open"]


def test_a_success_between_failures_keeps_it_closed(bench: Bench) -> None:
    bench.fail(2)
    bench.breaker.record_success()
    bench.fail(2)

    assert bench.breaker.admits()


def test_after_its_time_one_call_probes_and_the_others_wait(bench: Bench) -> None:
    bench.fail(3)
    bench.now += 10

    assert bench.breaker.admits()
    assert not bench.breaker.admits()
    assert bench.breaker.state == "half_open"


def test_a_probe_that_succeeds_closes_it(bench: Bench) -> None:
    bench.fail(3)
    bench.now += 10
    bench.breaker.admits()

    bench.breaker.record_success()

    assert bench.breaker.admits()
    assert bench.told == ["closed", "open", "half_open", "closed"]


def test_a_probe_that_fails_opens_it_for_its_whole_time(bench: Bench) -> None:
    bench.fail(3)
    bench.now += 10
    bench.fail(1)
    bench.now += 9

    assert not bench.breaker.admits()
    assert bench.breaker.closed_to_calls_seconds == 1


def test_a_probe_that_tells_nothing_leaves_room_for_the_next(bench: Bench) -> None:
    bench.fail(3)
    bench.now += 10
    bench.breaker.admits()

    bench.breaker.record_unknown()

    assert bench.breaker.admits()


def test_a_late_failure_while_it_is_open_does_not_lengthen_its_time(bench: Bench) -> None:
    bench.fail(3)
    bench.now += 6

    bench.breaker.record_failure()

    assert bench.breaker.closed_to_calls_seconds == 4


def test_a_late_success_while_it_is_open_closes_it(bench: Bench) -> None:
    bench.fail(3)

    bench.breaker.record_success()

    assert bench.breaker.admits()
