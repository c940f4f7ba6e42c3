"""`python -m evals.attack`: attacks a service of its own and says what held."""

import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Annotated

import httpx
import psutil
import typer

from evals.attack import fuzz, headers, heavy, host, isolation, ownership, soak, worker
from evals.attack.finding import Finding, Probe
from evals.attack.record import RESULTS, Record, shown_figures, table, write
from evals.attack.seeding import SEED
from evals.attack.target import Target
from evals.bench.record import result_path
from footnote.evals.provenance import provenance
from kb.errors import KnowledgeBaseError
from kb.settings import Settings

FAMILIES: Mapping[str, Sequence[Probe]] = {
    "headers": headers.PROBES,
    "heavy": heavy.PROBES,
    "isolation": (*isolation.PROBES, *ownership.PROBES),
    "fuzz": fuzz.PROBES,
    "worker": worker.PROBES,
    "host": host.PROBES,
    "soak": soak.PROBES,
}
BROKEN = (
    KnowledgeBaseError,
    httpx.HTTPError,
    OSError,
    subprocess.SubprocessError,
    psutil.Error,
    LookupError,
    ValueError,
)
"""Errors of a probe when the service does something unforeseen: findings that it failed."""

WHOLE_MINUTES = 10.0


def attack(
    only: Annotated[
        list[str] | None, typer.Option(help="A family or a probe; repeatable. Unset: all.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Of the soak.")] = WHOLE_MINUTES,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
    list_probes: Annotated[  # noqa: FBT002  # a flag is a keyword to its user
        bool, typer.Option("--list", help="Name the probes and stop.")
    ] = False,
    table_of: Annotated[
        Path | None, typer.Option("--table", help="Print these results as a table and stop.")
    ] = None,
) -> None:
    """Attack `footnote up` in a fresh home on this machine; exit 1 when something did not hold.

    Less than the whole goes to NAME.part.json, beside what documents quote.
    """
    if table_of is not None:
        print(table(table_of))
        return
    chosen = selected(only or [])
    if list_probes:
        for family, probe in chosen:
            print(f"{family:10} {probe.__name__}: {summary(probe)}")
        return
    signal.signal(signal.SIGTERM, _end)
    settings = Settings()
    measured = provenance(settings)
    with tempfile.TemporaryDirectory(prefix="footnote-attack-") as folder:
        records = list(_attack_all(chosen, Path(folder).resolve(), settings, minutes))
    is_whole = not only and minutes == WHOLE_MINUTES
    path = result_path(output, is_whole=is_whole)
    write(path, records, measured, seed=SEED, minutes=minutes)
    print(f"\n{table(path)}\nwritten to {path}")
    if any(record.finding.has_held is False for record in records):
        raise typer.Exit(1)


def selected(names: Sequence[str]) -> list[tuple[str, Probe]]:
    """The probes of these families or names; BadParameter for a name that is none."""
    everything = [(family, probe) for family, probes in FAMILIES.items() for probe in probes]
    known = {*FAMILIES, *(probe.__name__ for _, probe in everything)}
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is no family and no probe; --list names them.")
    wanted = set(names) or known
    return [(family, probe) for family, probe in everything if {family, probe.__name__} & wanted]


def summary(probe: Probe) -> str:
    """The first line of its docstring."""
    return (probe.__doc__ or "").partition("\n")[0]


def _attack_all(
    chosen: Sequence[tuple[str, Probe]], folder: Path, settings: Settings, minutes: float
) -> Iterator[Record]:
    """A home for each family, so that what one leaves behind is not the next one's."""
    for family in dict.fromkeys(family for family, _ in chosen):
        home = folder / family
        home.mkdir()
        target = Target(home, minutes=minutes, evaldata=settings.evaldata.resolve())
        try:
            for probe in (probe for name, probe in chosen if name == family):
                yield run_probe(family, probe, target)
        finally:
            target.end()


def run_probe(family: str, probe: Probe, target: Target) -> Record:
    """The probe's findings; a service that broke the probe has not held."""
    print(f"{family}: {probe.__name__} ...", flush=True)
    started = perf_counter()
    try:
        target.ensure_up()
        finding = probe(target)
    except BROKEN as error:
        finding = Finding(
            limit="the probe can be made", has_held=False, figures={"broke": f"{error!r}"[:300]}
        )
    seconds = perf_counter() - started
    record = Record(family=family, probe=probe.__name__, finding=finding, seconds=seconds)
    print(f"  {record.verdict} ({seconds:.0f} s): {shown_figures(finding.figures)}", flush=True)
    return record


def _end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds the stack as Ctrl-C does, so that nothing started here goes on."""
    raise SystemExit(1)


if __name__ == "__main__":
    typer.run(attack)
