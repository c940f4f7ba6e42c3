"""The processes of a service: which there are, what they use, and their end."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Literal, assert_never

import psutil

Role = Literal["api", "worker", "postgres"]
ROLES: tuple[Role, ...] = ("api", "worker", "postgres")
GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)
END_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Of one role at one moment; memory counts shared pages by share."""

    at: float
    memory_bytes: int
    cpu_seconds: float
    open_files: int


def of_home(home: Path) -> list[psutil.Process]:
    """Every process that runs in the home, with its children; this one is none of them.

    A process has the home in its environment; Postgres has its own, and a folder as argument.
    """
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["environ", "cmdline"]):
        environment, arguments = process.info["environ"] or {}, process.info["cmdline"] or []
        has_home = environment.get("FOOTNOTE_HOME") == str(home)
        if has_home or any(argument.startswith(f"{home}/") for argument in arguments):
            found.append(process)

    running = []
    for process in _with_children(found):
        with suppress(*GONE):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
    return running


def of_role(home: Path, role: Role) -> list[psutil.Process]:
    """The home's processes of that role; a worker with all that it started."""
    everything = of_home(home)
    workers, postgres = [], []
    for process in everything:
        with suppress(*GONE):
            if process.name() == "postgres":
                postgres.append(process)
            elif {"footnote", "worker"} <= {*process.cmdline()}:
                workers.append(process)

    workers, postgres = _with_children(workers), _with_children(postgres)
    match role:
        case "worker":
            return [each for each in workers if each not in postgres]
        case "postgres":
            return postgres
        case "api":
            return [each for each in everything if each not in {*workers, *postgres}]
        case _:
            assert_never(role)


def _with_children(roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Each process once, with all that it started."""
    found = dict.fromkeys(roots)
    for root in roots:
        with suppress(*GONE):
            found |= dict.fromkeys(root.children(recursive=True))
    return list(found)


def usage(processes: Sequence[psutil.Process]) -> Usage:
    """Their resources together; a process that ended meanwhile counts nothing."""
    memory = cpu = files = 0.0
    for process in processes:
        with suppress(*GONE):
            memory += process.memory_full_info().pss
            times = process.cpu_times()
            cpu += times.user + times.system
            files += process.num_fds()
    return Usage(
        at=time.monotonic(), memory_bytes=int(memory), cpu_seconds=cpu, open_files=int(files)
    )


@contextmanager
def sampled(measure: Callable[[], Usage], *, every_seconds: float) -> Iterator[list[Usage]]:
    """The measurements during the block; the list grows until its end."""
    samples, stopping = [measure()], Event()

    def watch() -> None:
        while not stopping.wait(every_seconds):
            samples.append(measure())

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stopping.set()
        thread.join()


def kill(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL for each; one that is gone already is no fault."""
    for process in processes:
        with suppress(*GONE):
            process.kill()


def end_all(home: Path) -> int:
    """Kills what still runs in the home; how many there were."""
    left = of_home(home)
    kill(left)
    psutil.wait_procs(left, timeout=END_TIMEOUT_SECONDS)
    return len(left)
