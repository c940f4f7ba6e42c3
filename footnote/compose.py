"""The composition root of what searches and answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from random import SystemRandom

import structlog

from app.answering.abstention import REFIT, fitted_model, is_fitted_to
from app.answering.pipeline import Answerer
from app.answering.prompts.library import PromptLibrary
from app.answering.review.grounding_model import load_grounding_model
from app.gateway.gateway import Gateway
from app.heavy_work import HeavyWork
from app.identity import ApiKeys
from app.limits import AnswerLimits, RequestLimits
from app.policy.tenant_policy import TenantPolicies, load_policies
from app.purging import Purger
from app.resources import Resources
from app.retrieve.node_indexes import NodeIndexes
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.recall_sampling import RecallSampler
from app.retrieve.search import CountSearch, RetrievalLimits, Retriever
from app.retrieve.search_spaces import SearchSpaces
from footnote.connection_demand import INDEX_CONNECTIONS
from footnote.embedding_model import open_active_model
from footnote.language_models import open_configured_gateway
from footnote.on_database import open_database, utc_now
from footnote.outside import open_outbound, source_prefixes
from kb.files import FileStore
from kb.ids import new_uuid
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.sketch_files import SketchFiles
from kb.node import node_id
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.api_processes import ApiProcess
from kb.store.spaces import StoredSpace, find_space
from kb.store.uploads import Uploads
from kb.telemetry import Metrics
from models.embedding import SentenceTransformerEmbedder
from models.reranking import CrossEncoderScorer

log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_indexes(settings: Settings, database_url: str) -> AsyncIterator[NodeIndexes]:
    """The indexes, with connections of their own that no search waiting for them can take."""
    database = Database(database_url, pool_size=INDEX_CONNECTIONS)
    files = SketchFiles(settings.home_path / "sketches")
    memory = settings.search_memory_bytes
    try:
        async with (
            aclosing(LexicalIndexes(database, settings.home_path / "lexical")) as lexical,
            aclosing(SketchCache(database, max_bytes=memory, files=files)) as sketches,
        ):
            if memory:
                yield NodeIndexes(lexical=lexical, sketches=sketches)
            else:
                yield NodeIndexes(lexical=lexical, unused_files=files)
    finally:
        await database.close()


def _retrieval_limits(settings: Settings) -> RetrievalLimits:
    return RetrievalLimits(
        candidates=settings.retrieval_candidates,
        lexical_weight=settings.retrieval_lexical_weight,
    )


def build_retriever(
    settings: Settings,
    database: Database,
    indexes: NodeIndexes,
    spaces: SearchSpaces,
    sampler: RecallSampler | None = None,
    count_search: CountSearch | None = None,
) -> Retriever:
    """A retriever with empty caches; loads the reranker in seconds, where one is configured."""
    return Retriever(
        database,
        indexes,
        spaces,
        _retrieval_limits(settings),
        scorer=CrossEncoderScorer(settings.rerank_model) if settings.rerank_model else None,
        sampler=sampler,
        count_search=count_search,
    )


def warn_of_unfitted_floor(stored: StoredSpace) -> None:
    """Logs that the evidence floor was fitted with another embedding model, where it was."""
    if not is_fitted_to(stored.space.model, stored.tuning):
        log.warning(
            "evidence_floor.not_fitted",
            space=stored.space.name,
            embedding_model=stored.space.model,
            fitted_with=fitted_model(stored.tuning)["embedding_model"],
            mend=REFIT,
        )


def _build_answerer(
    settings: Settings,
    database: Database,
    retriever: Retriever,
    gateway: Gateway | None,
    policies: TenantPolicies,
) -> Answerer:
    return Answerer(
        database=database,
        retriever=retriever,
        spaces=retriever.spaces,
        gateway=gateway,
        prompts=PromptLibrary(settings.home_path / "prompts"),
        policies=policies,
        limits=AnswerLimits(
            passages=settings.answer_passages,
            context_tokens=settings.answer_context_tokens,
            evidence_floor=settings.answer_evidence_floor,
        ),
        retrieval_limits=_retrieval_limits(settings),
        verify_profile=settings.verify_profile,
        grounding_model=(
            load_grounding_model(settings.grounding_model) if settings.grounding_model else None
        ),
    )


@asynccontextmanager
async def open_search_spaces(
    settings: Settings, database: Database, *, serves: bool
) -> AsyncIterator[SearchSpaces]:
    """The active space with its model loaded; others when somebody follows them.

    A process that `serves` prepares the model for many questions meanwhile.
    """
    space, embedder, models = await open_active_model(settings, database)
    async with database.system() as system:
        stored = await find_space(system, space.name)
    warn_of_unfitted_floor(stored)
    # Beside the rest of the start, and beyond it: until then questions are computed as others are.
    preparing = [asyncio.create_task(_prepare_questions(embedder))] if serves else []
    try:
        yield SearchSpaces(QueryEmbedder(embedder, space, stored.tuning), models)
    finally:
        await asyncio.gather(*preparing)


async def _prepare_questions(embedder: SentenceTransformerEmbedder) -> None:
    try:
        await asyncio.to_thread(embedder.prepare_questions)
    except (OSError, RuntimeError, ValueError, MemoryError):
        # Nothing but speed is lost: the network that computes passages computes questions too.
        log.exception("embedding_model.questions_not_prepared")


@asynccontextmanager
async def open_resources(
    settings: Settings, database_url: str, *, serves: bool = False
) -> AsyncIterator[Resources]:
    """The resources that the API and the command line answer with; the API `serves` many."""
    metrics = Metrics()
    policies = load_policies(settings.home_path / "policy.toml")
    async with (
        open_database(settings, database_url) as database,
        open_configured_gateway(settings, policies, database, metrics, clock=utc_now) as gateway,
        open_search_spaces(settings, database, serves=serves) as spaces,
    ):
        files = FileStore(settings.effective_file_store_url)
        async with (
            open_indexes(settings, database_url) as indexes,
            aclosing(
                RecallSampler(
                    database, observe=metrics.observe_ann_recall, generator=SystemRandom()
                )
            ) as sampler,
            aclosing(HeavyWork()) as heavy_work,
            open_outbound(settings) as outbound,
        ):
            retriever = build_retriever(
                settings, database, indexes, spaces, sampler, metrics.count_search
            )
            yield Resources(
                database=database,
                authenticator=ApiKeys(database=database),
                files=files,
                uploads=Uploads(
                    database=database, files=files, max_bytes=settings.max_upload_bytes
                ),
                lexical=indexes.lexical,
                spaces=spaces,
                retriever=retriever,
                purger=Purger(
                    database=database,
                    files=files,
                    indexes=indexes,
                    retriever=retriever,
                    process=ApiProcess(id=new_uuid(), node=node_id(settings.home_path)),
                    clock=utc_now,
                ),
                answerer=_build_answerer(settings, database, retriever, gateway, policies),
                heavy_work=heavy_work,
                outbound=outbound,
                metrics=metrics,
                request_limits=RequestLimits(
                    max_upload_bytes=settings.max_upload_bytes,
                    max_body_bytes=settings.max_body_bytes,
                    max_question_chars=settings.max_question_chars,
                    max_top_k=settings.max_top_k,
                    rate_per_minute=settings.rate_limit_per_minute,
                ),
                verify_profile=settings.verify_profile,
                source_uri_prefixes=source_prefixes(settings),
                home=settings.home_path,
                clock=utc_now,
            )
