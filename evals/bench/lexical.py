"""The lexical index at scale: building it, following Postgres, searching it meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, process_time
from uuid import uuid4

from evals.bench.footnote_process import BenchmarkFailed, Instance
from evals.bench.record import Outcome, Spread, spread
from footnote.evals.datasets import Dataset
from kb.ids import TenantId
from kb.index.lexical.analysis import analyse_query
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.lexical.view import LexicalQuery
from kb.passages import Location
from kb.postgres.database import EVERYONE, Database, Viewer
from kb.postgres.embedded_postgres import database_url
from kb.principals import Uploader
from kb.store.chunks import NewChunk, insert_chunks
from kb.store.collections import ensure_collection
from kb.store.document_writes import Published, insert_document, set_published
from kb.store.documents import Content, DocumentFields
from kb.store.tenants import advance_generation, create_tenant, current_generation
from kb.store.versions import NewVersion, insert_versions
from migrations.run import upgrade

CHUNKS = 100_000
DATASET = "medquad"
SEED = 11
WORDS = 100
"""Of a chunk; its context line and the parts of identifiers bring it to about 110 terms."""

CHUNKS_A_DOCUMENT = 500
CHUNKS_A_PUBLISH = 20
"""While searches go on; the rest is stored in large documents, which is faster."""

PUBLISHED_A_SECOND = 200
"""Chunks, at most: more than two cores can embed with the default model."""

QUERIES = 300
WARM_UP = 20
PUBLISHED = 50
QUERY_WORDS = (3, 8)
TARGET_PER_CORE = 20_000
NOWHERE = Location(
    section=[], page=None, slide=None, sheet=None, row=None, char_start=0, char_end=1
)
VIEWER = Viewer(principals=(EVERYONE,))
MEMORY_POLL_SECONDS = 0.02
FOLLOW_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class _Corpus:
    """One tenant, its texts, and the indexes of this process."""

    database: Database
    tenant_id: TenantId
    folder: Path
    indexes: LexicalIndexes
    dataset: Dataset
    chunk_count: int

    def texts(self) -> Iterator[list[str]]:
        """The texts of the chunks, a document's at a time.

        They are the set's in pieces of 100 words, from the start again when they end.
        """
        words = (document.text.split() for document in self.dataset.documents())
        pieces = [
            " ".join(each[start : start + WORDS])
            for each in words
            for start in range(0, len(each), WORDS)
        ]
        endless = islice(cycle(pieces), self.chunk_count)
        while batch := list(islice(endless, CHUNKS_A_DOCUMENT)):
            yield batch

    @cached_property
    def queries(self) -> list[str]:
        """Words of the texts themselves, drawn at random."""
        generator = random.Random(SEED)  # noqa: S311  # a sample, no secret
        words = [word for text in next(self.texts()) for word in text.split()]
        return [
            " ".join(generator.choices(words, k=generator.randint(*QUERY_WORDS)))
            for _ in range(QUERIES + WARM_UP)
        ]

    async def publish(self, texts: Sequence[str]) -> None:
        """One document with a chunk for each text, without vectors."""
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            collection_id = await ensure_collection(scope, "default")
            fields = DocumentFields(
                external_id=None,
                title=None,
                source_uri=None,
                language="en",
                metadata={},
                principals=(EVERYONE,),
                effective_at=None,
                expires_at=None,
                supersedes=None,
            )
            content = Content(filename=None, media_type="text/plain", sha256="0" * 64, size_bytes=1)
            document = await insert_document(
                scope, collection_id, fields, content, Uploader(name="bench", person=None)
            )
            version = NewVersion(
                document=document, content="x", parser="x", parser_version="1", chunker_version="1"
            )
            await insert_versions(scope, [version])
            chunks = [
                NewChunk(text=text, context="Report of the year > Numbers", location=NOWHERE)
                for text in texts
            ]
            await insert_chunks(scope, [(document, chunks)])
            published = Published(
                document=document, chunk_count=len(texts), parsed_title=None, warnings=[]
            )
            await set_published(scope, [published])
            await advance_generation(scope, document.id, readers=fields.principals)

    async def search(self, text: str) -> tuple[set[int], float]:
        """The chunks found, and the milliseconds between having a transaction and the hits."""
        query = LexicalQuery(
            terms=analyse_query(text), limit=50, document_ids=None, excluded_document_ids=()
        )
        async with self.database.tenant(self.tenant_id, viewer=VIEWER) as scope:
            started = perf_counter()
            generation = await current_generation(scope)
            view = await self.indexes.view(scope, generation=generation)
            hits = (await view.search(query)).hits
            return {hit.chunk_id for hit in hits}, (perf_counter() - started) * 1000

    async def search_all(self) -> list[float]:
        """Milliseconds of each query."""
        for text in self.queries[:WARM_UP]:
            await self.search(text)
        return [(await self.search(text))[1] for text in self.queries[WARM_UP:]]


def measure_lexical(instance: Instance, dataset: Dataset, *, chunk_count: int) -> Outcome:
    """In a database of its own; nothing is embedded."""
    return asyncio.run(_measure(instance, dataset, chunk_count))


async def _measure(instance: Instance, dataset: Dataset, chunk_count: int) -> Outcome:
    async with _open_corpus(instance, dataset, chunk_count) as corpus:
        started = perf_counter()
        for texts in corpus.texts():
            await corpus.publish(texts)
        fill_seconds = perf_counter() - started
        rebuild = await _rebuild(corpus)
        idle = spread(await corpus.search_all())
        found = await _time_to_found(corpus)
        published, while_publishing = await _search_while_publishing(corpus)
        while_rebuilding = await _search_while_rebuilding(corpus)
    per_core = rebuild["chunks_per_second_per_core"]
    return Outcome(
        question="Chunks that a second of one core puts into the lexical index",
        target=f">= {TARGET_PER_CORE} chunks/s per core",
        has_met_target=per_core >= TARGET_PER_CORE,
        numbers={
            "chunks": chunk_count,
            **rebuild,
            "fill_seconds": round(fill_seconds, 1),
            "publish_to_found_milliseconds": found,
            "search_milliseconds": idle,
            "search_while_publishing_milliseconds": while_publishing,
            "published_while_searching": published,
            "search_while_another_tenant_is_rebuilt_milliseconds": while_rebuilding,
        },
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP,
    )


@asynccontextmanager
async def _open_corpus(
    instance: Instance, dataset: Dataset, chunk_count: int
) -> AsyncIterator[_Corpus]:
    settings = instance.settings
    with database_url(settings) as url:
        upgrade(url)
        database = Database(url, pool_size=settings.database_pool_size)
        async with database.system() as system:
            tenant = await create_tenant(system, f"lexical {uuid4()}")
        folder = instance.home / f"lexical-{uuid4().hex}"
        try:
            async with aclosing(LexicalIndexes(database, folder)) as indexes:
                yield _Corpus(
                    database=database,
                    tenant_id=tenant.id,
                    folder=folder,
                    indexes=indexes,
                    dataset=dataset,
                    chunk_count=chunk_count,
                )
        finally:
            await database.close()


async def _rebuild(corpus: _Corpus) -> dict[str, float]:
    """CPU seconds are those of this process: reading, analysing, writing, merging."""
    with _sampled_memory() as megabytes:
        started, cpu_started = perf_counter(), process_time()
        await corpus.indexes.catch_up(corpus.tenant_id)
        seconds, cpu_seconds = perf_counter() - started, process_time() - cpu_started
    return {
        "rebuild_seconds": round(seconds, 2),
        "rebuild_cpu_seconds": round(cpu_seconds, 2),
        "chunks_per_second": round(corpus.chunk_count / seconds),
        "chunks_per_second_per_core": round(corpus.chunk_count / cpu_seconds),
        "rebuild_memory_mb": round(max(megabytes) - megabytes[0], 1),
    }


async def _time_to_found(corpus: _Corpus) -> Spread:
    """From the commit of a publish to the hits of the next query, which must have it."""
    milliseconds = []
    for number in range(PUBLISHED):
        # A word without parts or endings, which would be found in those before it.
        word = "published" + "q" * (number + 1) + "x"
        await corpus.publish([f"{word} is new"])
        started = perf_counter()
        found, _ = await corpus.search(word)
        milliseconds.append((perf_counter() - started) * 1000)
        if len(found) != 1:
            raise BenchmarkFailed(f"The next query found {len(found)} of 1 published chunk.")
    return spread(milliseconds)


async def _search_while_publishing(corpus: _Corpus) -> tuple[int, Spread]:
    """Small documents, one after the other, while the follower takes them up."""
    published = 0

    async def publish() -> None:
        nonlocal published
        for texts in corpus.texts():
            for start in range(0, len(texts), CHUNKS_A_PUBLISH):
                await corpus.publish(texts[start : start + CHUNKS_A_PUBLISH])
                published += CHUNKS_A_PUBLISH
                await asyncio.sleep(CHUNKS_A_PUBLISH / PUBLISHED_A_SECOND)

    tasks = [
        asyncio.create_task(publish()),
        asyncio.create_task(corpus.indexes.follow(interval_seconds=FOLLOW_SECONDS)),
    ]
    try:
        milliseconds = await corpus.search_all()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return published, spread(milliseconds)


async def _search_while_rebuilding(corpus: _Corpus) -> Spread:
    """Another process of the node, as it were: the same chunks go into a second index."""
    await corpus.indexes.catch_up(corpus.tenant_id)
    others = LexicalIndexes(corpus.database, corpus.folder.with_suffix(".others"))
    rebuilding = asyncio.create_task(others.catch_up(corpus.tenant_id))
    milliseconds: list[float] = []
    for text in corpus.queries * 100:
        if rebuilding.done():
            break
        milliseconds.append((await corpus.search(text))[1])
    await others.aclose()
    return spread(milliseconds)


@contextmanager
def _sampled_memory() -> Iterator[list[float]]:
    """Megabytes of the process's own memory, from the start of the block; without mapped files."""
    samples, ended = [_anonymous_mb()], Event()

    def watch() -> None:
        while not ended.wait(MEMORY_POLL_SECONDS):
            samples.append(_anonymous_mb())

    thread = Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _anonymous_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1000
