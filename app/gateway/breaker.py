"""A circuit breaker: a target that keeps failing is left alone for a while, then tried once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

BreakerState = Literal["closed", "half_open", "open"]


@dataclass(frozen=True, kw_only=True)
class BreakerLimits:
    """The failures that open a breaker, and the time that it stays open.

    Attributes:
        failures: in a row that open it.
        open_seconds: until one call may try again.
    """

    failures: int = 5
    open_seconds: float = 30.0


class Breaker:
    """The breaker of one target, shared by all calls of the process.

    closed -> open after so many failures in a row -> half-open once its time is over, when one
    call probes -> closed if that succeeds, else open again.
    """

    def __init__(
        self,
        limits: BreakerLimits,
        *,
        clock: Callable[[], float],
        on_change: Callable[[BreakerState], None],
    ) -> None:
        """`clock` gives monotonic seconds; `on_change` is called with each state, the first now."""
        self._limits = limits
        self._clock = clock
        self._on_change = on_change
        self._failures = 0
        self._opened_at = 0.0
        self._state: BreakerState = "closed"
        on_change(self._state)

    @property
    def state(self) -> BreakerState:
        """The state; an open breaker stays open until a call probes."""
        return self._state

    @property
    def closed_to_calls_seconds(self) -> float:
        """Seconds until a call may be admitted; 0 when one may be now."""
        if self._state != "open":
            return 0.0
        return max(0.0, self._opened_at + self._limits.open_seconds - self._clock())

    def admits(self) -> bool:
        """True when a call may be made; its outcome must then be recorded, whatever it is."""
        if self._state == "closed":
            return True
        if self._state == "half_open" or self.closed_to_calls_seconds > 0:
            return False
        self._change("half_open")
        return True

    def record_success(self) -> None:
        """Records that an admitted call was answered."""
        self._failures = 0
        self._change("closed")

    def record_failure(self) -> None:
        """Records that the target failed an admitted call."""
        if self._state == "open":
            return  # it was admitted before
        self._failures += 1
        if self._state == "half_open" or self._failures >= self._limits.failures:
            self._opened_at = self._clock()
            self._change("open")

    def record_unknown(self) -> None:
        """Records that an admitted call ended without showing whether the target works."""
        if self._state == "half_open":
            # Open, with its time over: the next call probes.
            self._change("open")

    def _change(self, state: BreakerState) -> None:
        if state != self._state:
            self._state = state
            self._on_change(state)
