"""What every evaluation does with its results: print, write, draw, and judge by the floors."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from evals.results import Evaluation, summary, write_evaluation
from evals.thresholds import Verdict, judge, read_floors
from footnote.output import print_json, progress_console
from kb.embedded_postgres import database_url
from kb.errors import Misconfigured
from kb.settings import Settings
from kb.telemetry import configure_logging
from migrations.run import upgrade

DRAWING_PACKAGES = ("matplotlib", "jinja2")

WIDEST = 320
"""Columns a table may take; rich would cut it to the 80 that it assumes of a pipe."""

DatasetOption = Annotated[
    list[str], typer.Option("--dataset", help="A folder of FOOTNOTE_EVALDATA; repeatable.")
]
DatasetsOption = Annotated[
    list[str] | None,
    typer.Option("--dataset", help="A folder of FOOTNOTE_EVALDATA; repeatable; unset: both."),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Ask only the first so many questions.")
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Instead of FOOTNOTE_HOME: keeps what was loaded.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", help="JSON file to write, for compare and report.")
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", help="HTML file to write; its pictures beside it.")
]
ThresholdsOption = Annotated[
    Path, typer.Option("--thresholds", help="TOML file of floors that fail the run.")
]
NoThresholdsOption = Annotated[
    bool, typer.Option("--no-thresholds", help="Let no floor fail the run.")
]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is to be done with an evaluation; None: not that.

    `is_printed`: the command has printed a table of its own.
    """

    output: Path | None
    report: Path | None
    thresholds: Path | None
    as_json: bool
    is_printed: bool = False

    def check(self) -> None:
        """Misconfigured when a wish cannot be granted: said before, not after, hours of work."""
        if self.report is not None:
            require_drawing()
        for path in (self.output, self.report):
            if path is not None:
                require_writable(path)
        if self.thresholds is not None:
            read_floors(self.thresholds)


def settings_in(home: Path | None) -> Settings:
    """The settings, with another home if one is given."""
    return Settings() if home is None else Settings(home=home)


@contextmanager
def evaluation_database(settings: Settings) -> Iterator[str]:
    """The URL of a database with the newest schema; logs say errors only."""
    configure_logging("error")
    with database_url(settings) as url:
        if settings.database_url is None:
            upgrade(url)
        yield url


def require_drawing() -> None:
    """Misconfigured when pages cannot be drawn."""
    missing = [name for name in DRAWING_PACKAGES if find_spec(name) is None]
    if missing:
        raise Misconfigured(
            f"{missing[0]!r} is not installed, which reports need: pip install 'footnote[evals]'."
        )


def require_writable(path: Path) -> None:
    """Misconfigured when no file can be written there; its folders need not exist yet."""
    if path.is_dir():
        raise Misconfigured(f"{str(path)!r} is a folder, and a file is to be written.")
    existing = next(each for each in (path, *path.absolute().parents) if each.exists())
    is_in_folder = existing == path or existing.is_dir()
    if not is_in_folder or not os.access(existing, os.W_OK):
        raise Misconfigured(f"{str(path)!r} cannot be written.")


def finish(evaluation: Evaluation, wishes: Wishes) -> None:
    """Grants the wishes; exit 1 with one line when a figure is below its floor."""
    # Shown first: what fails after it loses nothing.
    if wishes.as_json:
        print_json(summary(evaluation))
    elif not wishes.is_printed:
        print_table(results_table(evaluation))
    if wishes.output is not None:
        write_evaluation(evaluation, wishes.output)
    verdicts: list[Verdict] = []
    if wishes.thresholds is not None:
        verdicts = judge(evaluation, read_floors(wishes.thresholds))
    if wishes.report is not None:
        draw(evaluation, verdicts, wishes.report)
    missed = [str(verdict) for verdict in verdicts if not verdict.is_met]
    if missed:
        typer.echo(f"footnote: below the floor: {'; '.join(missed)}", err=True)
        raise typer.Exit(1)
    if verdicts:
        progress_console.print(f"All {len(verdicts)} floors are met.")


def print_table(table: Table) -> None:
    """The whole table on stdout, also where that is no terminal or a narrow one."""
    Console(width=WIDEST, highlight=False).print(table)


def draw(evaluation: Evaluation, verdicts: Sequence[Verdict], path: Path) -> None:
    """Writes the page and its pictures."""
    # An extra: only who draws needs it.
    from evals.report import write_report  # noqa: PLC0415

    for written in write_report(evaluation, verdicts, path):
        progress_console.print(f"Written: {written}", markup=False, soft_wrap=True)


def results_table(evaluation: Evaluation) -> Table:
    """A row for each data set and variant, and one for each of its parts."""
    results = evaluation["results"]
    names = list(dict.fromkeys(name for result in results for name in result["figures"]))
    table = Table(box=SIMPLE_HEAD)
    for heading in ("data set", "variant"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", *names, "p50 ms", "p95 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        part = [result["split"]] if result["split"] else []
        part += [] if result["is_whole"] else ["part"]
        latency = result["latency_ms"]
        table.add_row(
            " ".join([result["dataset"], *part]),
            result["variant"],
            str(len(result["question_ids"])),
            *_cells(result["figures"], names),
            f"{latency['p50']:.1f}",
            f"{latency['p95']:.1f}",
        )
        for split, figures in result["figures_by_split"].items():
            table.add_row("", f"  {split}", "", *_cells(figures, names), "", "", style="dim")
    return table


def _cells(figures: dict[str, float], names: Sequence[str]) -> list[str]:
    return [f"{figures[name]:.4f}" if name in figures else "" for name in names]
