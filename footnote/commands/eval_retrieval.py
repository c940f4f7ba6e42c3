"""`footnote eval`: how good it is, measured on sets of questions whose answers are known."""

import asyncio
from collections.abc import Sequence
from itertools import product
from typing import Annotated

import typer

from app.retrieve.query import SearchMode
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search_spaces import SearchSpaces
from footnote.commands.ask import Mode
from footnote.commands.eval_command import (
    DatasetOption,
    HomeOption,
    LimitOption,
    Measured,
    evaluation,
    evaluation_database,
    settings_in,
)
from footnote.compose import build_retriever, open_indexes
from footnote.compose_ingestion import open_ingestion, uploads_with
from footnote.embedding_model import load_embedder, open_space
from footnote.evals.datasets import Dataset, open_dataset
from footnote.evals.loading import LoadedDataset, load
from footnote.evals.results import Result
from footnote.evals.retrieval import KIND, History, RetrievalRun, measure_retrieval
from footnote.on_database import open_database, utc_now
from footnote.output import progress_console
from footnote.progress_bars import progress_bar
from kb.errors import Misconfigured
from kb.settings import Settings

MODES: tuple[SearchMode, ...] = ("lexical", "vector", "hybrid")

ModeOption = Annotated[list[Mode] | None, typer.Option("--mode", help="Repeatable; unset: all.")]
RerankOption = Annotated[
    bool, typer.Option("--rerank", help="Also hybrid with the configured reranker.")
]
HistoryOption = Annotated[
    History,
    typer.Option("--history", help="The part of a conversation that a question is searched with."),
]
SplitOption = Annotated[
    str | None,
    typer.Option("--split", help="A part of the sets, or 'all'; unset: what qrels.tsv judges."),
]


@evaluation
def retrieval(  # noqa: PLR0913  # each is an option of the command
    *,
    dataset: DatasetOption,
    mode: ModeOption = None,
    rerank: RerankOption = False,
    history: HistoryOption = History.LAST_TURN,
    split: SplitOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
) -> Measured:
    """Measure how well questions find the documents that answer them.

    Each set is ingested into a tenant of its own, once. Exit 1 when a figure is below its floor.
    """
    settings = settings_in(home)
    if rerank and settings.rerank_model is None:
        raise Misconfigured("No reranker is configured: set FOOTNOTE_RERANK_MODEL.")
    ways = [(name, False) for name in MODES if not mode or Mode(name) in mode]
    if rerank:
        ways.append(("hybrid", True))
    datasets = [open_dataset(settings.evaldata, name) for name in dict.fromkeys(dataset)]
    for each in datasets:
        # A set without judgements is told before it is ingested.
        each.judged_questions(split)
    runs = [
        RetrievalRun(mode=name, history=history, split=split, limit=limit, is_reranked=is_reranked)
        for name, is_reranked in ways
    ]
    with evaluation_database(settings) as url:
        results = asyncio.run(_load_and_ask(settings, url, datasets, runs))
    return Measured(
        kind=KIND,
        options={"history": history.value, "split": split, "limit": limit},
        results=results,
    )


async def _load_and_ask(
    settings: Settings, url: str, datasets: Sequence[Dataset], runs: Sequence[RetrievalRun]
) -> list[Result]:
    loaded = await load_datasets(settings, url, datasets)
    embedder = load_embedder(settings)
    results = []
    async with open_database(settings, url) as database:
        space = await open_space(database, embedder)
        async with open_indexes(settings, url) as indexes:
            for each, run in product(loaded, runs):
                progress_console.print(f"{each.dataset.name}: {run.variant}")
                # A search would go on without an index that is still being built, and by other
                # plans than the service's without sketches.
                await indexes.lexical.catch_up(each.tenant_id)
                if indexes.sketches is not None:
                    await indexes.sketches.catch_up(each.tenant_id, space)
                # One of its own for each way: a retriever remembers the vectors of questions.
                retriever = build_retriever(
                    settings, database, indexes, SearchSpaces(QueryEmbedder(embedder, space))
                )
                results.append(await measure_retrieval(retriever, each, run, clock=utc_now))
    return results


async def load_datasets(
    settings: Settings, url: str, datasets: Sequence[Dataset]
) -> list[LoadedDataset]:
    """The sets, each in a tenant of its own, with progress on stderr."""
    async with open_ingestion(settings, url) as tools:
        uploads = uploads_with(tools, settings)
        with progress_bar() as progress:
            loaded = []
            for dataset in datasets:
                task = progress.add_task(f"Loading {dataset.name}", total=None)
                loaded.append(
                    await load(
                        dataset,
                        tools,
                        uploads,
                        # More would wait for each other's connections.
                        concurrency=min(settings.worker_concurrency, settings.database_pool_size),
                        on_progress=lambda done, total, task=task: progress.update(  # type: ignore[misc]  # a bound argument
                            task, completed=done, total=total
                        ),
                    )
                )
            return loaded
