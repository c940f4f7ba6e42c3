"""The memory that a large tenant takes in an API's second process.

Pages that processes share, such as mapped files, count once among them. A second process costs what
the processes of the API take together with two, over what they take with one; the chunks' part of
it is what it costs more beside a large tenant than beside a small one.
"""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, sleep
from typing import Final, TypedDict

from evals.attack.processes import GONE, of_home
from evals.bench.footnote_process import BenchmarkFailed, Instance, command, running
from evals.bench.http_load import Target, send_all
from evals.bench.record import Outcome
from evals.bench.scale import (
    READY_PLAN,
    READY_TIMEOUT_SECONDS,
    SEED,
    SIZES,
    fill_home,
    home_name,
    questions,
)
from evals.bench.synthetic import EVERY_READER
from footnote.embedding_model import load_embedder
from kb.errors import InvalidInput

OPTION: Final = "--processes"
CLIENTS: Final = 16
"""Connections at once, so that every process gets some."""

CALM: Final = 5
"""Rounds in a row in which every connection found the indexes ready."""

SEARCHES: Final = 640
MOST_MEGABYTES: Final = 60.0


class ProcessMemory(TypedDict):
    """Megabytes of one process: resident, shared pages by share, and its own alone."""

    rss: float
    pss: float
    uss: float


def measure_processes(instance_of: Callable[[str], Instance], *, largest: int) -> Outcome:
    """In the homes of `scale` with so many chunks and with few, filled when they are empty.

    InvalidInput where an API has one process only, or nothing to grow from.
    """
    if largest <= SIZES[0]:
        raise InvalidInput(f"Growth needs two sizes: more than {SIZES[0]:,} chunks.")
    if not has_processes(instance_of(home_name(SIZES[0]))):
        raise InvalidInput(f"The API of this code has no {OPTION}.")
    memory = {}
    for size in (SIZES[0], largest):
        instance = instance_of(home_name(size))
        tenant = fill_home(instance, load_embedder(instance.settings), size).tenant
        memory[size] = {count: memory_with(instance, tenant.name, count) for count in (1, 2)}
    return judge(memory)


def judge(memory: Mapping[int, Mapping[int, Sequence[ProcessMemory]]]) -> Outcome:
    """The outcome from the processes by the tenant's chunks and by how many share the port."""
    together = {
        size: {count: sum(each["pss"] for each in found) for count, found in by_count.items()}
        for size, by_count in memory.items()
    }
    second = {size: by_count[2] - by_count[1] for size, by_count in together.items()}
    of_chunks = second[max(second)] - second[min(second)]
    return Outcome(
        question=f"Megabytes that a tenant of {max(second):,} chunks takes in an API's second "
        f"process, more than one of {min(second):,}",
        target=f"<= {MOST_MEGABYTES:g}",
        has_met_target=of_chunks <= MOST_MEGABYTES,
        numbers={
            "chunks_in_second_process_megabytes": round(of_chunks, 1),
            "second_process_megabytes": {size: round(each, 1) for size, each in second.items()},
            "processes": memory,
        },
        seed=SEED,
        warm_up=SEARCHES,
        concurrency=CLIENTS,
    )


def has_processes(instance: Instance) -> bool:
    """True when the instance's code can serve with several."""
    shown = subprocess.run(  # noqa: S603  # our own command
        command("api", "--help"),
        env=instance.environment,
        cwd=instance.home,
        capture_output=True,
        text=True,
        check=True,
    )
    return OPTION in shown.stdout


def memory_with(instance: Instance, tenant: str, count: int) -> list[ProcessMemory]:
    """Of every process of an API with so many, once each has answered its part of the searches."""
    with running(instance, "api", OPTION, str(count)) as footnote:
        key = footnote.create_key(tenant, "--principals", EVERY_READER)
        target = Target(url=footnote.url, key=key)
        _wait_for_all(target)
        bodies = [{"query": text} for text in questions(count=SEARCHES)]
        for start in range(0, SEARCHES, CLIENTS):
            # New connections each time, which the processes share out among themselves.
            send_all(target, "/v1/search", bodies[start : start + CLIENTS], clients=CLIENTS)
        return memory_of_api(instance.home)


def memory_of_api(home: Path) -> list[ProcessMemory]:
    """Of the home's processes that are not Postgres, the largest first."""
    found: list[ProcessMemory] = []
    for process in of_home(home):
        try:
            is_postgres, used = process.name() == "postgres", process.memory_full_info()
        except GONE:
            continue
        if not is_postgres:
            found.append({"rss": _mb(used.rss), "pss": _mb(used.pss), "uss": _mb(used.uss)})
    return sorted(found, key=lambda each: each["pss"], reverse=True)


def _wait_for_all(target: Target) -> None:
    """Returns when searches over new connections find the indexes ready, several times in a row."""
    deadline = perf_counter() + READY_TIMEOUT_SECONDS
    bodies = [{"query": text, "explain": True} for text in questions(count=CLIENTS)]
    calm = 0
    while calm < CALM:
        if perf_counter() > deadline:
            raise BenchmarkFailed(f"Not every process came to search by {READY_PLAN!r}.")
        load = send_all(target, "/v1/search", bodies, clients=CLIENTS)
        explanations = [json.loads(each.body)["explanation"] for each in load.responses]
        ready = all(
            each["vector_plan"] == READY_PLAN and not each["missing"] for each in explanations
        )
        calm = calm + 1 if ready else 0
        if not ready:
            sleep(1)


def _mb(size: int) -> float:
    return round(size / 1e6, 1)
