"""The processor time of a running service, by what spends it; and company that takes its cores."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from evals.attack.processes import GONE, ROLES, Role, of_home, of_role


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Seconds of processor time, user and system; of Postgres all backends."""

    api: float
    postgres: float

    @property
    def all(self) -> float:
        """Of all server processes."""
        return self.api + self.postgres

    def __sub__(self, earlier: Self) -> "Spent":
        return Spent(api=self.api - earlier.api, postgres=self.postgres - earlier.postgres)

    def __add__(self, other: Self) -> "Spent":
        return Spent(api=self.api + other.api, postgres=self.postgres + other.postgres)


NOTHING = Spent(api=0.0, postgres=0.0)


def spent(home: Path) -> Spent:
    """What the home's processes have used so far, of children that ended too.

    The system counts in steps of 10 ms for each process: measure a second at least.
    """
    api = postgres = 0.0
    for process in of_home(home):
        with suppress(*GONE):
            seconds = _seconds(process)
            if process.name() == "postgres":
                postgres += seconds
            else:
                api += seconds
    return Spent(api=api, postgres=postgres)


def spent_by_role(home: Path) -> dict[Role, float]:
    """The same, with the worker and what it starts apart from the API."""
    by_role = dict.fromkeys(ROLES, 0.0)
    for role in ROLES:
        for process in of_role(home, role):
            with suppress(*GONE):
                by_role[role] += _seconds(process)
    return by_role


def _seconds(process: psutil.Process) -> float:
    """Of one that has ended, its parent has the time that it was waited for."""
    times = process.cpu_times()
    seconds: float = times.user + times.system + times.children_user + times.children_system
    return seconds


@contextmanager
def busy_cores() -> Iterator[None]:
    """A process that never rests, for each core, during the block."""
    with ExitStack() as stack:
        for _ in range(len(os.sched_getaffinity(0))):
            command = [sys.executable, "-c", "while True: pass"]
            process = subprocess.Popen(command)  # noqa: S603  # our own command
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


@contextmanager
def on_cores(count: int) -> Iterator[int]:
    """Only so many cores for this process and what it starts; how many there are then."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield min(count, len(before))
    finally:
        os.sched_setaffinity(0, before)
