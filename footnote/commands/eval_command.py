"""The options of all evaluations: print, write and draw the results, and judge them by floors."""

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from footnote.evals.provenance import provenance
from footnote.evals.results import FORMAT, Evaluation, Result, summary, write_evaluation
from footnote.evals.thresholds import PACKAGED, Verdict, judge, read_floors
from footnote.extras import DRAWING, require_packages
from footnote.on_database import upgraded_database
from footnote.output import JsonOption, print_json, progress_console, table_console
from kb.errors import Misconfigured
from kb.logs import configure_logging
from kb.settings import Settings

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
class Measured:
    """An evaluation's results and the options they were measured with.

    `show` prints it for people; None: the table that every evaluation can have.
    """

    kind: str
    options: Mapping[str, str | int | bool | None]
    results: list[Result]
    show: Callable[[], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """The outputs asked for; None where one is not."""

    output: Path | None
    report: Path | None
    thresholds: Path | None
    as_json: bool


def wishes_of(
    *,
    output: OutputOption = None,
    report: ReportOption = None,
    thresholds: ThresholdsOption = PACKAGED,
    no_thresholds: NoThresholdsOption = False,
    as_json: JsonOption = False,
) -> Wishes:
    """The wishes that the options mean which every evaluation takes.

    Misconfigured when one cannot be granted: said before, not after, hours of work.
    """
    if report is not None:
        require_packages(DRAWING, purpose="reports")
    for path in (output, report):
        if path is not None:
            require_writable(path)
    if not no_thresholds:
        read_floors(thresholds)
    return Wishes(
        output=output,
        report=report,
        thresholds=None if no_thresholds else thresholds,
        as_json=as_json,
    )


def evaluation(measure: Callable[..., Measured]) -> Callable[..., None]:
    """The command that measures, with the options of `wishes_of` behind its own."""
    own, common = inspect.signature(measure), inspect.signature(wishes_of)
    parameters = [*own.parameters.values(), *common.parameters.values()]

    @functools.wraps(measure)
    def command(**options: object) -> None:
        # The signature below is what the command line parses, so each value has its type.
        wishes = wishes_of(**{name: options.pop(name) for name in common.parameters})  # type: ignore[arg-type]
        # Before it is measured: it tells how busy the machine was.
        origin = provenance(Settings())
        measured = measure(**options)
        run: Evaluation = {
            "format": FORMAT,
            "evaluation": measured.kind,
            "options": dict(measured.options),
            "provenance": origin,
            "results": measured.results,
        }
        finish(run, wishes, show=measured.show)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # of functions
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def settings_in(home: Path | None) -> Settings:
    """The settings, with another home if one is given."""
    return Settings() if home is None else Settings(home=home)


@contextmanager
def evaluation_database(settings: Settings) -> Iterator[str]:
    """The URL of a database with the newest schema; logs say errors only."""
    configure_logging("error", settings.log_format)
    with upgraded_database(settings) as url:
        yield url


def require_writable(path: Path) -> None:
    """Misconfigured when no file can be written there; its folders need not exist yet."""
    if path.is_dir():
        raise Misconfigured(f"{str(path)!r} is a folder, and a file is to be written.")
    existing = next(each for each in (path, *path.absolute().parents) if each.exists())
    is_in_folder = existing == path or existing.is_dir()
    if not is_in_folder or not os.access(existing, os.W_OK):
        raise Misconfigured(f"{str(path)!r} cannot be written.")


def finish(
    evaluation: Evaluation, wishes: Wishes, *, show: Callable[[], None] | None = None
) -> None:
    """Grants the wishes; exit 1 with one line when a figure is below its floor."""
    # Shown first: what fails after it loses nothing.
    if wishes.as_json:
        print_json(summary(evaluation))
    elif show is not None:
        show()
    else:
        table_console.print(results_table(evaluation["results"]))
    if wishes.output is not None:
        write_evaluation(evaluation, wishes.output)
    verdicts: list[Verdict] = []
    if wishes.thresholds is not None:
        verdicts = judge(evaluation, read_floors(wishes.thresholds))
    if wishes.report is not None:
        draw(evaluation, verdicts, wishes.report)
    missed = [str(verdict) for verdict in verdicts if not verdict.is_met]
    if missed:
        progress_console.print(f"footnote: below the floor: {'; '.join(missed)}")
        raise typer.Exit(1)
    if verdicts:
        progress_console.print(f"All {len(verdicts)} floors are met.")


def draw(evaluation: Evaluation, verdicts: Sequence[Verdict], path: Path) -> None:
    """Writes the page and its pictures."""
    # An extra: only who draws needs it.
    from footnote.evals.report import write_report

    for written in write_report(evaluation, verdicts, path):
        progress_console.print(f"Written: {written}")


def results_table(results: Sequence[Result]) -> Table:
    """A row for each data set and variant, and one for each of its parts."""
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
