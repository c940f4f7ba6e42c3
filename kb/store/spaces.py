"""Embedding spaces: model, revision and dimension, each with its own table of vectors."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from pgvector import HalfVector
from pgvector.sqlalchemy import BIT, HALFVEC
from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    FetchedValue,
    MetaData,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    Uuid,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from kb.errors import Misconfigured
from kb.postgres.database import Database, SystemSession, TenantSession
from kb.store.tables import embedding_spaces
from kb.unit_vectors import UNVERSIONED

SPACE_NAME = re.compile(r"[a-z0-9_]{1,40}")

HNSW = "m = 16, ef_construction = 64"
"""pgvector's defaults; 1M rows build in 240 s with recall@50 of .986 at ef_search 100."""


VACUUM_AFTER_GROWTH = 0.02
"""Share of new rows after which they are marked as visible to all.

Until then a scan of the signs has to look each of them up in the table, which takes three times as
long; Postgres' default is .2.
"""


@dataclass(frozen=True, kw_only=True)
class Space:
    """Vectors that may be compared with each other."""

    name: str
    model: str
    revision: str
    dimension: int


def space_for(*, model: str, revision: str, dimension: int) -> Space:
    """The space of a model."""
    slug = re.sub(r"[^a-z0-9]+", "_", model.rsplit("/", 1)[-1].lower()).strip("_")[:24]
    name = f"{slug}_{revision[:8].lower()}"
    if not SPACE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a table.")
    return Space(name=name, model=model, revision=revision, dimension=dimension)


class _BinaryHalfvec(HALFVEC):
    """Bound as `kb.postgres.database` sends it, with the cast that tells what the bytes are."""

    render_bind_cast = True
    cache_ok = True

    @override
    def bind_processor(self, dialect: Dialect) -> Callable[[object], HalfVector]:
        return _half_vector


def _half_vector(row: object) -> HalfVector:
    return HalfVector(np.asarray(row, dtype=np.float16))


@lru_cache(maxsize=64)
def vectors_table(space: Space) -> Table:
    """The space's table as SQLAlchemy sees it."""
    return Table(
        f"vectors_{space.name}",
        MetaData(),
        Column("tenant_id", Uuid, nullable=False),
        Column("chunk_id", BigInteger, nullable=False),
        Column("document_id", Uuid, nullable=False),
        Column("collection_id", Uuid, nullable=False),
        Column("principals", ARRAY(Text), nullable=False),
        Column("audience_id", BigInteger, FetchedValue(), nullable=False),
        Column("embedded_sha256", Text, nullable=False),
        Column("embedding", _BinaryHalfvec(space.dimension), nullable=False),
        Column("signs", BIT(space.dimension), FetchedValue(), nullable=False),
        PrimaryKeyConstraint("tenant_id", "chunk_id"),
    )


async def ensure_space(database: Database, space: Space) -> None:
    """Creates the space's table when it is new and makes it the current one.

    Misconfigured when another space is current and has vectors, which would no longer be found, or
    when another model has a space of this name: vectors of the two would be compared.
    """
    async with database.owner() as connection:
        # Two processes may start at once.
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('embedding_spaces'))"))
        of_this_name = select(embedding_spaces).where(embedding_spaces.c.name == space.name)
        known = (await connection.execute(of_this_name)).one_or_none()
        if known is not None:
            made = _space(known)
            # A model whose weights are known may lie in another folder now. Refused also while
            # nothing is stored: a process of the other model may be about to.
            is_same = replace(made, model=space.model) == space
            if not is_same or (space.revision == UNVERSIONED and made.model != space.model):
                raise Misconfigured(
                    f"The embedding space {made.name!r} was made for the model {made.model!r} "
                    f"(revision {made.revision}, {made.dimension} dimensions). The configured "
                    f"{space.model!r} (revision {space.revision}, {space.dimension} dimensions) "
                    "would get the same name. Set FOOTNOTE_EMBEDDING_MODEL back, or rename the "
                    "model's folder."
                )
            if known.is_current:
                return
        current = select(embedding_spaces).where(embedding_spaces.c.is_current)
        used = (await connection.execute(current)).one_or_none()
        if used is not None:
            await _refuse_if_used(connection, used.name, used.model)
        if known is None:
            await _create(connection, space)
            await connection.execute(
                insert(embedding_spaces).values(
                    name=space.name,
                    model=space.model,
                    revision=space.revision,
                    dimension=space.dimension,
                )
            )
        await connection.execute(update(embedding_spaces).values(is_current=False))
        await connection.execute(
            update(embedding_spaces)
            .where(embedding_spaces.c.name == space.name)
            .values(is_current=True)
        )


async def _refuse_if_used(connection: AsyncConnection, name: str, model: str) -> None:
    # The owner is subject to row security too; the planner's statistics are not, but lag.
    await connection.exec_driver_sql(f'ALTER TABLE "vectors_{name}" NO FORCE ROW LEVEL SECURITY')
    found = await connection.exec_driver_sql(f'SELECT EXISTS (SELECT FROM "vectors_{name}")')  # noqa: S608  # the name is ours, checked by `space_for`
    is_used = bool(found.scalar_one())
    await connection.exec_driver_sql(f'ALTER TABLE "vectors_{name}" FORCE ROW LEVEL SECURITY')
    if is_used:
        raise Misconfigured(
            f"The stored vectors were made by the embedding model {model!r}, another model or "
            "revision than the configured one. Set FOOTNOTE_EMBEDDING_MODEL back to it, or start "
            "with an empty database and upload the documents again."
        )


async def current_space(session: SystemSession | TenantSession) -> Space | None:
    """The space that searches use; None before the first start."""
    query = select(embedding_spaces).where(embedding_spaces.c.is_current)
    row = (await session.connection.execute(query)).one_or_none()
    return None if row is None else _space(row)


async def all_spaces(scope: TenantSession) -> list[Space]:
    """Every space that has a table."""
    rows = await scope.connection.execute(
        select(embedding_spaces).order_by(embedding_spaces.c.name)
    )
    return [_space(row) for row in rows]


def _space(row: Row[tuple[object, ...]]) -> Space:
    return Space(name=row.name, model=row.model, revision=row.revision, dimension=row.dimension)


async def _create(connection: AsyncConnection, space: Space) -> None:
    """The table, its indexes and its row security; the name was checked by `space_for`."""
    # What a reader may read follows from the audiences it sees, by their own row security. As an
    # array they are a condition that an index can look up; IN would be tested row by row.
    table = f"vectors_{space.name}"
    statements = [
        f"""
        CREATE TABLE {table} (
            tenant_id uuid NOT NULL,
            chunk_id bigint NOT NULL,
            document_id uuid NOT NULL,
            collection_id uuid NOT NULL,
            principals text[] NOT NULL,
            audience_id bigint NOT NULL,
            embedded_sha256 text NOT NULL,
            embedding halfvec({space.dimension}) NOT NULL,
            signs bit({space.dimension}) NOT NULL
                GENERATED ALWAYS AS (binary_quantize(embedding)::bit({space.dimension})) STORED,
            PRIMARY KEY (tenant_id, chunk_id),
            FOREIGN KEY (tenant_id, chunk_id) REFERENCES chunks (tenant_id, id) ON DELETE CASCADE
        ) WITH (autovacuum_vacuum_insert_scale_factor = {VACUUM_AFTER_GROWTH})
        """,
        f"""
        CREATE TRIGGER audience BEFORE INSERT OR UPDATE OF principals ON {table}
            FOR EACH ROW EXECUTE FUNCTION footnote_set_audience()
        """,
        f"CREATE INDEX {table}_document ON {table} (tenant_id, document_id)",
        f"CREATE INDEX {table}_text ON {table} (tenant_id, embedded_sha256)",
        f"""
        CREATE INDEX {table}_audience ON {table} (tenant_id, audience_id)
            INCLUDE (chunk_id, document_id, collection_id, signs)
        """,
        f"""
        CREATE INDEX {table}_hnsw ON {table}
            USING hnsw (embedding halfvec_cosine_ops) WITH ({HNSW})
        """,
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"""
        CREATE POLICY whole_tenant ON {table} TO footnote_writer
            USING (tenant_id = (SELECT footnote_tenant()))
        """,
        f"""
        CREATE POLICY readable ON {table} FOR SELECT TO footnote_reader
            USING (
                tenant_id = (SELECT footnote_tenant())
                AND audience_id = ANY (ARRAY(
                    SELECT id FROM audiences WHERE tenant_id = (SELECT footnote_tenant())
                ))
            )
        """,  # noqa: S608  # the name is ours, checked by `space_for`
        f"GRANT SELECT ON {table} TO footnote_reader",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO footnote_writer",
    ]
    for statement in statements:
        await connection.exec_driver_sql(statement)
