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
    settings_in,
)
from footnote.compose import open_resources
from footnote.compose_ingestion import open_ingestion, uploads_with
from footnote.evals.everyday.cases import SETS, WITH_SAMPLES, QuestionSet, read_set
from footnote.evals.everyday.grading import OUTCOMES, normalized
from footnote.evals.everyday.measure import (
    ALL,
    KIND,
    AskedCase,
    ask_cases,
    headings_of,
    load_files,
    results_of,
    source_of,
)
from footnote.evals.loading import SourceFile
from footnote.evals.metrics import share_interval
from footnote.output import console, progress_console, table_console
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
    chosen = []
    for questions in map(read_set, sets or SETS):
        cases = [case for case in questions.cases if not kind or case.kind in kind][:limit]
        if cases:
            chosen.append(replace(questions, cases=tuple(cases)))
    if not chosen:
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


async def _load_and_ask(
    settings: Settings, url: str, sets: Sequence[QuestionSet], alias: str | None
) -> list[_Run]:
    """Each set in a tenant of its own."""
    runs = []
    for questions in sets:
        files = [source_of(document) for document in questions.documents]
        headings = headings_of(questions.documents)
        if questions.name == WITH_SAMPLES:
            sample_files, sample_headings = _samples()
            files, headings = [*sample_files, *files], headings | sample_headings
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


def _samples() -> tuple[list[SourceFile], frozenset[str]]:
    """The sample documents, and their titles and headings."""
    files = [
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
    headings = [sample.entry.title for sample in SAMPLES]
    for sample in SAMPLES:
        headings += [block.text for block in sample.blocks if isinstance(block, Heading)]
    return files, frozenset(normalized(each) for each in headings)


def _show(runs: Sequence[_Run], shows: Shows) -> None:
    for run in runs:
        for each in run.asked:
            case, shown, grade = each.case, each.shown, each.grade
            if shows == "none" or (shows == "faults" and grade.outcome == "right"):
                continue
            console.print(
                f"{case.id} ({', '.join(case.principals) or 'everybody'}): {case.question}"
            )
            for turn in case.history:
                console.print(f"  after {turn.role}: {turn.content}")
            console.print(f"  {grade.outcome}: {'; '.join(grade.faults) or 'no fault'}")
            console.print(f"  {shown.status}: {shown.text.strip()}")
            console.print()
        table_console.print(outcomes_table(run.name, run.asked))


def outcomes_table(name: str, asked: Sequence[AskedCase]) -> Table:
    """The outcomes of a set: a row for each kind, then each language, then all.

    The interval is that of the share of right ones.
    """
    table = Table(box=SIMPLE_HEAD)
    table.add_column(name, no_wrap=True)
    for heading in ("n", *OUTCOMES, "right %", "95 % interval", "right or ugly %"):
        table.add_column(heading.replace("_", " "), justify="right", no_wrap=True)
    groups: dict[str, list[AskedCase]] = {}
    for each in asked:
        groups.setdefault(each.case.kind, []).append(each)
    for language in dict.fromkeys(each.case.language for each in asked):
        groups[f"in {language}"] = [each for each in asked if each.case.language == language]
    groups[ALL] = list(asked)
    for group, members in groups.items():
        outcomes = [each.grade.outcome for each in members]
        right, ugly = outcomes.count("right"), outcomes.count("ugly")
        low, high = share_interval(right, len(outcomes))
        table.add_row(
            group,
            str(len(outcomes)),
            *[str(outcomes.count(outcome)) for outcome in OUTCOMES],
            f"{100 * right / len(outcomes):.1f}",
            f"{100 * low:.1f} to {100 * high:.1f}",
            f"{100 * (right + ugly) / len(outcomes):.1f}",
        )
    return table
