"""`footnote eval answers`: whole answers to questions with known answers."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from evals.abstention import chosen
from evals.answers import KIND, AnswersRun, measure_answers
from evals.datasets import Dataset, open_dataset
from evals.loading import LoadedDataset
from evals.provenance import provenance
from evals.questions import PutQuestion, elsewhere, read_questions
from evals.results import FORMAT, Evaluation, Result
from evals.thresholds import PACKAGED
from footnote.commands.evals import load_datasets
from footnote.compose import open_resources
from footnote.evaluation import (
    DatasetsOption,
    HomeOption,
    LimitOption,
    NoThresholdsOption,
    OutputOption,
    ReportOption,
    ThresholdsOption,
    Wishes,
    evaluation_database,
    finish,
    settings_in,
)
from footnote.output import JsonOption, progress_console
from kb.settings import Settings

SETS = ("squad2", "clapnq")
"""Sets whose questions have known answers, or are known to have none."""

QUESTIONS = 150
"""With an answer and as many without, of each set: a share of .9 is then known to .05."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    datasets: Sequence[Dataset]
    questions_by_set: dict[str, list[PutQuestion]]
    alias: str | None
    limit: int | None

    def asked(self, name: str) -> list[PutQuestion]:
        return chosen(self.questions_by_set[name], held_back=True, limit=self.limit or QUESTIONS)


def answers(  # noqa: PLR0913  # each is an option of the command
    *,
    dataset: DatasetsOption = None,
    alias: Annotated[
        str | None, typer.Option(help="A model alias; unset: the default, else extractive.")
    ] = None,
    limit: LimitOption = None,
    output: OutputOption = None,
    report: ReportOption = None,
    thresholds: ThresholdsOption = PACKAGED,
    no_thresholds: NoThresholdsOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure whole answers, on articles nothing was fitted to.

    With several sets, each is also asked what only the next one can answer.
    """
    settings = settings_in(home)
    wishes = Wishes(
        output=output,
        report=report,
        thresholds=None if no_thresholds else thresholds,
        as_json=as_json,
    )
    wishes.check()
    datasets = [open_dataset(settings.evaldata, name) for name in dict.fromkeys(dataset or SETS)]
    plan = _Plan(
        datasets=datasets,
        questions_by_set={each.name: read_questions(each) for each in datasets},
        alias=alias,
        limit=limit,
    )
    with evaluation_database(settings) as url:
        results = asyncio.run(_load_and_ask(settings, url, plan))
    evaluation: Evaluation = {
        "format": FORMAT,
        "evaluation": KIND,
        "options": {"alias": alias, "limit": limit},
        "provenance": provenance(settings),
        "results": results,
    }
    finish(evaluation, wishes)


async def _load_and_ask(settings: Settings, url: str, plan: _Plan) -> list[Result]:
    loaded = await load_datasets(settings, url, plan.datasets)
    results = []
    async with open_resources(settings, url) as resources:
        aliases = resources.answerer.models_for(loaded[0].tenant_id)
        run = AnswersRun(
            answerer=resources.answerer,
            alias=plan.alias,
            variant=plan.alias or aliases[0],
            is_whole=plan.limit is None,
            clock=resources.clock,
        )
        for each, variant, questions in _asked(plan, loaded, run.variant):
            if questions:
                progress_console.print(
                    f"{each.dataset.name}, {variant}: {len(questions)} questions", markup=False
                )
                results.append(
                    await measure_answers(replace(run, variant=variant), each, questions)
                )
    return results


def _asked(
    plan: _Plan, loaded: Sequence[LoadedDataset], variant: str
) -> Iterator[tuple[LoadedDataset, str, Sequence[PutQuestion]]]:
    """Each set with its questions, then with those of the next set, which it cannot answer."""
    for place, each in enumerate(loaded):
        yield each, variant, plan.asked(each.dataset.name)
        other = loaded[(place + 1) % len(loaded)]
        if other is not each:
            foreign = [
                elsewhere(question)
                for question in plan.asked(other.dataset.name)
                if question.is_answerable
            ]
            yield each, f"{variant} absent", foreign
