"""Every query, asked in the wrong scope for what is hidden, finds nothing and changes nothing."""

import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import get_args, get_type_hints
from uuid import UUID

import numpy as np
import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.ext.asyncio import AsyncConnection

import kb
from kb.errors import EvidenceDeleted, NotFound
from kb.ids import AnswerId, DocumentId, JobId, Subject, TenantId, new_uuid
from kb.postgres.database import TenantCaller, TenantSession, Viewer
from kb.store.answer_events import begin_stream
from kb.store.answers import AnswerRecord
from kb.store.api_processes import say_alive
from kb.store.choices import EVENT_TYPES
from kb.store.chunks import NewChunk, insert_chunks, list_chunks
from kb.store.collections import set_retention
from kb.store.deletions import insert_deletion
from kb.store.documents import Document, get_document
from kb.store.idempotency import StoredResponse, claim_key, store_response
from kb.store.source_items import Item, store_items
from kb.store.sources import get_source
from kb.store.spaces import current_space, vectors_table
from kb.store.tables import answers, metadata
from kb.store.versions import NewVersion, insert_versions
from kb.store.webhook_deliveries import add_test_delivery
from kb.store.webhooks import create_webhook, new_secret
from tests.tenancy.names import Names
from tests.tenancy.query_cases import (
    DELETED_FILE,
    EVENT,
    LOCATION,
    NOW,
    PROCESS,
    QUERIES,
    REQUEST_KEY,
    REQUEST_SHA256,
    RUNNING_KEY,
    SHOWN_IN_RESPONSE,
    Hidden,
    QueryCase,
    new_deletion,
)
from tests.tenancy.world import ANA, HR, World, upload_secret

REFUSED = {"42501": "no privilege, or row security", "23503": "a foreign key"}
"""States of SQL errors that keep a query from the rows of others."""

UNREADABLE_TO_THE_WRITER = {"credentials"}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What a query gave, and the rows of tenant one after it; None: the server refused it."""

    result: object
    rows: frozenset[str] | None


class UndoIt(Exception):
    """Rolls a test's transaction back."""


def named_queries() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every public function and method of `kb` that takes a tenant's session."""
    for module in pkgutil.walk_packages(kb.__path__, prefix="kb."):
        loaded = importlib.import_module(module.name)
        for owner in (loaded, *own_classes(loaded.__name__, vars(loaded))):
            for name, function in vars(owner).items():
                if (
                    inspect.isfunction(function)
                    and function.__module__ == loaded.__name__
                    and not name.startswith("_")
                    and takes_session(function)
                ):
                    yield f"{loaded.__name__}.{function.__qualname__}".removeprefix("kb."), function


def own_classes(module: str, names: Mapping[str, object]) -> list[type]:
    return [each for each in names.values() if inspect.isclass(each) and each.__module__ == module]


def takes_session(function: Callable[..., object]) -> bool:
    hints = get_type_hints(function)
    hints.pop("return", None)
    return any(
        session is hint or session in get_args(hint)
        for hint in hints.values()
        for session in (TenantSession, TenantCaller)
    )


SCOPES: Mapping[str, Callable[[World, Hidden], tuple[TenantId, Viewer | None]]] = {
    "other tenant, all its principals": lambda world, hidden: (
        world.two.id,
        Viewer(principals=(ANA, HR, hidden.names.principal, "tenant:*"), owner=hidden.owner),
    ),
    "other tenant, whole": lambda world, _: (world.two.id, None),
    "colleague": lambda world, _: (
        world.one.id,
        Viewer(principals=(ANA, "tenant:*"), owner="colleague"),
    ),
    "nobody": lambda world, _: (world.one.id, Viewer(principals=())),
}
"""Where nothing may be found."""


@pytest.fixture(scope="module")
async def hidden(world: World) -> AsyncIterator[Hidden]:
    """The secret, and what an interrupted ingestion leaves behind until these tests are over."""
    pending = [await upload_secret(world.hr, is_ingested=False) for _ in range(3)]
    yield await _hidden(world, pending)
    for names in pending:
        await world.hr.request("DELETE", f"/v1/documents/{names.document}")


async def _hidden(world: World, pending: list[Names]) -> Hidden:
    resources = world.one.service.resources
    async with resources.database.system() as system:
        await say_alive(system, PROCESS)
    async with resources.database.tenant(world.one.id, viewer=None) as scope:
        document = await document_of(scope, world.secret)
        unread, unsplit, unembedded = [await document_of(scope, names) for names in pending]
        for each in (unsplit, unembedded):
            version = NewVersion(
                document=each, content="x", parser="x", parser_version="1", chunker_version="1"
            )
            await insert_versions(scope, [version])
        chunk = NewChunk(text="x", context="", location=LOCATION)
        ((unembedded_chunk,),) = await insert_chunks(scope, [(unembedded, [chunk])])
        stored, *_ = await list_chunks(scope, document.id, after=-1, limit=1)
        deleted = DocumentId(new_uuid())
        deletion = new_deletion(deleted, document.owned_by.name)
        await insert_deletion(scope, replace(deletion, sha256s=(DELETED_FILE,)))
        await insert_deletion(scope, new_deletion(DocumentId(new_uuid()), ""))
        await set_retention(scope, world.secret.collection, days=36_500)
        shown: dict[str, object] = {"title": world.secret.title, "id": str(SHOWN_IN_RESPONSE)}
        request = StoredResponse(status_code=202, body=shown)
        owner = document.owned_by.name
        claimed_at = await claim_key(
            scope, owner=owner, key=REQUEST_KEY, request_sha256=REQUEST_SHA256
        )
        assert isinstance(claimed_at, datetime)
        await store_response(
            scope, owner=owner, key=REQUEST_KEY, claimed_at=claimed_at, response=request
        )
        await claim_key(scope, owner=owner, key=RUNNING_KEY, request_sha256=REQUEST_SHA256)
        source = await get_source(scope, world.secret.source)
        await store_items(scope, source.id, _items(document), now=datetime.now(UTC))
        webhook = await create_webhook(
            scope, url="https://x", events=EVENT_TYPES, secret=new_secret(), now=NOW
        )
        delivery = await add_test_delivery(scope, webhook.id, now=NOW)
        space = await current_space(scope)
        assert space is not None
        table = vectors_table(space).c
        vector = select(table.embedding, table.embedded_sha256).where(
            table.tenant_id == scope.tenant_id, table.chunk_id == stored.id
        )
        row = (await scope.connection.execute(vector)).one()
        streamed = select(answers.c.request_sha256).where(
            answers.c.tenant_id == scope.tenant_id, answers.c.id == UUID(world.secret.answer)
        )
        stream_sha256 = (await scope.connection.execute(streamed)).scalar_one()
        running = AnswerRecord(
            id=AnswerId(new_uuid()),
            subject=Subject("test:asker"),
            principals=(HR,),
            request={},
            response={},
            status="running",
            generation=0,
            created_at=NOW - timedelta(hours=1),
            cited_document_ids=frozenset(),
        )
        await begin_stream(scope, running, EVENT, owner=owner, request_sha256="running")
    return Hidden(
        names=world.secret,
        document=document,
        chunk_id=stored.id,
        embedded_sha256=row.embedded_sha256,
        unread=unread,
        unread_job=JobId(UUID(pending[0].job)),
        unsplit=unsplit,
        unembedded=unembedded,
        unembedded_chunk=unembedded_chunk,
        deleted=deleted,
        request=request,
        claimed_at=claimed_at,
        stream_sha256=stream_sha256,
        running_answer=running.id,
        webhook=webhook,
        delivery=delivery,
        space=space,
        question=np.asarray(row.embedding, dtype=np.float32),
        source=source,
        lexical=resources.lexical,
        database=resources.database,
    )


def _items(document: Document) -> list[Item]:
    """One that is held, and the tombstone of another."""
    name = str(document.content.filename)
    return [
        Item(
            path=name,
            id=new_uuid(),
            state="held",
            document_id=document.id,
            sidecar={"title": "A title."},
        ),
        Item(path=f"gone {name}", id=new_uuid(), state="deleted"),
    ]


async def document_of(scope: TenantSession, names: Names) -> Document:
    return await get_document(scope, DocumentId(UUID(names.document)))


@pytest.fixture(scope="module")
async def rows_before(world: World, hidden: Hidden) -> frozenset[str]:
    """The rows of tenant one, which every test leaves as they are."""
    async with world.one.service.resources.database.tenant(world.one.id, viewer=None) as scope:
        return await rows_of(scope.connection, world.one.id, hidden)


async def attempt(
    world: World, hidden: Hidden, case: QueryCase, scope_of: tuple[TenantId, Viewer | None]
) -> Attempt:
    """Asks, looks at tenant one in the same transaction, and undoes it all."""
    database = world.one.service.resources.database
    tenant_id, viewer = scope_of
    result: object = None
    rows: frozenset[str] | None = None
    try:
        async with database.tenant(tenant_id, viewer=viewer) as scope:
            try:
                result = await case.call(scope, hidden)
            except (NotFound, NoResultFound):
                result = None
            rows = await rows_of(scope.connection, world.one.id, hidden)
            raise UndoIt  # noqa: TRY301  # through the session, which rolls back
    except (UndoIt, EvidenceDeleted):
        # The latter ends the transaction by itself.
        pass
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlstate", None) not in REFUSED:
            raise
    return Attempt(result=result, rows=rows)


async def enter(connection: AsyncConnection, tenant_id: TenantId, viewer: Viewer | None) -> None:
    """Sets tenant and role again; principals and owner have not been touched."""
    role = "footnote_reader" if viewer else "footnote_writer"
    await connection.execute(
        text(
            "SELECT set_config('role', :role, true),"
            " set_config('footnote.tenant_id', :tenant_id, true)"
        ),
        {"role": role, "tenant_id": str(tenant_id)},
    )


async def rows_of(
    connection: AsyncConnection, tenant_id: TenantId, hidden: Hidden
) -> frozenset[str]:
    """All rows of the tenant, as text."""
    await enter(connection, tenant_id, None)
    names = [
        name
        for name, table in metadata.tables.items()
        if "tenant_id" in table.columns and name not in UNREADABLE_TO_THE_WRITER
    ]
    rows: set[str] = set()
    for name in [*names, "tenants", vectors_table(hidden.space).name]:
        found = await connection.execute(text(f"SELECT r::text FROM {name} AS r"))  # noqa: S608  # our own tables
        rows |= {f"{name} {row}" for row in found.scalars()}
    return frozenset(rows)


def test_every_query_has_a_case() -> None:
    assert {name for name, _ in named_queries()} == QUERIES.keys()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("name", QUERIES)
async def test_in_the_wrong_scope_nothing_is_found_or_changed(
    world: World, hidden: Hidden, rows_before: frozenset[str], name: str, scope: str
) -> None:
    case = QUERIES[name]
    tenant_id, viewer = SCOPES[scope](world, hidden)
    is_allowed = case.tenant_wide and tenant_id == world.one.id

    tried = await attempt(world, hidden, case, (tenant_id, viewer))

    rows = rows_before if tried.rows is None else tried.rows
    assert rows_before - rows == frozenset()
    assert tenant_id == world.one.id or rows == rows_before
    assert not (case.effect == "finds" and tried.result) or is_allowed
    assert not mentions(tried.result, hidden) or is_allowed


@pytest.mark.parametrize("name", [name for name, case in QUERIES.items() if case.effect == "finds"])
async def test_who_may_finds_it(world: World, hidden: Hidden, name: str) -> None:
    case = QUERIES[name]
    viewer = None
    if not case.is_for_managers:
        viewer = Viewer(principals=(HR, "tenant:*"), owner=hidden.owner)

    tried = await attempt(world, hidden, case, (world.one.id, viewer))

    assert tried.result


@pytest.mark.parametrize(
    "name", [name for name, case in QUERIES.items() if case.effect in {"changes", "adds"}]
)
async def test_the_whole_tenant_can_be_changed(
    world: World, hidden: Hidden, rows_before: frozenset[str], name: str
) -> None:
    tried = await attempt(world, hidden, QUERIES[name], (world.one.id, None))

    assert tried.rows is not None
    assert tried.rows != rows_before
    assert bool(rows_before - tried.rows) == (QUERIES[name].effect == "changes")


def test_what_does_nothing_says_why() -> None:
    assert all(case.reason for case in QUERIES.values() if case.effect == "nothing")


def mentions(result: object, hidden: Hidden) -> bool:
    """True when a word or an id of what is hidden stands in the result."""
    names = hidden.names
    sought = [*names.words, names.document, names.job, names.answer]
    return any(value in repr(result) for value in [*sought, str(hidden.document.collection_id)])
