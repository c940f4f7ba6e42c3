"""The supervisor: one child that runs, runs again when it dies, and stops at the end."""

import os
import signal
import sys
from pathlib import Path

import pytest

from footnote import supervisor
from footnote.supervisor import Supervisor

LIVE = """
import os, signal, sys
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[1], "w") as told:
    print(os.getpid(), os.environ["TOLD"], file=told)
signal.pause()
"""
"""Says who it is, then lives until it is told to end; with a second argument longer."""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESTART_DELAY_SECONDS", "POLL_SECONDS", "STOP_TIMEOUT_SECONDS"):
        monkeypatch.setattr(supervisor, name, 0.05)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A pipe: reading it waits until the child says who it is."""
    pipe = tmp_path / "told"
    os.mkfifo(pipe)
    return pipe


def supervise(told: Path, *more: str) -> Supervisor:
    command = [sys.executable, "-S", "-E", "-c", LIVE, str(told), *more]
    return Supervisor(command, environment={"TOLD": "hello"})


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_child_runs_in_the_given_environment_and_stops_at_the_end(told: Path) -> None:
    with supervise(told):
        pid, word = told.read_text().split()
        assert is_alive(int(pid))

    assert word == "hello"
    assert not is_alive(int(pid))


def test_a_child_that_dies_is_started_again(told: Path) -> None:
    with supervise(told):
        first = int(told.read_text().split()[0])
        os.kill(first, signal.SIGKILL)
        second = int(told.read_text().split()[0])

        assert second != first
        assert is_alive(second)

    assert not is_alive(second)


def test_a_child_that_will_not_stop_is_killed(told: Path) -> None:
    with supervise(told, "stubborn"):
        pid = int(told.read_text().split()[0])

    assert not is_alive(pid)
