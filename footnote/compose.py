"""The composition root of everything that works on the knowledge base."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from app.answer import Answerer
from app.gateway.endpoint import ModelEndpoint
from app.gateway.language_model import LanguageModel
from app.limits import AnswerLimits, RequestLimits
from app.prompts.prompt import load_prompt
from app.resources import Resources
from app.retrieve.search import RetrievalLimits, Retriever
from ingest.embed import BatchingEmbedder
from ingest.pipeline import Ingestion
from kb.database import Database, wait_until_reachable
from kb.embedding import SentenceTransformerEmbedder
from kb.errors import SchemaOutOfDate
from kb.files import FileStore
from kb.lexical.follower import LexicalIndexes
from kb.row_security import probe_row_security
from kb.settings import Settings
from kb.spaces import Space, ensure_space, space_for
from kb.telemetry import Metrics
from kb.uploads import Uploads
from migrations.run import is_current

PROMPT = "answer@1"
"""The prompt of this release."""

REACH_TIMEOUT_SECONDS = 30
"""A database that starts together with us gets this long."""


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_database(settings: Settings, database_url: str) -> AsyncIterator[Database]:
    """A database whose schema is current and whose row security was seen to bite."""
    await wait_until_reachable(database_url, timeout_seconds=REACH_TIMEOUT_SECONDS)
    if not is_current(database_url):
        raise SchemaOutOfDate
    database = Database(database_url, pool_size=settings.database_pool_size)
    try:
        await probe_row_security(database)
        yield database
    finally:
        await database.close()


def load_embedder(settings: Settings) -> SentenceTransformerEmbedder:
    """The configured model; takes seconds."""
    return SentenceTransformerEmbedder(
        model=settings.embedding_model,
        backend=settings.embedding_backend,
        batch_size=settings.embedding_batch_size,
        cache_folder=settings.home_path / "models",
    )


async def open_space(database: Database, embedder: SentenceTransformerEmbedder) -> Space:
    """The embedder's space, made when new."""
    space = space_for(
        model=embedder.model_name, revision=embedder.revision, dimension=embedder.dimension
    )
    await ensure_space(database, space)
    return space


@asynccontextmanager
async def _open_language_model(settings: Settings) -> AsyncIterator[LanguageModel | None]:
    """The configured language model; None: answers are extractive."""
    if settings.llm_base_url is None or settings.llm_model is None:
        yield None
        return
    endpoint = ModelEndpoint(
        base_url=settings.llm_base_url,
        model=settings.llm_model,
        api_key=settings.llm_api_key,
        timeout_seconds=settings.llm_timeout_seconds,
        max_output_tokens=settings.llm_max_output_tokens,
        send_json_schema=settings.llm_json_schema,
    )
    async with LanguageModel(endpoint) as model:
        yield model


@asynccontextmanager
async def open_resources(settings: Settings, database_url: str) -> AsyncIterator[Resources]:
    """What the API and the command line answer with."""
    embedder = load_embedder(settings)
    async with (
        open_database(settings, database_url) as database,
        _open_language_model(settings) as language_model,
    ):
        space = await open_space(database, embedder)
        files = FileStore(settings.effective_file_store_url)
        lexical = LexicalIndexes(database, settings.home_path / "lexical")
        retriever = Retriever(
            database,
            lexical,
            embedder,
            space,
            RetrievalLimits(
                candidates=settings.retrieval_candidates,
                lexical_weight=settings.retrieval_lexical_weight,
            ),
        )
        yield Resources(
            database=database,
            files=files,
            uploads=Uploads(database=database, files=files, max_bytes=settings.max_upload_bytes),
            lexical=lexical,
            retriever=retriever,
            answerer=Answerer(
                retriever=retriever,
                embedder=embedder,
                language_model=language_model,
                prompt=load_prompt(PROMPT),
                limits=AnswerLimits(
                    passages=settings.answer_passages,
                    context_tokens=settings.answer_context_tokens,
                    evidence_floor=settings.answer_evidence_floor,
                ),
            ),
            metrics=Metrics(),
            request_limits=RequestLimits(
                max_upload_bytes=settings.max_upload_bytes,
                max_body_bytes=settings.max_body_bytes,
                max_question_chars=settings.max_question_chars,
                max_top_k=settings.max_top_k,
                rate_per_minute=settings.rate_limit_per_minute,
            ),
            clock=utc_now,
        )


@asynccontextmanager
async def open_ingestion(settings: Settings, database_url: str) -> AsyncIterator[Ingestion]:
    """What the worker ingests with."""
    embedder = load_embedder(settings)
    async with (
        open_database(settings, database_url) as database,
        BatchingEmbedder(embedder) as batching,
    ):
        yield Ingestion(
            database=database,
            files=FileStore(settings.effective_file_store_url),
            embedder=embedder,
            batching=batching,
            space=await open_space(database, embedder),
            metrics=Metrics(),
            max_attempts=settings.job_max_attempts,
            clock=utc_now,
        )
