"""Embedding spaces: model, revision and dimension, each with its own table of vectors.

Searches use the one that is current. Every other live space is kept current beside it, so that it
can take over at any time: what a worker could not write into one is left to the backfill.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

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
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from typing_extensions import override

from kb.errors import Misconfigured, SpaceNotFound
from kb.postgres.asyncio_engine import AsyncConnection
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


@dataclass(frozen=True, kw_only=True)
class CosineScale:
    """Turns a model's cosines into those that the packaged model would have: slope * c + intercept.

    All thresholds of evidence are stated for the packaged model's.
    """

    slope: float
    intercept: float

    def equated(self, cosine: float) -> float:
        """What a cosine is worth in the packaged model's."""
        return self.slope * cosine + self.intercept


AS_IT_IS: Final = CosineScale(slope=1.0, intercept=0.0)
"""The scale of the packaged model, and of those of which nothing is known."""


@dataclass(frozen=True, kw_only=True)
class SpaceTuning:
    """What depends on the cosines of a space's model; None: as the settings or the release say.

    `languages` are those that the model reads. `abstention` is a fitted model, as
    `footnote eval abstention --fit` writes it, of cosines as the model gives them.
    """

    cosines: CosineScale = AS_IT_IS

    evidence_floor: float | None = None
    lexical_weight: float | None = None
    languages: frozenset[str] | None = None
    abstention: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class StoredSpace:
    """A space as the database has it; one that `is_dropped` only waits for its table to go."""

    space: Space
    is_current: bool
    is_dropped: bool
    tuning: SpaceTuning
    created_at: datetime


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


_BY_NAME = select(embedding_spaces).order_by(embedding_spaces.c.name)
_LOCK_SPACES = text("SELECT pg_advisory_xact_lock(hashtext('embedding_spaces'))")
_HOLD_SPACES = text("SELECT pg_advisory_xact_lock_shared(hashtext('embedding_spaces'))")


async def lock_spaces(connection: AsyncConnection) -> None:
    """Nobody else adds, activates or drops a space, or writes new vectors, until the end."""
    await connection.execute(_LOCK_SPACES)


async def hold_spaces(scope: TenantSession) -> list[StoredSpace]:
    """The live spaces, which stay as they are until the transaction ends.

    Whoever writes vectors of new chunks holds them, before it takes any other lock.
    """
    await scope.connection.execute(_HOLD_SPACES)
    return [each for each in await stored_spaces(scope) if not each.is_dropped]


async def ensure_space(database: Database, space: Space) -> None:
    """Creates the space's table when it is new and makes it the current one.

    Misconfigured when another space is current and has vectors, which would no longer be found, or
    when another model has a space of this name: vectors of the two would be compared.
    """
    async with database.owner() as connection:
        # Two processes may start at once.
        await lock_spaces(connection)
        known = await add_space(connection, space)
        if known is not None and known.is_current:
            return
        current = select(embedding_spaces).where(embedding_spaces.c.is_current)
        used = (await connection.execute(current)).one_or_none()
        if used is not None:
            await _refuse_if_used(connection, used.name, used.model)
            # Empty: nobody has to keep it current.
            await connection.execute(
                update(embedding_spaces)
                .where(embedding_spaces.c.is_current)
                .values(is_current=False, dropped_at=func.now())
            )
        await connection.execute(
            update(embedding_spaces)
            .where(embedding_spaces.c.name == space.name)
            .values(is_current=True, dropped_at=None)
        )


async def add_space(
    connection: AsyncConnection, space: Space, tuning: SpaceTuning | None = None
) -> StoredSpace | None:
    """The space as it was stored before; None: it is new, and has its table now.

    Misconfigured when another model has a space of this name. Needs `lock_spaces`.
    """
    of_this_name = select(embedding_spaces).where(embedding_spaces.c.name == space.name)
    row = (await connection.execute(of_this_name)).one_or_none()
    if row is None:
        await _create(connection, space)
        values = {"name": space.name, "model": space.model, "revision": space.revision}
        await connection.execute(
            insert(embedding_spaces).values(
                **values, dimension=space.dimension, **tuning_columns(tuning or SpaceTuning())
            )
        )
        return None
    stored = _stored(row)
    # Refused also while nothing is stored: a process of the other model may be about to.
    if not is_same_model(stored.space, space):
        made = stored.space
        raise Misconfigured(
            f"The embedding space {made.name!r} was made for the model {made.model!r} "
            f"(revision {made.revision}, {made.dimension} dimensions). The configured "
            f"{space.model!r} (revision {space.revision}, {space.dimension} dimensions) "
            "would get the same name. Set FOOTNOTE_EMBEDDING_MODEL back, or rename the "
            "model's folder."
        )
    return stored


def is_same_model(one: Space, other: Space) -> bool:
    """True when vectors of the two may be compared.

    A model whose weights are known may lie in another folder now.
    """
    if one.revision == UNVERSIONED and one.model != other.model:
        return False
    return replace(one, name=other.name, model=other.model) == other


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


async def all_spaces(session: SystemSession | TenantSession) -> list[Space]:
    """Every live space: those that are searched or may be, and are kept current."""
    return [each.space for each in await stored_spaces(session) if not each.is_dropped]


async def stored_spaces(session: SystemSession | TenantSession) -> list[StoredSpace]:
    """Every space that has a table, by name."""
    return [_stored(row) for row in await session.connection.execute(_BY_NAME)]


async def find_space(session: SystemSession | TenantSession, name: str) -> StoredSpace:
    """The live space of this name, or the newest one of a model of this name; SpaceNotFound."""
    live = [each for each in await stored_spaces(session) if not each.is_dropped]
    named = [each for each in live if each.space.name == name]
    of_model = [each for each in live if each.space.model == name]
    if not named and not of_model:
        raise SpaceNotFound(
            f"There is no embedding space, and none of a model, named {name!r}: "
            "'footnote space list' shows those that there are."
        )
    return max(named or of_model, key=lambda each: each.created_at)


def _space(row: Row[tuple[object, ...]]) -> Space:
    return Space(name=row.name, model=row.model, revision=row.revision, dimension=row.dimension)


def _stored(row: Row[tuple[object, ...]]) -> StoredSpace:
    tuning = SpaceTuning(
        evidence_floor=row.evidence_floor,
        lexical_weight=row.lexical_weight,
        languages=None if row.languages is None else frozenset(row.languages),
        abstention=row.abstention,
        cosines=AS_IT_IS
        if row.cosine_slope is None
        else CosineScale(slope=row.cosine_slope, intercept=row.cosine_intercept),
    )
    return StoredSpace(
        space=_space(row),
        is_current=row.is_current,
        is_dropped=row.dropped_at is not None,
        tuning=tuning,
        created_at=row.created_at,
    )


def tuning_columns(tuning: SpaceTuning) -> dict[str, object]:
    """The tuning as the table of spaces has it."""
    return {
        "evidence_floor": tuning.evidence_floor,
        "lexical_weight": tuning.lexical_weight,
        "languages": None if tuning.languages is None else sorted(tuning.languages),
        "cosine_slope": tuning.cosines.slope,
        "cosine_intercept": tuning.cosines.intercept,
        "abstention": None if tuning.abstention is None else dict(tuning.abstention),
    }


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
        # The planner's statistics would keep vectors of deleted chunks.
        f"ALTER TABLE {table} ALTER embedding SET STATISTICS 0, ALTER signs SET STATISTICS 0",
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
