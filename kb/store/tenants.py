"""Tenants across the whole service, and the generation that names the state of one's knowledge."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from kb.errors import AlreadyExists, InvalidInput, TenantNotFound
from kb.ids import DocumentId, TenantId, new_uuid
from kb.postgres.database import SystemSession, TenantSession
from kb.store.tables import embedding_spaces, index_changes, reader_changes, tenants

MAX_NAME_LENGTH = 200

# Built once: every search asks for it.
_GENERATION = select(tenants.c.generation).where(tenants.c.id == bindparam("tenant_id"))
_GENERATIONS = _GENERATION.add_columns(
    index_changes.c.document_id,
    cast(literal_column("index_changes.xmin"), Text).label("transaction"),
    select(func.coalesce(func.sum(reader_changes.c.changes), 0))
    .where(reader_changes.c.tenant_id == bindparam("tenant_id"))
    .where(reader_changes.c.principal == any_(bindparam("principals", type_=ARRAY(Text))))
    .scalar_subquery()
    .label("caller"),
    select(embedding_spaces.c.name)
    .where(embedding_spaces.c.is_current)
    .scalar_subquery()
    .label("space"),
).outerjoin_from(
    tenants,
    index_changes,
    and_(
        index_changes.c.tenant_id == bindparam("tenant_id"),
        index_changes.c.generation == tenants.c.generation,
    ),
)

# Only who has the tenant's row lock writes to the rows of readers, and to those of changes.
_ADVANCE = text(
    """
    WITH advanced AS (
        UPDATE tenants SET generation = generation + cardinality(:document_ids)
        WHERE id = :tenant_id
        RETURNING id, generation
    ), counted AS (
        INSERT INTO reader_changes (tenant_id, principal, changes)
        SELECT advanced.id, changed.reader, changed.changes
        FROM advanced, unnest(:readers, :changes_by_reader) AS changed (reader, changes)
        ON CONFLICT ON CONSTRAINT reader_changes_pkey
            DO UPDATE SET changes = reader_changes.changes + EXCLUDED.changes
    )
    INSERT INTO index_changes (tenant_id, generation, document_id)
    SELECT advanced.id,
           advanced.generation - cardinality(:document_ids) + changed.place,
           changed.document_id
    FROM advanced, unnest(:document_ids) WITH ORDINALITY AS changed (document_id, place)
    RETURNING generation
    """
).bindparams(
    bindparam("document_ids", type_=ARRAY(Uuid)),
    bindparam("readers", type_=ARRAY(Text)),
    bindparam("changes_by_reader", type_=ARRAY(BigInteger)),
)


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """An organisation whose documents nobody else sees."""

    id: TenantId
    name: str


@dataclass(frozen=True, kw_only=True)
class Generations:
    """Two numbers of a state: the tenant's, which nobody is told, and the caller's own.

    The latter grows when something changes that the caller may read, or could before, and only
    then. `change` made the tenant's; None: nothing has changed yet. `space` is the name of the
    embedding space that searches use; None before the first start.
    """

    tenant: int
    caller: int
    change: "Change | None"
    space: str | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A document's change that made a generation, and its transaction as Postgres numbers them.

    A database restored from a backup uses the generations after it a second time, for the changes
    of other transactions.
    """

    document_id: DocumentId
    transaction: str


async def create_tenant(system: SystemSession, name: str) -> Tenant:
    """A new tenant; AlreadyExists when the name is taken."""
    if not name.strip() or len(name) > MAX_NAME_LENGTH:
        raise InvalidInput(f"A tenant's name has 1 to {MAX_NAME_LENGTH} characters.")
    tenant = Tenant(id=TenantId(new_uuid()), name=name)
    try:
        await system.connection.execute(insert(tenants).values(id=tenant.id, name=tenant.name))
    except IntegrityError as error:
        raise AlreadyExists(f"A tenant named {name!r} exists already.") from error
    return tenant


async def tenant_by_name(system: SystemSession, name: str) -> Tenant:
    """The tenant of that name; TenantNotFound when there is none."""
    query = select(tenants.c.id).where(tenants.c.name == name)
    tenant_id = (await system.connection.execute(query)).scalar_one_or_none()
    if tenant_id is None:
        raise TenantNotFound(
            f"There is no tenant named {name!r}: create it with 'footnote tenant create {name}'."
        )
    return Tenant(id=TenantId(tenant_id), name=name)


async def list_tenants(system: SystemSession) -> list[Tenant]:
    """All tenants, by name."""
    query = select(tenants.c.id, tenants.c.name).order_by(tenants.c.name)
    rows = await system.connection.execute(query)
    return [Tenant(id=TenantId(row.id), name=row.name) for row in rows]


async def generations(system: SystemSession) -> dict[TenantId, int]:
    """The generation of every tenant."""
    rows = await system.connection.execute(select(tenants.c.id, tenants.c.generation))
    return {TenantId(row.id): row.generation for row in rows}


async def current_generation(scope: TenantSession) -> int:
    """The number of publishes, permission changes and deletes so far.

    TenantNotFound when the tenant was deleted meanwhile, as for all that reads generations.
    """
    row = await scope.connection.execute(_GENERATION, {"tenant_id": scope.tenant_id})
    generation = row.scalar_one_or_none()
    if generation is None:
        raise TenantNotFound
    return int(generation)


async def read_generations(scope: TenantSession) -> Generations:
    """All in one statement; without a viewer the caller's is the tenant's."""
    principals = list(scope.viewer.principals) if scope.viewer else []
    parameters = {"tenant_id": scope.tenant_id, "principals": principals}
    row = (await scope.connection.execute(_GENERATIONS, parameters)).one_or_none()
    if row is None:
        raise TenantNotFound
    caller = int(row.caller) if scope.viewer else row.generation
    change = None
    if row.document_id is not None:
        change = Change(document_id=DocumentId(row.document_id), transaction=row.transaction)
    return Generations(tenant=row.generation, caller=caller, change=change, space=row.space)


async def changed_documents(
    scope: TenantSession, *, since: int, until: int | None = None
) -> list[DocumentId]:
    """The documents that changed after the generation, up to the other, deleted ones included."""
    query = (
        select(index_changes.c.document_id)
        .distinct()
        .where(index_changes.c.tenant_id == scope.tenant_id, index_changes.c.generation > since)
    )
    if until is not None:
        query = query.where(index_changes.c.generation <= until)
    return [DocumentId(row) for row in (await scope.connection.execute(query)).scalars()]


async def change_at(scope: TenantSession, generation: int) -> Change | None:
    """The change of this generation; None when there is none."""
    query = select(
        index_changes.c.document_id,
        cast(literal_column("index_changes.xmin"), Text).label("transaction"),
    ).where(index_changes.c.tenant_id == scope.tenant_id, index_changes.c.generation == generation)
    row = (await scope.connection.execute(query)).one_or_none()
    return None if row is None else Change(**row._mapping)


async def advance_generation(
    scope: TenantSession, document_id: DocumentId, *, readers: Iterable[str]
) -> int:
    """The next generation, in which this document changed; its number is this transaction's.

    `readers` are the principals that may read it now or could before: their callers' generations
    grow. Needs a whole-tenant scope. Takes the tenant's row lock until the transaction ends, so
    that generations have no gaps and are committed in order: do it last.
    """
    return await advance_generations(scope, [(document_id, readers)])


async def advance_generations(
    scope: TenantSession, changes: Sequence[tuple[DocumentId, Iterable[str]]]
) -> int:
    """The same for several documents: the last of as many generations, in their order."""
    by_reader = Counter(reader for _, readers in changes for reader in set(readers))
    values = {
        "tenant_id": scope.tenant_id,
        "document_ids": [document_id for document_id, _ in changes],
        "readers": sorted(by_reader),
        "changes_by_reader": [by_reader[reader] for reader in sorted(by_reader)],
    }
    found = await scope.connection.execute(_ADVANCE, values)
    generations = found.scalars().all()
    if not generations:
        raise TenantNotFound
    return int(max(generations))
