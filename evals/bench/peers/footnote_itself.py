"""Footnote's own part: its real ingest path and its real retriever, in a home of its own."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from time import perf_counter

from app.retrieve.query import RetrievalLimits, SearchQuery
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import NodeIndexes, Retriever
from app.retrieve.search_spaces import SearchSpaces
from evals.bench.footnote_process import BenchmarkFailed
from evals.bench.peers.exchange import GivenChunk, Task
from evals.bench.peers.remembering import RememberingEmbedder
from footnote.evals.datasets import Dataset
from footnote.evals.loading import READER, LoadedDataset, load
from footnote.evals.retrieval import ranked_documents
from ingest.chunk import split
from ingest.ingestion import Ingestion
from ingest.parse import parse
from ingest.reading import reading_children
from ingest.space_writers import SpaceWriters
from kb.errors import DocumentUnreadable
from kb.files import FileStore
from kb.ids import TenantId
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.media_types import sniff
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.settings import Settings
from kb.store.chunks import indexed_chunks
from kb.store.documents import Listing, list_documents
from kb.store.spaces import Space, ensure_space
from kb.store.uploads import Uploads
from kb.telemetry import Metrics
from migrations.run import upgrade
from models.embedding import Embedder

ALL = 10_000_000
PAGE = 1_000
WARM_UP = 5
"""As many as the peers ask before the clock runs."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Documents for each question, best first, and how long each took."""

    documents: Sequence[Sequence[str]]
    milliseconds: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class OwnPart:
    """Footnote's own run; `task` is the one it hands to the peers.

    `given` has the questions' vectors looked up, as the peers have them; `embedding` has the model
    run for each question, as in service.
    """

    task: Task
    index_seconds: float
    given: Timed
    embedding: Timed


@dataclass(frozen=True, kw_only=True)
class Models:
    """The model, the one that looks vectors up, and their space."""

    embedder: Embedder
    remembering: RememberingEmbedder
    space: Space


def embed_corpus(dataset: Dataset, embedder: RememberingEmbedder) -> None:
    """Embeds every chunk: no contender's time to index has the model's in it."""
    texts: list[str] = []
    for document in dataset.documents():
        content = document.text.encode()
        # One that cannot be read has no texts.
        with suppress(DocumentUnreadable):
            name = PurePosixPath(document.id).name
            media_type = sniff(content, filename=name, declared=None)
            parsed = parse(content, media_type)
            title = document.title or parsed.title
            chunks = split(parsed, title=title, media_type=media_type, embedder=embedder)
            texts += [chunk.embedded_text for chunk in chunks]
    embedder.embed_passages(texts)


def take_part(
    settings: Settings, dataset: Dataset, models: Models, questions: Sequence[str], *, limit: int
) -> OwnPart:
    """Ingests into the empty home of the settings, and asks."""
    with database_url(settings) as url:
        upgrade(url)
        return asyncio.run(_take_part(settings, url, dataset, models, (questions, limit)))


async def _take_part(
    settings: Settings,
    url: str,
    dataset: Dataset,
    models: Models,
    wanted: tuple[Sequence[str], int],
) -> OwnPart:
    questions, limit = wanted
    database = Database(url, pool_size=settings.database_pool_size)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        indexes = LexicalIndexes(database, settings.home_path / "lexical")
        lexical = await stack.enter_async_context(aclosing(indexes))
        await ensure_space(database, models.space)
        started = perf_counter()
        loaded = await _load(settings, database, dataset, models)

        def retriever(embedder: Embedder) -> Retriever:
            limits = RetrievalLimits(
                candidates=settings.retrieval_candidates,
                lexical_weight=settings.retrieval_lexical_weight,
            )
            questions = QueryEmbedder(embedder, models.space)
            return Retriever(
                database, NodeIndexes(lexical=lexical), SearchSpaces(questions), limits
            )

        # The first searches of so many new chunks would go on without the lexical index.
        await lexical.catch_up(loaded.tenant_id)
        index_seconds = perf_counter() - started
        chunks = await _chunks(database, loaded.tenant_id)
        return OwnPart(
            task=Task(
                chunks=chunks,
                chunk_vectors=models.remembering.embed_passages([each.text for each in chunks]),
                questions=questions,
                question_vectors=models.remembering.embed_queries(questions),
                limit=limit,
            ),
            index_seconds=index_seconds,
            given=await _ask(
                retriever(models.remembering), loaded.tenant_id, questions, limit=limit
            ),
            embedding=await _ask(
                retriever(models.embedder), loaded.tenant_id, questions, limit=limit
            ),
        )


async def _load(
    settings: Settings, database: Database, dataset: Dataset, models: Models
) -> LoadedDataset:
    files = FileStore(settings.effective_file_store_url)
    with closing(reading_children()) as children:
        async with SpaceWriters(models.space, models.remembering) as writers:
            tools = Ingestion(
                database=database,
                children=children,
                files=files,
                writers=writers,
                metrics=Metrics(),
                max_attempts=settings.job_max_attempts,
                clock=_now,
            )
            return await load(
                dataset,
                tools,
                Uploads(database=database, files=files, max_bytes=settings.max_upload_bytes),
                concurrency=min(settings.worker_concurrency, settings.database_pool_size),
                on_progress=lambda _done, _total: None,
            )


async def _ask(
    retriever: Retriever, tenant_id: TenantId, questions: Sequence[str], *, limit: int
) -> Timed:
    """Each question once, after some that no caller asks: the retriever remembers vectors."""
    for question in questions[:WARM_UP]:
        query = _query(f"{question} {question}", limit)
        await retriever.search(tenant_id, READER, query, now=_now())
    documents, milliseconds = [], []
    for question in questions:
        started = perf_counter()
        found = await retriever.search(tenant_id, READER, _query(question, limit), now=_now())
        milliseconds.append((perf_counter() - started) * 1000)
        if found.explanation.is_lexical_missing:
            raise BenchmarkFailed("A search went on without the lexical index.")
        documents.append(ranked_documents(found.passages))
    return Timed(documents=documents, milliseconds=milliseconds)


async def _chunks(database: Database, tenant_id: TenantId) -> list[GivenChunk]:
    """Everything that was stored, in the order of storing."""
    async with database.tenant(tenant_id, viewer=None) as scope:
        rows = await indexed_chunks(scope, None, after=0, limit=ALL)
        name_by_document: dict[str, str] = {}
        after = None
        while page := await list_documents(scope, Listing(), after=after, limit=PAGE):
            name_by_document |= {str(each.id): each.fields.external_id or "" for each in page}
            after = page[-1].id
    return [
        GivenChunk(
            id=str(row.chunk_id),
            document_id=name_by_document[str(row.document_id)],
            # A chunk without title and section is embedded without the line break before it.
            text=row.text.removeprefix("\n"),
        )
        for row in rows
    ]


def _query(text: str, limit: int) -> SearchQuery:
    return SearchQuery(text=text, collections=None, filter=None, top_k=limit, mode="hybrid")


def _now() -> datetime:
    return datetime.now(UTC)
