"""A key may make so many requests in any sixty seconds."""

import pytest

from app.http.rate_limit import KeyRateLimited, RateLimiter


class Clock:
    """Stands in for time.time, which the library reads too."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


def test_headers_count_down(clock: Clock) -> None:
    limiter = RateLimiter(3)

    first = limiter.admit("key")
    clock.now += 10
    second = limiter.admit("key")

    assert first == {
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "2",
        "RateLimit-Reset": "60",
    }
    # The first request stops counting 60 - 10 seconds from now.
    assert second == {
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "1",
        "RateLimit-Reset": "50",
    }


def test_one_too_many_is_refused_and_told_when_to_come_back(clock: Clock) -> None:
    limiter = RateLimiter(2)
    limiter.admit("key")
    clock.now += 15.5
    limiter.admit("key")

    with pytest.raises(KeyRateLimited) as refused:
        limiter.admit("key")

    assert refused.value.retry_after_seconds == 45  # 60 - 15.5, rounded up
    assert refused.value.code == "rate_limited"
    assert refused.value.headers == {
        "RateLimit-Limit": "2",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "45",
    }


def test_the_window_moves(clock: Clock) -> None:
    limiter = RateLimiter(2)
    limiter.admit("key")
    clock.now += 50
    limiter.admit("key")

    clock.now += 10.5  # the first one is 60.5 s old, the second 10.5 s

    assert limiter.admit("key")["RateLimit-Remaining"] == "0"
    with pytest.raises(KeyRateLimited):
        limiter.admit("key")


def test_refused_requests_do_not_count(clock: Clock) -> None:
    limiter = RateLimiter(1)
    limiter.admit("key")
    for _ in range(5):
        clock.now += 10
        with pytest.raises(KeyRateLimited):
            limiter.admit("key")

    clock.now += 10.5

    limiter.admit("key")


def test_each_key_has_its_own_limit(clock: Clock) -> None:
    limiter = RateLimiter(1)

    limiter.admit("one")
    limiter.admit("other")

    with pytest.raises(KeyRateLimited):
        limiter.admit("one")


def test_zero_is_no_limit() -> None:
    limiter = RateLimiter(0)

    assert [limiter.admit("key") for _ in range(1000)] == [{}] * 1000
