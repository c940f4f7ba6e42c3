"""What happens around a search: a publish, a model that breaks, a caller that goes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from typing_extensions import override

from app.retrieve.query import SearchQuery
from app.retrieve.query_embedder import QueryEmbedder, QueryVector
from app.retrieve.search import NodeIndexes, RetrievalLimits, Retriever
from app.retrieve.search_spaces import SearchSpaces
from footnote.embedding_model import open_space
from kb.ids import TenantId
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.lexical.view import LexicalView
from kb.index.sketches.view import SketchView
from kb.postgres.database import Database, TenantSession, Viewer
from kb.unit_vectors import Vectors
from models.embedding import SentenceTransformerEmbedder
from tests.footnote.small_embedder import SmallEmbedder
from tests.service import Person, Service

QUERY = SearchQuery(text="lantern", collections=None, filter=None, top_k=5, mode="hybrid")
PATIENCE_SECONDS = 30
VIEWER = Viewer(principals=("tenant:*",))


class ModelBrokeError(Exception):
    """What a model may raise."""


@dataclass(frozen=True, kw_only=True)
class BrokenEmbedder(SmallEmbedder):
    """Breaks once the index is being searched."""

    is_searched: threading.Event

    @override
    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        assert self.is_searched.wait(PATIENCE_SECONDS)
        raise ModelBrokeError


class SlowIndexes(LexicalIndexes):
    """Are in the middle of a statement when something else happens."""

    is_searched = threading.Event()

    @override
    async def view(self, scope: TenantSession, *, generation: int) -> LexicalView:
        self.is_searched.set()
        await scope.connection.execute(text("SELECT pg_sleep(0.1)"))
        return await super().view(scope, generation=generation)


@pytest.fixture
async def ana(service: Service) -> Person:
    person = await service.person(await service.new_tenant(), "user:ana")
    await person.upload("The lantern is green.", external_id="a")
    return person


@pytest.fixture
async def slow(
    database: Database, embedder: SentenceTransformerEmbedder, tmp_path: Path
) -> Retriever:
    indexes = SlowIndexes(database, tmp_path)
    indexes.is_searched.clear()
    return Retriever(
        database,
        NodeIndexes(lexical=indexes),
        SearchSpaces(
            QueryEmbedder(
                BrokenEmbedder(is_searched=indexes.is_searched),
                await open_space(database, embedder),
            )
        ),
        RetrievalLimits(candidates=100, lexical_weight=0.5),
    )


async def look(retriever: Retriever, tenant_id: TenantId) -> None:
    await retriever.search(tenant_id, VIEWER, QUERY, now=datetime.now(UTC))


def before_the_last_read(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[], Awaitable[object]]
) -> None:
    """Changes the tenant once, between a search of its sketches and what is read after it."""
    find_nearest = SketchView.nearest

    async def change_after(
        view: SketchView, question: QueryVector, *, limit: int
    ) -> dict[int, float]:
        monkeypatch.setattr(SketchView, "nearest", find_nearest)
        nearest = await view.nearest(question, limit=limit)
        await change()
        return nearest

    monkeypatch.setattr(SketchView, "nearest", change_after)


@pytest.mark.parametrize("mode", ["hybrid", "vector"])
async def test_a_version_published_during_a_search_is_found(
    ana: Person, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    # However busy the machine is.
    monkeypatch.setattr("kb.index.sketches.sketch_cache.PATIENCE_SECONDS", 30)
    searched = (await ana.search("lantern", mode=mode, explain=True)).json()
    assert searched["explanation"]["vector_plan"] == "shortlist"

    before_the_last_read(monkeypatch, lambda: ana.upload("The lantern is red.", external_id="a"))

    found = (await ana.search("lantern", mode=mode)).json()

    assert [hit["text"] for hit in found["data"]] == ["The lantern is red."]


async def test_what_is_hidden_during_a_search_is_no_candidate(
    ana: Person, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.sketches.sketch_cache.PATIENCE_SECONDS", 30)
    secret = await ana.upload("The lantern is blue.", principals=["tenant:*"])
    bob = await service.person(ana.tenant_id, "user:bob")
    before = (await bob.search("lantern", mode="vector", explain=True)).json()
    assert before["explanation"]["candidates"]["vector"] == 2

    before_the_last_read(
        monkeypatch,
        lambda: ana.request("PATCH", f"/v1/documents/{secret}", json={"principals": ["user:ana"]}),
    )
    found = (await bob.search("lantern", mode="vector", explain=True)).json()

    assert found["explanation"]["candidates"]["vector"] == 1
    assert [hit["text"] for hit in found["data"]] == ["The lantern is green."]


async def test_a_model_that_breaks_is_what_the_caller_is_told_of(
    ana: Person, slow: Retriever
) -> None:
    with pytest.raises(ModelBrokeError):
        await look(slow, ana.tenant_id)


async def test_a_search_that_is_cancelled_is_cancelled(ana: Person, slow: Retriever) -> None:
    task = asyncio.create_task(look(slow, ana.tenant_id))
    await asyncio.to_thread(SlowIndexes.is_searched.wait, PATIENCE_SECONDS)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
