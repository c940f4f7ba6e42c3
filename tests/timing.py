"""How much CPU something takes, whatever else the machine does."""

import time
from collections.abc import Callable

TRIES = 3


def cpu_seconds(work: Callable[[], object]) -> float:
    """The CPU time of this thread for the work: the best of three times."""
    best = float("inf")
    for _ in range(TRIES):
        started = time.thread_time()
        work()
        best = min(best, time.thread_time() - started)
    return best
