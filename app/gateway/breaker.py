"""A circuit breaker: a target that keeps failing is left alone for a while, then tried once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

BreakerState = Literal["closed", "half_open", "open"]


@dataclass(frozen=True, kw_only=True)
class BreakerLimits:
    """When a breaker opens and for how long.

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
        """`clock` gives seconds that only grow; `on_change` is told each state, now and later."""
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
        """How long no call is admitted; 0 when one may be."""
        if self._state != "open":
            return 0.0
        return max(0.0, self._opened_at + self._limits.open_seconds - self._clock())

    def admits(self) -> bool:
        """True when a call may be made. Its outcome must then be told, whatever it is."""
        if self._state == "closed":
            return True
        if self._state == "half_open" or self.closed_to_calls_seconds > 0:
            return False
        self._change("half_open")
        return True

    def succeeded(self) -> None:
        """A call that was admitted has been answered."""
        self._failures = 0
        self._change("closed")

    def failed(self) -> None:
        """A call that was admitted found the target ill."""
        if self._state == "open":
            return  # it was admitted before
        self._failures += 1
        if self._state == "half_open" or self._failures >= self._limits.failures:
            self._opened_at = self._clock()
            self._change("open")

    def said_nothing(self) -> None:
        """A call that was admitted ended without telling how the target is."""
        if self._state == "half_open":
            # Open, with its time over: the next call probes.
            self._change("open")

    def _change(self, state: BreakerState) -> None:
        if state != self._state:
            self._state = state
            self._on_change(state)
