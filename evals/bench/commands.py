"""The processor time of commands that do no model work, each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from evals.bench.footnote_process import BenchmarkFailed, Instance
from evals.bench.record import Outcome, spread
from footnote.on_database import on_database
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_server
from kb.store.tenants import create_tenant

TARGET_SECONDS: Final = 0.4
RUNS: Final = 20

TENANT: Final = "bench"

PARSED: Final = ("--help", "--version", "ask --help", "doctor --help", "key create --help", "ask")
"""What loads nothing; the last is wrong usage."""

ON_DATABASE: Final = ("tenant list", f"key create --tenant {TENANT}", "job list", "receipt keys")


def measure_commands(instance: Instance, *, runs: int) -> Outcome:
    """Round after round, so that a busy minute hits all commands; the first is not counted."""
    seconds_by_command: dict[str, list[float]] = {each: [] for each in (*PARSED, *ON_DATABASE)}

    async def make_tenant(database: Database) -> None:
        async with database.system() as system:
            await create_tenant(system, TENANT)

    with database_server(instance.settings):
        on_database(instance.settings, make_tenant)
        for number in range(runs + 1):
            for command, seconds in seconds_by_command.items():
                used = processor_seconds(command.split(), instance.environment)
                if number:
                    seconds.append(used)
    spreads = {command: spread(seconds) for command, seconds in seconds_by_command.items()}
    slowest = max(each["p50"] for each in spreads.values())
    return Outcome(
        question="Processor seconds, user and system, of a command that does no model work",
        target=f"p50 of each <= {TARGET_SECONDS:g} s",
        has_met_target=slowest <= TARGET_SECONDS,
        numbers=dict(spreads),
        warm_up=1,
    )


def processor_seconds(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """The seconds that `footnote` with these arguments takes of a core.

    BenchmarkFailed when it ends with 1.
    """
    process = subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "footnote", *arguments],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 2}:
        raise BenchmarkFailed(f"footnote {' '.join(arguments)} ended with {process.returncode}.")
    return usage.ru_utime + usage.ru_stime
