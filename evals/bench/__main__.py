"""`python -m evals.bench [NAME]`: runs benchmarks and writes their results."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from evals.bench.footnote_process import Instance
from evals.bench.ingest import PAGES
from evals.bench.plan import Plan, overrides_of
from evals.bench.record import write
from evals.bench.suite import MEASURE_BY_NAME, Name, measure
from kb.errors import InvalidInput, Misconfigured
from kb.settings import Settings

RunsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Runs of startup (unset: 5), ingest and servers (3), commands (20); kills of chaos "
        "(50), newcomers (20); rounds of requests (6).",
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Questions of squad2 (unset: all) and answers (400), documents of chaos and batch "
        "(500), events of webhooks (500), chunks of lexical (100,000), and of the biggest tenant "
        "of permissions, processes and scale (1,000,000), files of reindex (10,000), deletions "
        "(200), long documents of newcomers (500), documents of memory (300).",
    ),
]


def bench(  # noqa: PLR0913  # each is an option of the command
    name: Annotated[Name, typer.Argument(help="The benchmark to run.")] = Name.ALL,
    *,
    runs: RunsOption = None,
    pages: Annotated[int, typer.Option(min=1, help="Handbook pages to ingest.")] = PAGES,
    limit: LimitOption = None,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            resolve_path=True,
            help="Another checkout of Footnote, with the same dependencies: answers, memory, "
            "newcomers and requests are measured beside it.",
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder for the services' homes, kept; unset: a temporary one."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=VALUE as in kb.settings, such as worker_concurrency=8; repeatable."
        ),
    ] = None,
) -> None:
    """Measure, and write evals/bench/results/NAME.json; a missing data set skips its benchmark.

    With --runs, --pages, --limit or --setting it is NAME.part.json, beside what documents quote.
    """
    overrides = overrides_of(setting or [])
    if against is not None and not (against / "footnote" / "cli.py").is_file():
        # The installed code would run instead of it.
        raise typer.BadParameter(f"{str(against)!r} is no checkout of Footnote.")
    chosen = list(MEASURE_BY_NAME) if name is Name.ALL else [name]
    with ExitStack() as stack:
        folder = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footnote-")))
        plan = Plan(
            folder=folder.resolve(),
            evaldata=Settings().evaldata.resolve(),
            overrides=overrides,
            runs=runs,
            pages=pages,
            limit=limit,
            against=against,
        )
        for each in chosen:
            _run(each, plan)


def _run(name: Name, plan: Plan) -> None:
    load_before = os.getloadavg()[0]
    print(f"{name}: running ...", flush=True)
    try:
        outcome = measure(name, plan)
    except (InvalidInput, Misconfigured) as error:
        print(f"{name}: skipped: {error.message}")
        return
    settings = Instance(home=plan.folder, overrides=plan.overrides).settings
    path = write(name, outcome, settings, load_before, is_whole=plan.is_whole)
    verdict = "met" if outcome.has_met_target else "MISSED"
    print(f"{name}: {outcome.question}\n  target {outcome.target}: {verdict}")
    for label, value in outcome.numbers.items():
        print(f"  {label}: {value}")
    print(f"  written to {path.name}")


app = typer.Typer(add_completion=False)
app.command("bench")(bench)

if __name__ == "__main__":
    app()
