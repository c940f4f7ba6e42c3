"""`footnote eval everyday`: what people ask every day, and could one show them the answer?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from footnote.commands.eval_command import (
    HomeOption,
    LimitOption,
    Measured,
    evaluation,
    evaluation_database,
    print_table,
    settings_in,
)
from footnote.compose import open_ingestion, open_resources, uploads_with
from footnote.evals.everyday.cases import SETS, WITH_SAMPLES, QuestionSet, read_set
from footnote.evals.everyday.grading import OUTCOMES, normalized
from footnote.evals.everyday.measure import (
    ALL,
    KIND,
    AskedCase,
    SourceFile,
    ask_cases,
    headings_of,
    load_files,
    results_of,
    source_of,
)
from footnote.evals.metrics import share_interval
from footnote.output import progress_console
from footnote.samples.blocks import Heading
from footnote.samples.corpus import SAMPLES
from footnote.samples.manifest import document_path, read_manifest
from kb.errors import InvalidInput
from kb.settings import Settings

Shows = Literal["none", "faults", "all"]


@dataclass(frozen=True, kw_only=True)
class _Run:
    name: str
    asked: list[AskedCase]
    variant: str


@evaluation
def everyday(
    *,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help=f"A set of questions: {', '.join(SETS)}, or a folder with documents.toml and "
            "cases.toml; repeatable, unset: all of these.",
        ),
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Ask only this kind; repeatable.")] = None,
    alias: Annotated[
        str | None, typer.Option(help="A model alias; unset: the default, else extractive.")
    ] = None,
    show: Annotated[
        Shows, typer.Option(help="Print questions with their answers: all, or those not right.")
    ] = "none",
    limit: LimitOption = None,
    home: HomeOption = None,
) -> Measured:
    """Measure answers to everyday questions about the sample documents and some more."""
    settings = settings_in(home)
    chosen = [_chosen(read_set(name), kind, limit) for name in sets or SETS]
    if not any(each.cases for each in chosen):
        raise InvalidInput(f"No question is of the kind {' '.join(kind or ())!r}.")
    with evaluation_database(settings) as url:
        runs = asyncio.run(_load_and_ask(settings, url, chosen, alias))
    is_whole = kind is None and limit is None
    return Measured(
        kind=KIND,
        options={"kind": " ".join(kind or ()) or None, "alias": alias},
        results=[
            result
            for run in runs
            for result in results_of(run.name, run.asked, variant=run.variant, is_whole=is_whole)
        ],
        show=lambda: _show(runs, show),
    )


def _chosen(questions: QuestionSet, kinds: Sequence[str] | None, limit: int | None) -> QuestionSet:
    asked = [case for case in questions.cases if not kinds or case.kind in kinds]
    return replace(questions, cases=tuple(asked[:limit]))


async def _load_and_ask(
    settings: Settings, url: str, sets: Sequence[QuestionSet], alias: str | None
) -> list[_Run]:
    """Each set that asks something, in a tenant of its own."""
    runs = []
    for questions in filter(lambda each: each.cases, sets):
        has_samples = questions.name == WITH_SAMPLES
        files = [
            *(_sample_files() if has_samples else ()),
            *map(source_of, questions.documents),
        ]
        headings = headings_of(questions.documents) | (
            _sample_headings() if has_samples else frozenset()
        )
        progress_console.print(
            f"{KIND} {questions.name}: {len(files)} documents, {len(questions.cases)} questions"
        )
        async with open_ingestion(settings, url) as tools:
            tenant_id = await load_files(tools, uploads_with(tools, settings), files)
        async with open_resources(settings, url) as resources:
            asked = await ask_cases(
                resources, tenant_id, questions.cases, headings=headings, alias=alias
            )
            variant = alias or resources.answerer.models_for(tenant_id)[0]
        runs.append(_Run(name=questions.name, asked=asked, variant=variant))
    return runs


def _sample_files() -> list[SourceFile]:
    return [
        SourceFile(
            id=entry.external_id,
            filename=entry.file,
            content=document_path(entry).read_bytes(),
            title=entry.title,
            principals=entry.principals,
            collection=entry.collection,
            effective_at=entry.effective_at,
            expires_at=entry.expires_at,
            supersedes=entry.supersedes,
        )
        for entry in read_manifest()
    ]


def _sample_headings() -> frozenset[str]:
    found = [sample.entry.title for sample in SAMPLES]
    for sample in SAMPLES:
        found += [block.text for block in sample.blocks if isinstance(block, Heading)]
    return frozenset(normalized(each) for each in found)


def _show(runs: Sequence[_Run], shows: Shows) -> None:
    for run in runs:
        for each in run.asked:
            if shows == "all" or (shows == "faults" and each.grade.outcome != "right"):
                _print_case(each)
        print_table(outcomes_table(run.name, run.asked))


def _print_case(asked: AskedCase) -> None:
    case, shown = asked.case, asked.shown
    typer.echo(f"{case.id} ({', '.join(case.principals) or 'everybody'}): {case.question}")
    for turn in case.history:
        typer.echo(f"  after {turn.role}: {turn.content}")
    typer.echo(f"  {asked.grade.outcome}: {'; '.join(asked.grade.faults) or 'no fault'}")
    typer.echo(f"  {shown.status}: {shown.text.strip()}\n")


def outcomes_table(name: str, asked: Sequence[AskedCase]) -> Table:
    """Of a set: a row for each kind, then each language, then all: how many came out how.

    The interval is that of the share of right ones.
    """
    table = Table(box=SIMPLE_HEAD)
    table.add_column(name, no_wrap=True)
    for heading in ("n", *OUTCOMES, "right %", "95 % interval", "right or ugly %"):
        table.add_column(heading.replace("_", " "), justify="right", no_wrap=True)
    for kind in dict.fromkeys(each.case.kind for each in asked):
        _add_row(table, kind, [each for each in asked if each.case.kind == kind])
    for language in dict.fromkeys(each.case.language for each in asked):
        _add_row(
            table, f"in {language}", [each for each in asked if each.case.language == language]
        )
    _add_row(table, ALL, asked)
    return table


def _add_row(table: Table, name: str, asked: Sequence[AskedCase]) -> None:
    outcomes = [each.grade.outcome for each in asked]
    right, ugly = outcomes.count("right"), outcomes.count("ugly")
    low, high = share_interval(right, len(outcomes))
    table.add_row(
        name,
        str(len(outcomes)),
        *[str(outcomes.count(outcome)) for outcome in OUTCOMES],
        f"{100 * right / len(outcomes):.1f}",
        f"{100 * low:.1f} to {100 * high:.1f}",
        f"{100 * (right + ugly) / len(outcomes):.1f}",
    )
