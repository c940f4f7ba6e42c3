"""`footnote eval proof`: what is shown of claims that are known to be true or false."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

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
from footnote.evals.proof.cases import (
    ORIGINS,
    Choice,
    ProofCase,
    ProofDocument,
    Sample,
    read_documents,
    read_proof_cases,
)
from footnote.evals.proof.cells import cell_cases
from footnote.evals.proof.judging import Ended, parts_of, results_of, tally
from footnote.evals.proof.measure import (
    ReaderName,
    load_documents,
    put_cases,
    settings_with_models,
)
from footnote.evals.proof.scripted import ScriptedModels
from footnote.output import console, progress_console, table_console
from footnote.progress_bars import progress_bar
from footnote.samples.manifest import document_path, read_manifest
from ingest.parse import parse
from kb.errors import InvalidInput
from kb.media_types import sniff
from kb.settings import Settings

KIND: Final = "proof"

_HEADINGS: Final = (
    "n",
    "not asked",
    "not retrieved",
    "lies",
    "shown",
    "truths",
    "lost",
    "told",
    "quoted",
)


class Reader(StrEnum):
    """The reader of paraphrases."""

    none = "none"
    judge = "judge"
    grounding_model = "grounding-model"


READERS: Final[dict[Reader, str]] = {
    Reader.none: "none",
    Reader.judge: "a scripted judge that is always right: the path is measured, no model",
    Reader.grounding_model: "the configured grounding model",
}


class Half(StrEnum):
    """Cut by quote."""

    all = "all"
    dev = "dev"
    held_back = "held-back"


@dataclass(frozen=True, kw_only=True)
class _Plan:
    cases: Sequence[ProofCase]
    documents: Sequence[ProofDocument]
    reader: ReaderName
    is_whole: bool


@evaluation
def proof(  # noqa: PLR0913  # each is an option of the command
    *,
    reader: Annotated[
        Reader, typer.Option(help="judge: a scripted one that is always right.")
    ] = Reader.none,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Repeatable.")] = None,
    language: Annotated[list[str] | None, typer.Option("--language", help="Repeatable.")] = None,
    origin: Annotated[
        list[str] | None, typer.Option("--only", help="lies, truths or cells; repeatable.")
    ] = None,
    split: Annotated[Half, typer.Option("--split", help="A half of the quotes.")] = Half.all,
    faults: Annotated[
        bool, typer.Option("--faults", help="Print each lie shown and truth lost.")
    ] = False,
    limit: LimitOption = None,
    home: HomeOption = None,
) -> Measured:
    """Measure how many lies with a true quote are shown, and how many truths are lost."""
    settings = settings_in(home)
    choice = Choice(
        kinds=kind or (),
        languages=language or (),
        origins=origin or (),
        is_held_back=None if split is Half.all else split is Half.held_back,
    )
    plan = _plan(settings, choice, reader.value, limit)
    with (
        settings_with_models(settings, plan.reader) as (with_models, models),
        evaluation_database(settings) as url,
    ):
        ended = asyncio.run(_load_and_put(with_models, url, models, plan))
    return Measured(
        kind=KIND,
        options={"reader": READERS[reader], "split": split.value, "limit": limit},
        results=results_of(ended, variant=f"reader {plan.reader}", is_whole=plan.is_whole),
        show=lambda: _print(ended, plan.reader, has_faults=faults),
    )


def _plan(settings: Settings, choice: Choice, reader: ReaderName, limit: int | None) -> _Plan:
    """The chosen cases over the documents that are there; prints how many have none."""
    written = read_proof_cases()
    samples = {
        entry.file: Sample(title=entry.title, content=document_path(entry).read_bytes())
        for entry in read_manifest()
    }
    documents = read_documents(written, settings.evaldata, samples)
    present = {document.file for document in documents}
    cases = [case for case in written if case.document in present]
    if len(cases) < len(written):
        progress_console.print(
            f"{len(written) - len(cases)} cases are left out: their documents are not in "
            "FOOTNOTE_EVALDATA.",
        )
    if choice.has_cells:
        for document in documents:
            media_type = sniff(document.content, filename=document.file, declared=None)
            parsed = parse(document.content, media_type)
            cases += cell_cases(document.file, document.language, parsed)
    chosen = [case for case in cases if choice.takes(case)][:limit]
    if not chosen:
        raise InvalidInput("There is no such case.")
    return _Plan(
        cases=chosen,
        documents=documents,
        reader=reader,
        is_whole=choice.has_cells and len(chosen) == len(cases),
    )


async def _load_and_put(
    settings: Settings, url: str, models: ScriptedModels, plan: _Plan
) -> list[Ended]:
    async with open_ingestion(settings, url) as tools:
        uploads = uploads_with(tools, settings)
        wanted = {case.document for case in plan.cases}
        loaded = await load_documents(tools, uploads, plan.documents, wanted)
    async with open_resources(settings, url) as resources:
        with progress_bar() as progress:
            task = progress.add_task("Putting claims", total=len(plan.cases))
            return await put_cases(
                resources,
                models,
                loaded,
                plan.cases,
                on_progress=lambda done: progress.update(task, completed=done),
            )


def _print(ended: Sequence[Ended], reader: ReaderName, *, has_faults: bool) -> None:
    if reader == "judge":
        console.print(f"Reader: {READERS[Reader.judge]}.")
    for origin in ORIGINS:
        of_origin = [each for each in ended if each.case.origin == origin]
        if not of_origin:
            continue
        table = Table(box=SIMPLE_HEAD)
        table.add_column(origin, no_wrap=True)
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", no_wrap=True)
        for name, part in {**parts_of(of_origin), "all": of_origin}.items():
            counts = tally(part)
            table.add_row(
                name,
                str(counts.cases),
                str(counts.not_asked),
                str(counts.not_retrieved),
                str(counts.lies),
                _share(counts.lies_shown, counts.lies),
                str(counts.truths),
                _share(counts.truths_lost, counts.truths),
                _share(counts.truths_told, counts.truths),
                _share(counts.truths_quoted, counts.truths),
            )
        table_console.print(table)
    for each in ended if has_faults else ():
        if each.ending == ("lost" if each.case.is_true else "told"):
            console.print(f"{each.case.id} ({each.case.kind}): {each.case.claim}")
            console.print(f"  quote: {each.case.quote}")
            console.print(f"  shown: {each.shown}")


def _share(count: int, of: int) -> str:
    return f"{count} ({count / of:.1%})" if of else ""
