"""The limit of requests that a subject may make in a minute.

Counted in this process: with several API processes, on one port or behind a proxy, a subject may
use its limit on each of them. A share of the limit for each would refuse who has one connection.
"""

import math
import time
from collections.abc import Mapping

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from kb.errors import RateLimited


class KeyRateLimited(RateLimited):
    """Too many requests with this key; wait and try again."""

    def __init__(self, *, retry_after_seconds: int, headers: Mapping[str, str]) -> None:
        """`headers` go to the response."""
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.headers = headers


class RateLimiter:
    """Counts each subject's requests of the last sixty seconds; a refused one does not count."""

    def __init__(self, requests_per_minute: int) -> None:
        """0: no limit."""
        self._requests_per_minute = requests_per_minute
        self._limiter = MovingWindowRateLimiter(MemoryStorage()) if requests_per_minute else None

    def admit(self, subject: str) -> Mapping[str, str]:
        """The `RateLimit-*` headers for the response to this request; none without a limit.

        `RateLimit-Reset` is in seconds: when the oldest request that counts stops counting.

        Raises:
            KeyRateLimited: the subject has used its limit up.
        """
        if self._limiter is None:
            return {}
        item = RateLimitItemPerMinute(self._requests_per_minute)
        is_allowed = self._limiter.hit(item, subject)
        window = self._limiter.get_window_stats(item, subject)
        # `limits` reads the same clock. At least 1: "again in 0 seconds" would make a busy loop.
        reset_seconds = max(1, math.ceil(window.reset_time - time.time()))
        headers = {
            "RateLimit-Limit": str(self._requests_per_minute),
            "RateLimit-Remaining": str(max(0, window.remaining)),
            "RateLimit-Reset": str(reset_seconds),
        }
        if not is_allowed:
            raise KeyRateLimited(retry_after_seconds=reset_seconds, headers=headers)
        return headers
