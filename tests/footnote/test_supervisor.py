"""The supervisor: parts that run, run again when they die, and stop at the end."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from footnote import supervisor
from footnote.supervisor import Child, KeepsDying, Supervisor
from kb import stopping
from kb.postgres.postmaster import is_running

LIVE = """
import os, signal, subprocess, sys
stubborn, beside = "stubborn" in sys.argv, None
if stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    beside = subprocess.Popen([sys.executable, "-S", "-E", "-c", "import signal; signal.pause()"])
with open(sys.argv[1], "w") as told:
    print(os.getpid(), beside.pid if beside else 0, file=told)
signal.pause()
"""
"""Says who it is, then lives until it is told to end; a stubborn one longer, and not alone."""

DIE = "raise SystemExit(3)"

SOON_SECONDS = 30


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_SECONDS", "STOP_TIMEOUT_SECONDS"):
        monkeypatch.setattr(supervisor, name, 0.05)
    monkeypatch.setattr(Child, "restart_delay_seconds", 0.05)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A pipe: reading it waits until the child says who it is."""
    pipe = tmp_path / "told"
    os.mkfifo(pipe)
    return pipe


def child(code: str, *arguments: str) -> Child:
    return Child("worker", [sys.executable, "-S", "-E", "-c", code, *arguments])


def ids(told: Path) -> tuple[int, int]:
    """The process, and the one it started."""
    process, beside = told.read_text().split()
    return int(process), int(beside)


def is_alive(pid: int) -> bool:
    try:
        return is_running(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


async def until_gone(pid: int) -> None:
    """Returns when a process that was killed, perhaps a moment ago, has ended."""
    async with asyncio.timeout(SOON_SECONDS):
        while is_alive(pid):  # noqa: ASYNC110  # nobody tells of its end
            await asyncio.sleep(0.01)


def test_a_child_runs_in_a_session_of_its_own_and_stops_at_the_end(told: Path) -> None:
    with Supervisor([child(LIVE, str(told))]):
        process, _ = ids(told)
        assert os.getsid(process) == process

    assert not is_alive(process)


def test_a_child_that_dies_is_started_again(told: Path) -> None:
    with Supervisor([child(LIVE, str(told))]):
        first, _ = ids(told)
        os.kill(first, signal.SIGKILL)
        second, _ = ids(told)

        assert second != first
        assert is_alive(second)

    assert not is_alive(second)


async def test_a_child_that_will_not_stop_is_killed_with_all_it_started(told: Path) -> None:
    with Supervisor([child(LIVE, str(told), "stubborn")]):
        process, beside = ids(told)
        assert is_alive(beside)

    assert not is_alive(process)
    await until_gone(beside)


async def test_what_a_dead_child_started_ends_before_it_is_started_again(told: Path) -> None:
    with Supervisor([child(LIVE, str(told), "stubborn")]):
        first, beside = ids(told)
        os.kill(first, signal.SIGKILL)
        ids(told)

        await until_gone(beside)


def test_a_child_that_dies_three_times_in_a_minute_ends_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up: list[bool] = []
    monkeypatch.setattr(stopping, "stop_with_failure", lambda: given_up.append(True))

    with pytest.raises(KeepsDying) as caught, Supervisor([child(DIE)]) as watched:
        watched.join()

    assert given_up == [True]
    assert caught.value.message == (
        "The worker died 3 times within a minute (exit code 3); the worker's own lines in this log "
        "say why."
    )


def test_one_that_dies_less_often_is_no_reason_to_end(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "WITHIN_SECONDS", 0.0)

    with Supervisor([child(LIVE, str(told))]):
        for _ in range(supervisor.DEATHS + 1):
            process, _ = ids(told)
            os.kill(process, signal.SIGKILL)
        last, _ = ids(told)
        assert is_alive(last)


def test_a_child_that_dies_before_it_has_begun_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "stop_with_failure", lambda: None)
    command = [sys.executable, "-S", "-E", "-c", DIE]
    dead = Child("api-1", command, kind="api", has_begun=False)

    with (
        capture_logs() as logs,
        pytest.raises(KeepsDying, match=r"The api-1 did not start \(exit code 3\)"),
        Supervisor([dead]) as watched,
    ):
        watched.join()

    assert logs == []
