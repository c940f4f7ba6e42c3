"""`python -m evals.bench [NAME]`: runs benchmarks and writes their results."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from evals.bench.answer_time import measure_answers
from evals.bench.beside import measure_beside
from evals.bench.concurrency import measure_concurrency
from evals.bench.fairness import measure_fairness
from evals.bench.footnote_process import Instance
from evals.bench.ingest import DATASET as HANDBOOK
from evals.bench.ingest import PAGES, measure_ingest
from evals.bench.lexical import CHUNKS, measure_lexical
from evals.bench.lexical import DATASET as MEDQUAD
from evals.bench.permissions import ROWS, measure_permissions
from evals.bench.record import Outcome, write
from evals.bench.scale import measure_scale
from evals.bench.search import measure_search
from evals.bench.servers import measure_servers
from evals.bench.squad2 import DATASET as SQUAD2
from evals.bench.squad2 import measure_squad2
from evals.bench.startup import measure_startup
from evals.bench.visible import measure_visible
from evals.bench.walk import measure_walk
from footnote.evals.datasets import open_dataset
from kb.errors import InvalidInput, Misconfigured
from kb.settings import Settings

SETTABLE = Settings.model_fields.keys() - {"home", "evaldata"}
"""Each benchmark has its home from --home, and its data from FOOTNOTE_EVALDATA."""


class Name(StrEnum):
    """The benchmarks."""

    ANSWERS = "answers"
    STARTUP = "startup"
    INGEST = "ingest"
    SEARCH = "search"
    CONCURRENCY = "concurrency"
    BESIDE = "beside"
    FAIRNESS = "fairness"
    LEXICAL = "lexical"
    PERMISSIONS = "permissions"
    SCALE = "scale"
    SERVERS = "servers"
    SQUAD2 = "squad2"
    VISIBLE = "visible"
    WALK = "walk"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The options of a run."""

    folder: Path
    evaldata: Path
    overrides: Mapping[str, str]
    runs: int | None
    pages: int
    limit: int | None
    against: Path | None = None

    @property
    def is_whole(self) -> bool:
        """True when nothing is left out and no setting differs from its default."""
        is_all = self.runs is None and self.limit is None and self.pages == PAGES
        return is_all and not self.overrides

    def instance(self, name: str) -> Instance:
        """A home of this name below the folder."""
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        return Instance(home=home, overrides=self.overrides)


def _startup(plan: Plan) -> Outcome:
    return measure_startup(plan.instance("startup"), runs=plan.runs or 5)


def _ingest(plan: Plan) -> Outcome:
    dataset = open_dataset(plan.evaldata, HANDBOOK)
    instances = [plan.instance(f"handbook{number}") for number in range(plan.runs or 3)]
    return measure_ingest(instances, dataset, pages=plan.pages)


def _search(plan: Plan) -> Outcome:
    """In the home of the first ingest run when there was one."""
    dataset = open_dataset(plan.evaldata, HANDBOOK)
    return measure_search(plan.instance("handbook0"), dataset, pages=plan.pages)


def _concurrency(plan: Plan) -> Outcome:
    """In the home of the first ingest run when there was one."""
    dataset = open_dataset(plan.evaldata, HANDBOOK)
    return measure_concurrency(plan.instance("handbook0"), dataset, pages=plan.pages)


def _answers(plan: Plan) -> Outcome:
    dataset = open_dataset(plan.evaldata, SQUAD2)
    other = None
    if plan.against is not None:
        other = replace(plan.instance("answers_against"), checkout=plan.against)
    return measure_answers(plan.instance("answers"), other, dataset, limit=plan.limit)


def _beside(plan: Plan) -> Outcome:
    dataset = open_dataset(plan.evaldata, HANDBOOK)
    return measure_beside(plan.instance("beside"), dataset, pages=plan.pages)


def _fairness(plan: Plan) -> Outcome:
    """In the home of the first ingest run when there was one."""
    dataset = open_dataset(plan.evaldata, HANDBOOK)
    return measure_fairness(plan.instance("handbook0"), dataset, pages=plan.pages)


def _lexical(plan: Plan) -> Outcome:
    dataset = open_dataset(plan.evaldata, MEDQUAD)
    return measure_lexical(plan.instance("lexical"), dataset, chunk_count=plan.limit or CHUNKS)


def _permissions(plan: Plan) -> Outcome:
    return measure_permissions(plan.instance("permissions"), rows=plan.limit or ROWS)


def _scale(plan: Plan) -> Outcome:
    return measure_scale(plan.instance, largest=plan.limit or ROWS)


def _servers(plan: Plan) -> Outcome:
    return measure_servers(runs=plan.runs or 3)


def _squad2(plan: Plan) -> Outcome:
    dataset = open_dataset(plan.evaldata, SQUAD2)
    return measure_squad2(plan.instance("squad2"), dataset, limit=plan.limit)


def _visible(plan: Plan) -> Outcome:
    return measure_visible(open_dataset(plan.evaldata, MEDQUAD))


def _walk(plan: Plan) -> Outcome:
    return measure_walk(plan.instance("walk"))


BENCHMARKS: Mapping[Name, Callable[[Plan], Outcome]] = {
    Name.ANSWERS: _answers,
    Name.STARTUP: _startup,
    Name.INGEST: _ingest,
    Name.SEARCH: _search,
    Name.CONCURRENCY: _concurrency,
    Name.BESIDE: _beside,
    Name.FAIRNESS: _fairness,
    Name.LEXICAL: _lexical,
    Name.PERMISSIONS: _permissions,
    Name.SCALE: _scale,
    Name.SERVERS: _servers,
    Name.SQUAD2: _squad2,
    Name.VISIBLE: _visible,
    Name.WALK: _walk,
}


def bench(  # noqa: PLR0913  # each is an option of the command
    name: Annotated[Name, typer.Argument(help="The benchmark to run.")] = Name.ALL,
    *,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs of startup (unset: 5), ingest and servers (unset: 3)."),
    ] = None,
    pages: Annotated[int, typer.Option(min=1, help="Handbook pages to ingest.")] = PAGES,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Questions of squad2 (unset: all) and answers (400), chunks of lexical "
            "(100,000), and of the biggest tenant of permissions and scale (1,000,000).",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            resolve_path=True,
            help="Another checkout of Footnote, with the same dependencies: answers is measured "
            "beside it.",
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
    chosen = list(BENCHMARKS) if name is Name.ALL else [name]
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


def overrides_of(pairs: Sequence[str]) -> dict[str, str]:
    """The settings by name; BadParameter for what is none, which would be measured as if set."""
    overrides = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in SETTABLE:
            raise typer.BadParameter(f"{pair!r} is no NAME=VALUE of kb.settings.")
        overrides[name] = value
    try:
        # The home is none of the names: any folder does, and none is made.
        _ = Instance(home=Path(), overrides=overrides).settings
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        raise typer.BadParameter(f"{name}: {fault['msg']}") from error
    return overrides


def _run(name: Name, plan: Plan) -> None:
    load_before = os.getloadavg()[0]
    print(f"{name}: running ...", flush=True)
    try:
        outcome = BENCHMARKS[name](plan)
    except (InvalidInput, Misconfigured) as error:
        print(f"{name}: skipped: {error.message}")
        return
    settings = plan.instance(name).settings
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
