"""`footnote eval answers`: whole answers to questions with known answers."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.resources import Resources
from footnote.commands.eval_command import (
    DatasetsOption,
    HomeOption,
    LimitOption,
    Measured,
    evaluation,
    evaluation_database,
    results_table,
    settings_in,
)
from footnote.commands.eval_retrieval import load_datasets
from footnote.compose import open_resources
from footnote.compose_ingestion import open_ingestion, uploads_with
from footnote.evals.abstention import chosen
from footnote.evals.answers import KIND, AnswersRun, measure_answers
from footnote.evals.answers_judge import Judge
from footnote.evals.answers_tiers import answerers_by_tier, spent_so_far
from footnote.evals.datasets import Dataset, open_dataset
from footnote.evals.loading import LoadedDataset
from footnote.evals.outcomes.cases import read_cases
from footnote.evals.outcomes.measure import DATASET as OUTCOMES
from footnote.evals.outcomes.measure import LoadedCase, load_cases, measure_outcomes
from footnote.evals.questions import PutQuestion, elsewhere, read_questions
from footnote.evals.results import Result
from footnote.output import progress_console, table_console
from kb.errors import Misconfigured
from kb.settings import Settings

SETS = ("squad2", "clapnq", OUTCOMES)
"""Sets whose questions have known answers, or are known to have none; then the packaged cases,
which tell for each outcome whether it comes about when it should."""

MODEL_USE = ("calls", "input_tokens", "output_tokens", "microdollars", "routed", "escalated")
"""The figures of the models that were asked, in the order of the table's columns."""

QUESTIONS = 150
"""With an answer and as many without, of each set: a share of .9 is then known to .05."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    datasets: Sequence[Dataset]
    has_outcomes: bool
    questions_by_set: dict[str, list[PutQuestion]]
    alias: str | None
    judge: str | None
    limit: int | None

    def asked(self, name: str) -> list[PutQuestion]:
        return chosen(self.questions_by_set[name], held_back=True, limit=self.limit or QUESTIONS)


@evaluation
def answers(
    *,
    dataset: DatasetsOption = None,
    alias: Annotated[
        str | None, typer.Option(help="A model alias; unset: the default, else extractive.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="An alias that also grades the answers, three times each.")
    ] = None,
    limit: LimitOption = None,
    home: HomeOption = None,
) -> Measured:
    """Measure whole answers, on articles nothing was fitted to.

    With several sets, each is also asked what only the next one can answer. The set `outcomes` is
    part of the program; it tells precision and recall of each outcome. An alias with a strong tier
    is also measured with each tier alone.
    """
    settings = settings_in(home)
    names = list(dict.fromkeys(dataset or SETS))
    datasets = [open_dataset(settings.evaldata, name) for name in names if name != OUTCOMES]
    plan = _Plan(
        datasets=datasets,
        has_outcomes=OUTCOMES in names,
        questions_by_set={each.name: read_questions(each) for each in datasets},
        alias=alias,
        judge=judge,
        limit=limit,
    )
    with evaluation_database(settings) as url:
        results = asyncio.run(_load_and_ask(settings, url, plan))
    return Measured(
        kind=KIND,
        options={"alias": alias, "judge": judge, "limit": limit},
        results=results,
        show=lambda: _show(results),
    )


async def _load_and_ask(settings: Settings, url: str, plan: _Plan) -> list[Result]:
    loaded = await load_datasets(settings, url, plan.datasets) if plan.datasets else []
    cases: list[LoadedCase] = []
    if plan.has_outcomes:
        async with open_ingestion(settings, url) as tools:
            uploads = uploads_with(tools, settings)
            cases = await load_cases(tools, uploads, read_cases()[: plan.limit])
    async with open_resources(settings, url) as resources:
        results = await _ask_sets(resources, plan, loaded) if loaded else []
        if cases:
            progress_console.print(f"{OUTCOMES}: {len(cases)} questions")
            alias = plan.alias or resources.answerer.models_for(cases[0].tenant_id)[0]
            found = await measure_outcomes(resources, cases, alias=plan.alias, variant=alias)
            results += [{**result, "is_whole": plan.limit is None} for result in found]
    return results


async def _ask_sets(
    resources: Resources, plan: _Plan, loaded: Sequence[LoadedDataset]
) -> list[Result]:
    tenant_id = loaded[0].tenant_id
    alias = plan.alias or resources.answerer.models_for(tenant_id)[0]
    judge = None
    if plan.judge is not None:
        if resources.answerer.gateway is None:
            raise Misconfigured("A judge is a language model, and none is configured.")
        judge = Judge(gateway=resources.answerer.gateway, tenant_id=tenant_id, alias=plan.judge)
    routed, *tiers = answerers_by_tier(resources.answerer, tenant_id, alias)
    run = AnswersRun(
        answerer=resources.answerer,
        alias=plan.alias,
        variant=routed[0],
        is_whole=plan.limit is None,
        clock=resources.clock,
        spent=lambda: spent_so_far(resources.metrics),
        judge=judge,
    )
    results = []
    for each, variant, questions in _asked(plan, loaded, run.variant):
        asked = replace(run, variant=variant)
        # What each tier alone would do is told by questions that the set answers.
        alone = [
            replace(run, variant=name, answerer=answerer)
            for name, answerer in tiers
            if variant == run.variant
        ]
        for one in [asked, *alone] if questions else []:
            progress_console.print(
                f"{each.dataset.name}, {one.variant}: {len(questions)} questions"
            )
            results.append(await measure_answers(one, each, questions))
    return results


def _show(results: Sequence[Result]) -> None:
    """Prints the use of language models, where any was asked, and the results."""
    asked = [result for result in results if "calls" in result["details"]]
    if asked:
        table = Table(box=SIMPLE_HEAD)
        for heading in ("data set", "variant"):
            table.add_column(heading, no_wrap=True)
        for heading in ("right answers", *MODEL_USE):
            table.add_column(heading, justify="right", no_wrap=True)
        for result in asked:
            table.add_row(
                result["dataset"],
                result["variant"],
                f"{result['figures']['right_answer']:.4f}",
                *[str(result["details"][name]) for name in MODEL_USE],
            )
        table_console.print(table)
    table_console.print(results_table(results))


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
