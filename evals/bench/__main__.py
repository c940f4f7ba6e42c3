"""`python -m evals.bench [NAME]`: runs benchmarks and writes their results."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, assert_never

import typer
from pydantic import ValidationError

from evals.bench.answer_time import measure_answers
from evals.bench.batch import DOCUMENTS as BATCHED
from evals.bench.batch import measure_batch
from evals.bench.beside import measure_beside
from evals.bench.chaos import DOCUMENTS as NOTES
from evals.bench.chaos import KILLS, measure_chaos
from evals.bench.commands import RUNS, measure_commands
from evals.bench.concurrency import measure_concurrency
from evals.bench.deletion import DELETIONS, measure_deletion
from evals.bench.fairness import measure_fairness
from evals.bench.footnote_process import Instance
from evals.bench.hostile import measure_hostile
from evals.bench.ingest import DATASET as HANDBOOK
from evals.bench.ingest import PAGES, measure_ingest
from evals.bench.install import measure_install
from evals.bench.lexical import CHUNKS, measure_lexical
from evals.bench.lexical import DATASET as MEDQUAD
from evals.bench.memory import DOCUMENTS as KEPT
from evals.bench.memory import measure_memory
from evals.bench.newcomers import LONG_DOCUMENTS, NEWCOMERS, measure_newcomers
from evals.bench.nights import DOCUMENTS, measure_nights
from evals.bench.permissions import ROWS, measure_permissions
from evals.bench.record import Outcome, write
from evals.bench.scale import measure_scale
from evals.bench.search import measure_search
from evals.bench.servers import measure_servers
from evals.bench.spaces import measure_spaces
from evals.bench.squad2 import DATASET as SQUAD2
from evals.bench.squad2 import measure_squad2
from evals.bench.startup import measure_startup
from evals.bench.visible import measure_visible
from evals.bench.walk import measure_walk
from evals.bench.webhooks import EVENTS, measure_webhooks
from footnote.evals.datasets import Dataset, open_dataset
from kb.errors import InvalidInput, Misconfigured
from kb.settings import Settings

SETTABLE = Settings.model_fields.keys() - {"home", "evaldata"}
"""Each benchmark has its home from --home, and its data from FOOTNOTE_EVALDATA."""


SEARCHED: Final = "handbook0"
"""The home of the first ingest run, which has the documents already when there was one."""


RunsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Runs of startup (unset: 5), ingest and servers (3), commands (20); kills of chaos "
        "(50), newcomers (20).",
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Questions of squad2 (unset: all) and answers (400), documents of chaos and batch "
        "(500), events of webhooks (500), chunks of lexical (100,000), and of the biggest tenant "
        "of permissions and scale (1,000,000), files of reindex (10,000), deletions (200), long "
        "documents of newcomers (500), documents of memory (300).",
    ),
]


class Name(StrEnum):
    """The benchmarks."""

    ANSWERS = "answers"
    STARTUP = "startup"
    INGEST = "ingest"
    SEARCH = "search"
    CHAOS = "chaos"
    COMMANDS = "commands"
    CONCURRENCY = "concurrency"
    DELETION = "deletion"
    BATCH = "batch"
    BESIDE = "beside"
    FAIRNESS = "fairness"
    HOSTILE = "hostile"
    INSTALL = "install"
    LEXICAL = "lexical"
    MEMORY = "memory"
    NEWCOMERS = "newcomers"
    PERMISSIONS = "permissions"
    REINDEX = "reindex"
    SCALE = "scale"
    SERVERS = "servers"
    SPACES = "spaces"
    SQUAD2 = "squad2"
    VISIBLE = "visible"
    WALK = "walk"
    WEBHOOKS = "webhooks"
    ALL = "all"


SEARCHING: Final = frozenset({Name.CONCURRENCY, Name.FAIRNESS, Name.SEARCH})
"""What asks in the home of SEARCHED."""


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

    def data(self, dataset: str) -> Dataset:
        """The data set of this name; Misconfigured when it is missing."""
        return open_dataset(self.evaldata, dataset)

    def other_instance(self, name: str) -> Instance | None:
        """The same for the other checkout; None: there is none."""
        return replace(self.instance(name), checkout=self.against) if self.against else None


def measure(name: Name, plan: Plan) -> Outcome:  # noqa: C901, PLR0911, PLR0912  # a case each
    """The outcome of one benchmark; those that search share the home of the first ingest run."""
    home = plan.instance(SEARCHED if name in SEARCHING else name)
    match name:
        case Name.ANSWERS:
            return _measure_answers(plan, plan.data(SQUAD2))
        case Name.STARTUP:
            return measure_startup(home, runs=plan.runs or 5)
        case Name.INGEST:
            instances = [plan.instance(f"handbook{number}") for number in range(plan.runs or 3)]
            return measure_ingest(instances, plan.data(HANDBOOK), pages=plan.pages)
        case Name.SEARCH:
            return measure_search(home, plan.data(HANDBOOK), pages=plan.pages)
        case Name.CHAOS:
            return measure_chaos(home, kills=plan.runs or KILLS, documents=plan.limit or NOTES)
        case Name.COMMANDS:
            return measure_commands(home, runs=plan.runs or RUNS)
        case Name.CONCURRENCY:
            return measure_concurrency(home, plan.data(HANDBOOK), pages=plan.pages)
        case Name.DELETION:
            return measure_deletion(home, deletions=plan.limit or DELETIONS)
        case Name.BATCH:
            return measure_batch(home, documents=plan.limit or BATCHED)
        case Name.BESIDE:
            return measure_beside(home, plan.data(HANDBOOK), pages=plan.pages)
        case Name.FAIRNESS:
            return measure_fairness(home, plan.data(HANDBOOK), pages=plan.pages)
        case Name.HOSTILE:
            return measure_hostile()
        case Name.INSTALL:
            return measure_install()
        case Name.LEXICAL:
            return measure_lexical(home, plan.data(MEDQUAD), chunk_count=plan.limit or CHUNKS)
        case Name.MEMORY:
            return _measure_memory(plan, plan.data(HANDBOOK))
        case Name.NEWCOMERS:
            return _measure_newcomers(plan, plan.data(HANDBOOK))
        case Name.PERMISSIONS:
            return measure_permissions(home, rows=plan.limit or ROWS)
        case Name.REINDEX:
            return measure_nights(home, documents=plan.limit or DOCUMENTS)
        case Name.SCALE:
            return measure_scale(plan.instance, largest=plan.limit or ROWS)
        case Name.SERVERS:
            return measure_servers(runs=plan.runs or 3)
        case Name.SPACES:
            return measure_spaces(home, plan.data(HANDBOOK), pages=plan.pages)
        case Name.SQUAD2:
            return measure_squad2(home, plan.data(SQUAD2), limit=plan.limit)
        case Name.VISIBLE:
            return measure_visible(plan.data(MEDQUAD))
        case Name.WALK:
            return measure_walk(home)
        case Name.WEBHOOKS:
            return measure_webhooks(home, events=plan.limit or EVENTS)
        case Name.ALL:
            raise ValueError("Benchmarks are measured one at a time.")
        case _:
            assert_never(name)


def _measure_answers(plan: Plan, squad2: Dataset) -> Outcome:
    other = plan.other_instance("answers_against")
    return measure_answers(plan.instance(Name.ANSWERS), other, squad2, limit=plan.limit)


def _measure_memory(plan: Plan, handbook: Dataset) -> Outcome:
    other = plan.other_instance("memory_against")
    documents = plan.limit or KEPT
    return measure_memory(plan.instance(Name.MEMORY), other, handbook, documents=documents)


def _measure_newcomers(plan: Plan, handbook: Dataset) -> Outcome:
    return measure_newcomers(
        plan.instance(Name.NEWCOMERS),
        plan.other_instance("newcomers_against"),
        handbook,
        long_documents=plan.limit or LONG_DOCUMENTS,
        newcomers=plan.runs or NEWCOMERS,
    )


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
            help="Another checkout of Footnote, with the same dependencies: answers, memory and "
            "newcomers are measured beside it.",
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
    chosen = [each for each in Name if each is not Name.ALL] if name is Name.ALL else [name]
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
        outcome = measure(name, plan)
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
