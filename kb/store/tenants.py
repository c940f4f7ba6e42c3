"""Tenants across the whole service, and the generation that names the state of one's knowledge."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import (
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
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
    advanced = (
        update(tenants)
        .where(tenants.c.id == scope.tenant_id)
        .values(generation=tenants.c.generation + 1)
        .returning(tenants.c.id, tenants.c.generation, literal(document_id, Uuid))
        .cte("advanced")
    )
    statement = (
        insert(index_changes)
        .from_select(["tenant_id", "generation", "document_id"], select(advanced))
        .returning(index_changes.c.generation)
    )
    generation = (await scope.connection.execute(statement)).scalar_one_or_none()
    if generation is None:
        raise TenantNotFound
    changes = [
        {"tenant_id": scope.tenant_id, "principal": reader, "changes": 1}
        for reader in sorted(set(readers))
    ]
    if changes:
        # Only who has the tenant's row lock writes to these rows.
        await scope.connection.execute(
            upsert(reader_changes)
            .values(changes)
            .on_conflict_do_update(
                constraint="reader_changes_pkey", set_={"changes": reader_changes.c.changes + 1}
            )
        )
    return int(generation)
