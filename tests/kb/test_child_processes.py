import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from kb.child_processes import ChildFailed, ChildLimits, ChildProcesses

LIMITS = ChildLimits(
    memory_bytes=1_000_000_000,
    processor_time=timedelta(seconds=1),
    time=timedelta(seconds=20),
    niceness=3,
)


@pytest.fixture
def children() -> Iterator[ChildProcesses]:
    processes = ChildProcesses(count=2, limits=LIMITS, preload=[])
    yield processes
    processes.close()


def fill_memory() -> int:
    return len(bytearray(4_000_000_000))


def spin() -> None:
    while True:
        pass


def crash() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


def refuse() -> None:
    raise ValueError("no")


def write_pid_and_wait(file: Path) -> None:
    file.write_text(str(os.getpid()))
    signal.pause()


def wait_for_ever() -> None:
    signal.pause()


def niceness() -> int:
    return os.nice(0)


def open_pipes() -> int:
    """Pipes of this process, which no connection beside the test adds to; 0 without /proc."""
    folder = Path("/proc/self/fd")
    found = 0
    for descriptor in folder.iterdir() if folder.exists() else ():
        with suppress(FileNotFoundError):
            found += str(descriptor.readlink()).startswith("pipe:")
    return found


async def test_result_comes_back(children: ChildProcesses) -> None:
    assert await children.run(divmod, 7, 2) == (3, 1)


async def test_call_runs_in_a_process_of_its_own_each_time(children: ChildProcesses) -> None:
    first, second = await children.run(os.getpid), await children.run(os.getpid)

    assert len({first, second, os.getpid()}) == 3


def outputs() -> list[str]:
    return [str(Path(f"/proc/self/fd/{descriptor}").readlink()) for descriptor in (1, 2)]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at files in /proc")
async def test_what_a_child_prints_goes_nowhere(children: ChildProcesses) -> None:
    assert await children.run(outputs) == [os.devnull, os.devnull]


async def test_child_gives_way(children: ChildProcesses) -> None:
    assert await children.run(niceness) == min(19, os.nice(0) + 3)


async def test_error_of_the_call_is_raised(children: ChildProcesses) -> None:
    with pytest.raises(ValueError, match="no"):
        await children.run(refuse)


@pytest.mark.parametrize(
    ("function", "reason"),
    [(fill_memory, "memory"), (spin, "time"), (crash, "crash"), (abort, "crash")],
)
async def test_child_beyond_its_limits_ends_alone(
    children: ChildProcesses, function: Callable[[], object], reason: str
) -> None:
    beside = asyncio.create_task(children.run(divmod, 7, 2))

    with pytest.raises(ChildFailed) as caught:
        await children.run(function)

    assert caught.value.reason == reason
    assert await beside == (3, 1)


async def test_child_that_does_nothing_ends_in_time() -> None:
    limits = ChildLimits(
        memory_bytes=1_000_000_000,
        processor_time=timedelta(seconds=10),
        time=timedelta(seconds=0.3),
    )
    children = ChildProcesses(count=1, limits=limits, preload=[])

    with pytest.raises(ChildFailed) as caught:
        await children.run(wait_for_ever)

    assert caught.value.reason == "time"
    children.close()


async def test_cancelled_call_leaves_no_process(children: ChildProcesses, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    call = asyncio.create_task(children.run(write_pid_and_wait, file))
    while not (file.exists() and file.read_text()):  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(0.01)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


async def test_calls_beyond_the_count_wait_and_may_be_cancelled(children: ChildProcesses) -> None:
    await children.run(divmod, 7, 2)
    open_before = open_pipes()
    running = [asyncio.create_task(children.run(wait_for_ever)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(children.run(divmod, 7, 2))
    await asyncio.sleep(0)

    waiting.cancel()
    for call in running:
        call.cancel()
    await asyncio.gather(waiting, *running, return_exceptions=True)

    assert await children.run(divmod, 7, 2) == (3, 1)
    assert open_pipes() <= open_before


async def test_large_arguments_and_results_pass(children: ChildProcesses) -> None:
    content = b"x" * 20_000_000

    assert await children.run(bytes.upper, content) == content.upper()


async def test_event_loop_goes_on_meanwhile(children: ChildProcesses) -> None:
    call = asyncio.create_task(children.run(time.sleep, 0.05))
    turns = 0
    while not call.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > 10


ROOT = Path(__file__).parents[2]

PARENT = """
import asyncio, sys
from pathlib import Path
from tests.kb.test_child_processes import LIMITS, write_pid_and_wait
from kb.child_processes import ChildProcesses

asyncio.run(ChildProcesses(count=1, limits=LIMITS, preload=[]).run(
    write_pid_and_wait, Path(sys.argv[1])))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when its time is over")
def test_child_ends_with_its_caller(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "pid"
    command = [sys.executable, "-c", PARENT, str(file)]
    with subprocess.Popen(command, cwd=ROOT) as parent:  # noqa: S603  # our own code
        while not (file.exists() and file.read_text()):
            time.sleep(0.01)

        parent.send_signal(number)
        parent.wait()

        deadline = time.monotonic() + 30
        while is_running(int(file.read_text())) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert not is_running(int(file.read_text()))


def test_a_child_is_started_where_the_path_of_temporary_files_is_long(tmp_path: Path) -> None:
    folder = tmp_path / ("temporary-" * 10)
    folder.mkdir()
    program = """
import asyncio, os
from tests.kb.test_child_processes import LIMITS
from kb.child_processes import ChildProcesses

asyncio.run(ChildProcesses(count=1, limits=LIMITS, preload=[]).run(os.getpid))
"""
    environment = {**os.environ, "TMPDIR": str(folder)}  # noqa: TID251  # handed on, not read

    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def signal_the_group_but_go_on(number: int) -> str:
    """As a service manager stops a service: every process of it is told."""
    os.kill(os.getpid(), number)
    os.kill(os.getppid(), number)
    return "done"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_to_all_processes_ends_no_child(
    children: ChildProcesses, number: int
) -> None:
    assert await children.run(signal_the_group_but_go_on, number) == "done"


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_a_child_that_somebody_kills_is_no_fault_of_the_call(
    children: ChildProcesses,
) -> None:
    with pytest.raises(ChildFailed) as caught:
        await children.run(kill_itself)

    assert caught.value.reason == "ended"


async def test_a_call_that_is_cancelled_twice_leaves_nothing(children: ChildProcesses) -> None:
    await children.run(divmod, 7, 2)
    open_before = open_pipes()
    for _ in range(3):
        call = asyncio.create_task(children.run(wait_for_ever))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    assert open_pipes() <= open_before
