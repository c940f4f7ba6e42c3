"""The processes of a service: which there are, what they use, and their end."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Literal

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
    """Every process that runs in the home, with its children; this one is none of them."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if process.pid not in found and _names(process, home):
            for each in (process, *_children(process)):
                found[each.pid] = each
    found.pop(psutil.Process().pid, None)
    return [process for process in found.values() if _is_running(process)]


def of_role(home: Path, role: Role) -> list[psutil.Process]:
    """The home's processes of that role; a worker with all that it started."""
    everything = of_home(home)
    workers = _trees([each for each in everything if _is_worker(each)])
    postgres = _trees([each for each in everything if _name(each) == "postgres"])
    match role:
        case "worker":
            return [each for each in workers if each not in postgres]
        case "postgres":
            return postgres
        case "api":
            others = {*workers, *postgres}
            return [each for each in everything if each not in others]


def usage(processes: Sequence[psutil.Process]) -> Usage:
    """Their resources together; a process that ended meanwhile counts nothing."""
    memory = cpu = files = 0.0
    for process in processes:
        try:
            memory += process.memory_full_info().pss
            times = process.cpu_times()
            cpu += times.user + times.system
            files += process.num_fds()
        except GONE:
            continue
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


def end_all(home: Path) -> int:
    """Kills what still runs in the home; how many there were."""
    left = of_home(home)
    for process in left:
        try:
            process.kill()
        except GONE:
            continue
    psutil.wait_procs(left, timeout=END_TIMEOUT_SECONDS)
    return len(left)


def _names(process: psutil.Process, home: Path) -> bool:
    """True when its environment has the home; Postgres has its own, and its folder as argument."""
    try:
        known = process.as_dict(["environ", "cmdline"])
    except GONE:
        return False
    if (known["environ"] or {}).get("FOOTNOTE_HOME") == str(home):
        return True
    return any(argument.startswith(f"{home}/") for argument in known["cmdline"] or [])


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except GONE:
        return []


def _trees(roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    return list(dict.fromkeys(each for root in roots for each in (root, *_children(root))))


def _is_worker(process: psutil.Process) -> bool:
    try:
        arguments = process.cmdline()
    except GONE:
        return False
    return "footnote" in arguments and "worker" in arguments


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except GONE:
        return ""


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except GONE:
        return False
