"""The composition root of everything that works on the knowledge base."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from random import SystemRandom

import structlog

from app.answering.abstention import is_fitted_to, packaged_model
from app.answering.pipeline import Answerer
from app.answering.prompts.library import PromptLibrary
from app.answering.review.grounding_model import load_grounding_model
from app.gateway.config import (
    EVERYBODY,
    GatewayConfig,
    Model,
    Provider,
    load_gateway_file,
    single_model_config,
)
from app.gateway.gateway import Gateway, open_gateway
from app.heavy_work import HeavyWork
from app.identity import ApiKeys
from app.limits import AnswerLimits, RequestLimits
from app.policy.tenant_policy import TenantPolicies, load_policies
from app.resources import Resources
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.recall_sampling import RecallSampler
from app.retrieve.search import NodeIndexes, RetrievalLimits, Retriever
from ingest.embed import batch_passages
from ingest.ingestion import Ingestion
from ingest.night import Night
from ingest.reading import reading_children
from ingest.reindex import Reindexing
from ingest.sources.opening import SourceOpener
from ingest.sources.run import SourceTools
from ingest.sources.sync import enqueue_due_sources
from ingest.sources.web_list import WebClient
from ingest.upkeep import Upkeep
from kb.errors import InvalidInput, Misconfigured, SchemaOutOfDate, SourceUriRefused
from kb.files import FileStore
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.sketches.sketch_cache import SketchCache
from kb.outbound import BlockingOutboundClient, certificate_context
from kb.postgres.database import Database, wait_until_reachable
from kb.postgres.row_security import probe_row_security
from kb.public_addresses import PublicAddresses
from kb.schedule import validate_cron
from kb.settings import Settings, secret_named
from kb.source_uris import parse_prefixes
from kb.store.retention import Retention
from kb.store.spaces import Space, ensure_space, space_for
from kb.store.uploads import Uploads
from kb.telemetry import Metrics
from migrations.run import is_current
from models.embedding import SentenceTransformerEmbedder, languages_read
from models.reranking import CrossEncoderScorer

ONE_KEY = "FOOTNOTE_LLM_API_KEY"
"""The key of the one model that is configured without a gateway file."""

INDEX_CONNECTIONS = 6
"""For four that write lexical indexes, one that reads sketches, and one that looks what to do."""

REACH_TIMEOUT_SECONDS = 30
"""A database that starts together with us gets this long."""


REFIT = "Run 'footnote eval abstention --fit', or set FOOTNOTE_ANSWER_EVIDENCE_FLOOR by questions."
"""The remedy for an evidence floor that was fitted with another embedding model."""

log = structlog.get_logger(__name__)


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


@asynccontextmanager
async def open_indexes(settings: Settings, database_url: str) -> AsyncIterator[NodeIndexes]:
    """The indexes, with connections of their own that no search waiting for them can take."""
    database = Database(database_url, pool_size=INDEX_CONNECTIONS)
    try:
        async with (
            aclosing(LexicalIndexes(database, settings.home_path / "lexical")) as lexical,
            aclosing(SketchCache(database, max_bytes=settings.search_memory_bytes)) as sketches,
        ):
            yield NodeIndexes(
                lexical=lexical, sketches=sketches if settings.search_memory_bytes else None
            )
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


def _retrieval_limits(settings: Settings) -> RetrievalLimits:
    return RetrievalLimits(
        candidates=settings.retrieval_candidates,
        lexical_weight=settings.retrieval_lexical_weight,
        languages_read=languages_read(settings.embedding_model),
    )


def build_retriever(
    settings: Settings,
    database: Database,
    indexes: NodeIndexes,
    embedder: QueryEmbedder,
    sampler: RecallSampler | None = None,
) -> Retriever:
    """A retriever with empty caches; loads the reranker in seconds, where one is configured."""
    return Retriever(
        database,
        indexes,
        embedder,
        _retrieval_limits(settings),
        CrossEncoderScorer(settings.rerank_model) if settings.rerank_model else None,
        sampler,
    )


@asynccontextmanager
async def _open_gateway(
    settings: Settings, policies: TenantPolicies, database: Database, metrics: Metrics
) -> AsyncIterator[Gateway | None]:
    """The gateway to the configured language models; None: answers are extractive."""
    config = gateway_config(settings, policies)
    if config is None:
        yield None
        return
    async with open_gateway(
        config,
        secret=lambda name: settings.llm_api_key if name == ONE_KEY else secret_named(name),
        database=database,
        metrics=metrics,
        clock=utc_now,
        draw=SystemRandom().random,
    ) as gateway:
        yield gateway


def gateway_config(settings: Settings, policies: TenantPolicies) -> GatewayConfig | None:
    """The gateway file, else the one model of the settings; None without either.

    Raises:
        Misconfigured: the file is wrong, or policy.toml names models and there is no file.
    """
    if settings.gateway_file is not None:
        return load_gateway_file(settings.gateway_file, policies)
    if policies.model_access():
        raise Misconfigured("policy.toml names models: set FOOTNOTE_GATEWAY_FILE, which has them.")
    if settings.llm_base_url is None or settings.llm_model is None:
        return None
    return single_model_config(
        Provider(
            base_url=settings.llm_base_url,
            key_variable=ONE_KEY if settings.llm_api_key else None,
        ),
        Model(
            provider=EVERYBODY,
            name=settings.llm_model,
            max_output_tokens=settings.llm_max_output_tokens,
            structured_output="json_schema" if settings.llm_json_schema else "text",
            total_seconds=settings.llm_timeout_seconds,
            first_token_seconds=settings.llm_timeout_seconds,
        ),
        answer_seconds=settings.llm_timeout_seconds,
    )


def warn_of_unfitted_floor(embedding_model: str) -> None:
    """Logs that the evidence floor was fitted with another embedding model, where it was."""
    if not is_fitted_to(embedding_model):
        log.warning(
            "evidence_floor.not_fitted",
            embedding_model=embedding_model,
            fitted_with=packaged_model()["embedding_model"],
            mend=REFIT,
        )


def _build_answerer(
    settings: Settings,
    database: Database,
    embedder: QueryEmbedder,
    retriever: Retriever,
    gateway: Gateway | None,
    policies: TenantPolicies,
) -> Answerer:
    return Answerer(
        database=database,
        retriever=retriever,
        embedder=embedder,
        gateway=gateway,
        prompts=PromptLibrary(settings.home_path / "prompts"),
        policies=policies,
        limits=AnswerLimits(
            passages=settings.answer_passages,
            context_tokens=settings.answer_context_tokens,
            evidence_floor=settings.answer_evidence_floor,
        ),
        retrieval_limits=_retrieval_limits(settings),
        embedding_space=embedder.space.name,
        verify_profile=settings.verify_profile,
        grounding_model=(
            load_grounding_model(settings.grounding_model) if settings.grounding_model else None
        ),
    )


@asynccontextmanager
async def open_resources(settings: Settings, database_url: str) -> AsyncIterator[Resources]:
    """The resources that the API and the command line answer with."""
    embedder = load_embedder(settings)
    warn_of_unfitted_floor(settings.embedding_model)
    metrics = Metrics()
    policies = load_policies(settings.home_path / "policy.toml")
    async with (
        open_database(settings, database_url) as database,
        _open_gateway(settings, policies, database, metrics) as gateway,
    ):
        space = await open_space(database, embedder)
        files = FileStore(settings.effective_file_store_url)
        async with (
            open_indexes(settings, database_url) as indexes,
            aclosing(
                RecallSampler(
                    database, observe=metrics.observe_ann_recall, generator=SystemRandom()
                )
            ) as sampler,
            aclosing(HeavyWork()) as heavy_work,
        ):
            # The search and the answer of a question embed it once.
            questions = QueryEmbedder(embedder, space)
            retriever = build_retriever(settings, database, indexes, questions, sampler)
            yield Resources(
                database=database,
                authenticator=ApiKeys(database=database),
                files=files,
                uploads=Uploads(
                    database=database, files=files, max_bytes=settings.max_upload_bytes
                ),
                lexical=indexes.lexical,
                retriever=retriever,
                answerer=_build_answerer(
                    settings, database, questions, retriever, gateway, policies
                ),
                heavy_work=heavy_work,
                metrics=metrics,
                request_limits=RequestLimits(
                    max_upload_bytes=settings.max_upload_bytes,
                    max_body_bytes=settings.max_body_bytes,
                    max_question_chars=settings.max_question_chars,
                    max_top_k=settings.max_top_k,
                    rate_per_minute=settings.rate_limit_per_minute,
                ),
                verify_profile=settings.verify_profile,
                clock=utc_now,
            )


def uploads_with(tools: Ingestion, settings: Settings) -> Uploads:
    """The way every upload takes, over the database and the files of these tools."""
    return Uploads(database=tools.database, files=tools.files, max_bytes=settings.max_upload_bytes)


@asynccontextmanager
async def open_ingestion(settings: Settings, database_url: str) -> AsyncIterator[Ingestion]:
    """The tools that the worker ingests with."""
    embedder = load_embedder(settings)
    async with (
        open_database(settings, database_url) as database,
        batch_passages(embedder) as batching,
    ):
        with closing(reading_children()) as children:
            yield Ingestion(
                database=database,
                files=FileStore(settings.effective_file_store_url),
                children=children,
                embedder=embedder,
                batching=batching,
                space=await open_space(database, embedder),
                metrics=Metrics(),
                max_attempts=settings.job_max_attempts,
                clock=utc_now,
            )


def build_reindexing(settings: Settings, tools: Ingestion, sources: SourceTools) -> Reindexing:
    """The tools that the worker brings a tenant up to date with."""
    return Reindexing(
        ingestion=tools,
        upkeep=build_upkeep(settings, tools.database, tools.metrics),
        sources=sources,
    )


def build_night(settings: Settings, database: Database) -> Night:
    """The schedule of the nightly work; Misconfigured when the setting cannot be read."""
    try:
        cron = validate_cron(settings.nightly_cron)
    except InvalidInput as error:
        raise Misconfigured(f"FOOTNOTE_NIGHTLY_CRON: {error.message}") from error
    return Night(
        database=database,
        cron=cron,
        clock=utc_now,
        enqueue_due_sources=lambda now: enqueue_due_sources(database, now=now),
    )


def build_source_tools(
    settings: Settings, database: Database, files: FileStore, web: WebClient
) -> SourceTools:
    """The tools that sources are synchronised with; Misconfigured by a prefix that is none."""
    return SourceTools(
        database=database,
        files=files,
        uploads=Uploads(database=database, files=files, max_bytes=settings.max_upload_bytes),
        opener=SourceOpener(
            prefixes=source_prefixes(settings), web=web, max_bytes=settings.max_upload_bytes
        ),
        clock=utc_now,
    )


def source_prefixes(settings: Settings) -> tuple[str, ...]:
    """The addresses below which tenants may name sources; Misconfigured by one that is none."""
    try:
        return parse_prefixes(settings.source_uri_prefixes)
    except SourceUriRefused as error:
        raise Misconfigured(f"FOOTNOTE_SOURCE_URI_PREFIXES: {error.message}") from error


@asynccontextmanager
async def open_web(settings: Settings) -> AsyncIterator[BlockingOutboundClient]:
    """The client that reads sources of the web: from public addresses, and those allowed."""
    with (
        closing(PublicAddresses(private_networks=settings.private_networks)) as addresses,
        closing(BlockingOutboundClient(addresses, certificates=certificate_context())) as client,
    ):
        yield client


def build_upkeep(settings: Settings, database: Database, metrics: Metrics) -> Upkeep:
    """The nightly deletion of what has outlived its retention."""
    answer_days, metering_days = settings.answer_retention_days, settings.metering_retention_days
    return Upkeep(
        database=database,
        files=FileStore(settings.effective_file_store_url),
        metrics=metrics,
        retention=Retention(
            answers=timedelta(days=answer_days) if answer_days else None,
            model_calls=timedelta(days=metering_days) if metering_days else None,
        ),
        clock=utc_now,
    )
