"""A search takes the embedding space that is active, from the very next one on."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from app.retrieve.query import RetrievalLimits, SearchQuery
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import NodeIndexes, Retriever
from kb.errors import ModelUnavailable
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.sketches.sketch_cache import SketchCache
from kb.postgres.database import Viewer
from kb.store.spaces import Space, _create, vectors_table
from kb.store.tables import embedding_spaces
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.small_embedder import SmallEmbedder

OLD = SmallEmbedder().space
NEW = replace(OLD, name="small_new")
FOREIGN = replace(OLD, name="foreign_2", model="foreign", revision="2")
VIEWER = Viewer(principals=("tenant:*",))
QUERY = SearchQuery(text="lantern", collections=None, filter=None, top_k=5, mode="vector")


async def make(own: OwnDatabase, space: Space) -> None:
    """A second space, with the vectors of the one document that the other lacks."""
    columns = [each.name for each in vectors_table(space).c if each.name != "signs"]
    async with own.tools.database.owner() as connection:
        await _create(connection, space)
        await connection.execute(
            insert(embedding_spaces).values(
                name=space.name,
                model=space.model,
                revision=space.revision,
                dimension=space.dimension,
            )
        )
    async with own.tools.database.tenant(own.tenant_id, viewer=None) as scope:
        old = vectors_table(OLD)
        newest = select(old.c.chunk_id).order_by(old.c.chunk_id.desc()).limit(1)
        chosen = old.c.chunk_id == newest.scalar_subquery()
        rows = select(*(old.c[name] for name in columns)).where(chosen)
        await scope.connection.execute(insert(vectors_table(space)).from_select(columns, rows))
        await scope.connection.execute(delete(old).where(chosen))


async def activate(own: OwnDatabase, space: Space) -> None:
    async with own.tools.database.owner() as connection:
        await connection.execute(update(embedding_spaces).values(is_current=False))
        await connection.execute(
            update(embedding_spaces)
            .where(embedding_spaces.c.name == space.name)
            .values(is_current=True)
        )


@pytest.mark.parametrize("has_sketches", [True, False])
async def test_the_next_search_takes_the_space_that_was_activated(
    database_url: str, tmp_path: Path, *, has_sketches: bool
) -> None:
    async with own_database(database_url, (tmp_path / "files").as_uri()) as own:
        for text in ("The lantern is green.", "The lantern is red."):
            await own.upload(text.encode())
        await own.work_until_empty()
        await make(own, NEW)
        database = own.tools.database
        sketches = SketchCache(database, max_bytes=10**8)
        lexical = LexicalIndexes(database, tmp_path / "lexical")
        retriever = Retriever(
            database,
            NodeIndexes(lexical=lexical, sketches=sketches if has_sketches else None),
            QueryEmbedder(SmallEmbedder(), OLD),
            RetrievalLimits(candidates=10, lexical_weight=0.5),
        )

        async def found() -> list[str]:
            retrieval = await retriever.search(own.tenant_id, VIEWER, QUERY, now=datetime.now(UTC))
            return [passage.text for passage in retrieval.passages]

        assert await found() == ["The lantern is green."]
        await activate(own, NEW)
        assert await found() == ["The lantern is red."]
        await activate(own, OLD)
        assert await found() == ["The lantern is green."]
        await make(own, FOREIGN)
        await activate(own, FOREIGN)
        with pytest.raises(ModelUnavailable, match="foreign"):
            await found()
        await sketches.aclose()
        await lexical.aclose()
