"""`footnote eval everyday`: what people ask every day, and could one show them the answer?"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from evals.everyday.cases import EverydayCase, read_cases, read_documents
from evals.everyday.grading import OUTCOMES, normalized
from evals.everyday.measure import (
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
from evals.metrics import share_interval
from evals.provenance import provenance
from evals.results import FORMAT, Evaluation
from evals.thresholds import PACKAGED
from examples.blocks import Heading
from examples.corpus import SAMPLES
from examples.manifest import document_path, read_manifest
from footnote.compose import open_ingestion, open_resources, uploads_with
from footnote.evaluation import (
    HomeOption,
    LimitOption,
    NoThresholdsOption,
    OutputOption,
    ReportOption,
    ThresholdsOption,
    Wishes,
    evaluation_database,
    finish,
    print_table,
    settings_in,
)
from footnote.output import JsonOption, progress_console
from kb.errors import InvalidInput
from kb.settings import Settings

Asked = Literal["dev", "held", "all"]

Shows = Literal["none", "faults", "all"]


@dataclass(frozen=True, kw_only=True)
class _Run:
    asked: list[AskedCase]
    variant: str


def everyday(  # noqa: PLR0913  # each is an option of the command
    *,
    split: Annotated[Asked, typer.Option(help="The half to ask; only `all` has floors.")] = "all",
    kind: Annotated[list[str] | None, typer.Option(help="Ask only this kind; repeatable.")] = None,
    alias: Annotated[
        str | None, typer.Option(help="A model alias; unset: the default, else extractive.")
    ] = None,
    show: Annotated[
        Shows, typer.Option(help="Print questions with their answers: all, or those not right.")
    ] = "none",
    limit: LimitOption = None,
    output: OutputOption = None,
    report: ReportOption = None,
    thresholds: ThresholdsOption = PACKAGED,
    no_thresholds: NoThresholdsOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure answers to everyday questions about the sample documents and some more."""
    settings = settings_in(home)
    wishes = Wishes(
        output=output,
        report=report,
        thresholds=None if no_thresholds else thresholds,
        as_json=as_json,
        is_printed=True,
    )
    wishes.check()
    cases = list(_chosen(read_cases(), split, kind))[:limit]
    if not cases:
        known = ", ".join(sorted({case.kind for case in read_cases()}))
        raise InvalidInput(f"No question is of the kind {' '.join(kind or ())!r}. Known: {known}.")
    with evaluation_database(settings) as url:
        run = asyncio.run(_load_and_ask(settings, url, cases, alias))
    evaluation: Evaluation = {
        "format": FORMAT,
        "evaluation": KIND,
        "options": {"split": split, "kind": " ".join(kind or ()) or None, "alias": alias},
        "provenance": provenance(settings),
        "results": results_of(
            run.asked,
            variant=run.variant,
            split=None if split == "all" else split,
            is_whole=kind is None and limit is None,
        ),
    }
    if not as_json:
        for each in run.asked:
            if show == "all" or (show == "faults" and each.grade.outcome != "right"):
                _print_case(each)
        print_table(outcomes_table(run.asked))
    finish(evaluation, wishes)


def _chosen(
    cases: Sequence[EverydayCase], split: Asked, kinds: Sequence[str] | None
) -> Iterator[EverydayCase]:
    for case in cases:
        if split in {"all", case.split} and (not kinds or case.kind in kinds):
            yield case


async def _load_and_ask(
    settings: Settings, url: str, cases: Sequence[EverydayCase], alias: str | None
) -> _Run:
    documents = read_documents()
    files = [*_sample_files(), *map(source_of, documents)]
    progress_console.print(f"{KIND}: {len(files)} documents, {len(cases)} questions")
    async with open_ingestion(settings, url) as tools:
        uploads = uploads_with(tools, settings)
        tenant_id = await load_files(tools, uploads, files)
    async with open_resources(settings, url) as resources:
        asked = await ask_cases(
            resources,
            tenant_id,
            cases,
            headings=headings_of(documents) | _sample_headings(),
            alias=alias,
        )
        return _Run(asked=asked, variant=alias or resources.answerer.models_for(tenant_id)[0])


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


def _print_case(asked: AskedCase) -> None:
    case, shown = asked.case, asked.shown
    typer.echo(f"{case.id} ({', '.join(case.principals) or 'everybody'}): {case.question}")
    for turn in case.history:
        typer.echo(f"  after {turn.role}: {turn.content}")
    typer.echo(f"  {asked.grade.outcome}: {'; '.join(asked.grade.faults) or 'no fault'}")
    typer.echo(f"  {shown.status}: {shown.text.strip()}\n")


def outcomes_table(asked: Sequence[AskedCase]) -> Table:
    """A row for each kind, then each language, then all: how many came out how.

    The interval is that of the share of right ones.
    """
    table = Table(box=SIMPLE_HEAD)
    table.add_column("kind", no_wrap=True)
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
