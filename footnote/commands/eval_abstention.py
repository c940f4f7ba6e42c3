"""`footnote eval abstention`: is a question without an answer seen before anything is written?"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.answering.abstention import FITTED_FILE, packaged_model
from app.limits import AnswerLimits
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import NodeIndexes
from app.retrieve.search_spaces import SearchSpaces
from footnote.commands.eval_command import (
    DatasetsOption,
    HomeOption,
    LimitOption,
    Measured,
    evaluation,
    evaluation_database,
    require_writable,
    settings_in,
)
from footnote.commands.eval_retrieval import load_datasets
from footnote.compose import build_retriever
from footnote.embedding_model import load_embedder, open_space
from footnote.evals.abstention import (
    KIND,
    QUESTIONS_PER_CASE,
    RememberingEmbedder,
    WeighedQuestion,
    Weighing,
    chosen,
    results_of,
    weigh,
)
from footnote.evals.datasets import open_dataset
from footnote.evals.loading import LoadedDataset
from footnote.evals.questions import read_questions
from footnote.evals.results import write_fitted
from footnote.on_database import open_database, utc_now
from footnote.output import progress_console
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.settings import Settings

SETS = ("squad2", "clapnq")
"""The sets that the packaged model was fitted to: some of their questions have no answer."""


@evaluation
def abstention(
    *,
    dataset: DatasetsOption = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="First fit the model to the half that is not reported.")
    ] = False,
    version: Annotated[str, typer.Option(help="With --fit: what the new model is called.")] = "1",
    fitted: Annotated[
        Path, typer.Option(help="With --fit: the file to write; unset: the one that is read.")
    ] = FITTED_FILE,
    limit: LimitOption = None,
    home: HomeOption = None,
) -> Measured:
    """Measure how well questions without an answer are seen, on articles nothing was fitted to."""
    settings = settings_in(home)
    if fit:
        require_writable(fitted)
    names = list(dict.fromkeys(dataset or SETS))
    weighed = _weigh_all(settings, names, limit=limit or QUESTIONS_PER_CASE, is_fitting=fit)
    model = packaged_model()
    if fit:
        # An extra: only who fits needs it.
        from footnote.evals.abstention_fit import (
            FitName,
            fit_abstention,
        )

        model = fit_abstention(
            [each for _, questions in weighed for each in questions if not each.is_held_back],
            FitName(
                version=version,
                fitted_on=utc_now().date().isoformat(),
                embedding_model=settings.embedding_model,
            ),
        )
        write_fitted(model, fitted)
        progress_console.print(f"Written: {fitted}")
    return Measured(
        kind=KIND,
        options={"limit": limit, "fit": fit},
        results=[
            result
            for loaded, questions in weighed
            for result in results_of(
                loaded,
                [each for each in questions if each.is_held_back],
                model,
                floor=settings.answer_evidence_floor,
                is_whole=limit is None,
            )
        ],
    )


def _weigh_all(
    settings: Settings, names: Sequence[str], *, limit: int, is_fitting: bool
) -> list[tuple[LoadedDataset, list[WeighedQuestion]]]:
    """Each set with its questions of both halves; those of the first only when it is fitted."""
    datasets = [open_dataset(settings.evaldata, name) for name in names]
    questions_by_set = {each.name: read_questions(each) for each in datasets}

    async def run(url: str) -> list[tuple[LoadedDataset, list[WeighedQuestion]]]:
        loaded = await load_datasets(settings, url, datasets)
        embedder = load_embedder(settings)
        sets = []
        async with open_database(settings, url) as database:
            space = await open_space(database, embedder)
            lexical = LexicalIndexes(database, settings.home_path / "lexical")
            query_embedder = QueryEmbedder(embedder, space)
            weighing = Weighing(
                retriever=build_retriever(
                    settings,
                    database,
                    NodeIndexes(lexical=lexical),
                    SearchSpaces(query_embedder),
                ),
                embedder=RememberingEmbedder(query_embedder),
                limits=AnswerLimits(
                    passages=settings.answer_passages,
                    context_tokens=settings.answer_context_tokens,
                    evidence_floor=settings.answer_evidence_floor,
                ),
                clock=utc_now,
            )
            for each in loaded:
                questions = questions_by_set[each.dataset.name]
                weighed = []
                for held_back in [False, True] if is_fitting else [True]:
                    half = chosen(questions, held_back=held_back, limit=limit)
                    progress_console.print(f"{each.dataset.name}: {len(half)} questions")
                    weighed += await weigh(weighing, each, half)
                sets.append((each, weighed))
        return sets

    with evaluation_database(settings) as url:
        return asyncio.run(run(url))
