"""Row security holds when the WHERE is left out."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from kb.ids import DocumentId, TenantId, new_uuid
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database, Viewer
from kb.store.api_processes import note_purged, say_alive
from kb.store.budgets import reserve
from kb.store.deletions import insert_deletion
from kb.store.model_calls import MeteredCall, insert_model_call
from kb.store.reindex_runs import Asked, begin_run
from kb.store.source_items import Item, store_items
from kb.store.sources import SourceSettings, create_source
from kb.store.spaces import current_space, vectors_table
from kb.store.tables import metadata
from kb.store.webhook_deliveries import add_test_delivery
from kb.store.webhooks import create_webhook, new_secret
from tests.service import Service
from tests.tenancy.query_cases import PROCESS, new_deletion

HR = "group:hr"
VECTORS = "vectors"
"""Stands for the table of the session's embedding space."""

TABLES = [
    *(name for name, table in metadata.tables.items() if "tenant_id" in table.columns),
    "tenants",
    VECTORS,
]
OF_THE_BOOKS = {"model_calls", "budget_days", "budget_reservations"}
OF_MANAGERS = {"reindex_runs", "sources", "source_items", "webhooks", "webhook_deliveries"}
CLOSED_TO_THE_READER = {"audit_events", "credentials", "purges", *OF_THE_BOOKS, *OF_MANAGERS}
CLOSED_TO_THE_WRITER = {"credentials"}
NAMES_READERS = {
    "documents",
    "document_versions",
    "chunks",
    "jobs",
    "answers",
    "answer_documents",
    "answer_events",
    "answer_feedback",
    "idempotency_keys",
    "deletions",
    VECTORS,
}
"""Rows are seen by some members of the tenant only."""

NO_PRIVILEGE = "42501"
"""The SQL state of a missing grant, and of a row that a policy refuses."""

SETTINGS = ("tenant_id", "principals", "owner")

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CALL = MeteredCall(
    session_id=uuid4(),
    feature="answer",
    alias="default",
    provider="somebody",
    model="small",
    prompt_name=None,
    prompt_version=None,
    attempt=1,
    outcome="completed",
    is_streamed=False,
    input_tokens=1,
    output_tokens=1,
    cached_tokens=0,
    is_estimated=False,
    cost_microdollars=None,
    price_version=None,
    latency_ms=1,
    first_token_ms=None,
)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A tenant with at least one row in every table, all of it read and owned by HR."""

    service: Service
    tenant_id: TenantId
    owner: str
    vectors: str

    @property
    def database(self) -> Database:
        """Where it is."""
        return self.service.resources.database

    def table(self, name: str) -> str:
        """The table's name in SQL."""
        return self.vectors if name == VECTORS else name


@pytest.fixture(scope="module")
async def filled(service: Service) -> Filled:
    """Filled the usual way: by an upload, a question and a repeatable request."""
    tenant_id = await service.new_tenant()
    hr = await service.person(tenant_id, HR)
    await hr.upload("# Bonus\n\nThe bonus is 900 euros.", principals=[HR])
    answer = (await hr.ask("How much is the bonus?", stream=True)).text
    assert "claim.verified" in answer
    asked = json.loads(answer.partition("data: ")[2].partition("\n")[0])["id"]
    await hr.request("POST", f"/v1/answers/{asked}/feedback", json={"rating": 1})
    keyed = {"text": "A note.", "principals": [HR]}
    await hr.request("POST", "/v1/documents", {"Idempotency-Key": "once"}, json=keyed)
    async with service.resources.database.tenant(tenant_id, viewer=None) as scope:
        space = await current_space(scope)
        owners = await scope.connection.execute(text("SELECT DISTINCT owner FROM documents"))
        owner = str(owners.scalar_one())
        await reserve(scope, microdollars=1, limit=9, lasting=timedelta(hours=1), now=NOW)
        await insert_model_call(scope, CALL)
        settings = SourceSettings(uri="https://example.com/list", principals=(HR,))
        source = await create_source(scope, "docs", settings, is_operators=False, now=NOW)
        await store_items(scope, source.id, [Item(path="a.md", id=uuid4())], now=NOW)
        await begin_run(scope, Asked(), trigger="api", owner=owner)
        await insert_deletion(scope, new_deletion(DocumentId(new_uuid()), owner))
    async with service.resources.database.system() as system:
        await say_alive(system, PROCESS)
    async with service.resources.database.tenant(tenant_id, viewer=None) as scope:
        await note_purged(scope, PROCESS, generation=1)
        webhook = await create_webhook(
            scope, url="https://x", events=[], secret=new_secret(), now=NOW
        )
        await add_test_delivery(scope, webhook.id, now=NOW)
    assert space is not None
    return Filled(
        service=service, tenant_id=tenant_id, owner=owner, vectors=vectors_table(space).name
    )


@asynccontextmanager
async def as_role(
    database: Database, role: str, settings: Mapping[str, str]
) -> AsyncIterator[AsyncConnection]:
    """A transaction in that role with just these settings, rolled back."""
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT set_config('role', :role, true)"), {"role": role})
        for name, value in settings.items():
            await connection.execute(
                text("SELECT set_config(:name, :value, true)"),
                {"name": f"footnote.{name}", "value": value},
            )
        yield connection
        await connection.rollback()


async def count(connection: AsyncConnection, table: str) -> int:
    return len((await connection.execute(text(f"SELECT * FROM {table}"))).all())  # noqa: S608  # our own tables


async def refused(connection: AsyncConnection, statement: str, **parameters: object) -> bool:
    """True when the server refuses the statement for want of a right."""
    with pytest.raises(DBAPIError) as raised:
        await connection.execute(text(statement), parameters)
    return getattr(raised.value.orig, "sqlstate", None) == NO_PRIVILEGE


def all_of(filled: Filled, *, tenant_id: UUID, principals: str) -> Mapping[str, str]:
    return {"tenant_id": str(tenant_id), "principals": principals, "owner": filled.owner}


@pytest.mark.parametrize("name", TABLES)
async def test_the_right_settings_show_rows(filled: Filled, name: str) -> None:
    settings = all_of(filled, tenant_id=filled.tenant_id, principals=f"{{{HR},tenant:*}}")
    role = {"credentials": "footnote_system"}.get(name)
    if role is None and name in CLOSED_TO_THE_READER:
        role = "footnote_writer"

    async with as_role(filled.database, role or "footnote_reader", settings) as connection:
        assert await count(connection, filled.table(name)) > 0


@pytest.mark.parametrize("name", TABLES)
async def test_another_tenants_reader_sees_no_row(filled: Filled, name: str) -> None:
    settings = all_of(filled, tenant_id=uuid4(), principals=f"{{{HR},tenant:*}}")

    async with as_role(filled.database, "footnote_reader", settings) as connection:
        if name in CLOSED_TO_THE_READER:
            assert await refused(connection, f"SELECT * FROM {name}")  # noqa: S608  # our own tables
        else:
            assert await count(connection, filled.table(name)) == 0


@pytest.mark.parametrize("name", TABLES)
async def test_another_tenants_writer_sees_no_row(filled: Filled, name: str) -> None:
    settings = all_of(filled, tenant_id=uuid4(), principals=f"{{{HR},tenant:*}}")

    async with as_role(filled.database, "footnote_writer", settings) as connection:
        if name in CLOSED_TO_THE_WRITER:
            assert await refused(connection, f"SELECT * FROM {name}")  # noqa: S608  # our own tables
        else:
            assert await count(connection, filled.table(name)) == 0


@pytest.mark.parametrize("role", ["footnote_reader", "footnote_writer"])
@pytest.mark.parametrize("name", TABLES)
async def test_without_settings_no_row_is_seen(
    filled: Filled, database_url: str, name: str, role: str
) -> None:
    # A connection of its own: a pooled one may remember that the settings existed.
    async with await psycopg.AsyncConnection.connect(conninfo(database_url)) as connection:
        await connection.execute(f"SET ROLE {role}".encode())
        query = f"SELECT * FROM {filled.table(name)}".encode()  # noqa: S608  # our own tables
        try:
            rows = await (await connection.execute(query)).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            await connection.rollback()
            rows = []

    assert rows == []


@pytest.mark.parametrize("missing", SETTINGS)
@pytest.mark.parametrize("name", sorted(NAMES_READERS))
async def test_a_forgotten_setting_shows_nothing_more(
    filled: Filled, name: str, missing: str
) -> None:
    whole = all_of(filled, tenant_id=filled.tenant_id, principals=f"{{{HR},tenant:*}}")
    settings = {setting: value for setting, value in whole.items() if setting != missing}

    async with as_role(filled.database, "footnote_reader", whole) as connection:
        all_rows = await count(connection, filled.table(name))
    async with as_role(filled.database, "footnote_reader", settings) as connection:
        rows = await count(connection, filled.table(name))

    assert rows <= all_rows
    if missing == "tenant_id":
        assert rows == 0


@pytest.mark.parametrize("name", sorted(NAMES_READERS))
async def test_a_colleague_sees_no_row(filled: Filled, name: str) -> None:
    settings = {"tenant_id": str(filled.tenant_id), "principals": "{user:ana,tenant:*}"}

    async with as_role(filled.database, "footnote_reader", settings) as connection:
        assert await count(connection, filled.table(name)) == 0


@pytest.mark.parametrize("principals", ["group:hr", "{group:hr", "*", "{}"])
async def test_malformed_principals_open_nothing(filled: Filled, principals: str) -> None:
    settings = {"tenant_id": str(filled.tenant_id), "principals": principals}

    async with as_role(filled.database, "footnote_reader", settings) as connection:
        try:
            rows = await count(connection, "chunks")
        except DBAPIError:
            rows = 0

    assert rows == 0


@pytest.mark.parametrize("statement", ["UPDATE {table} SET {key} = {key}", "DELETE FROM {table}"])
@pytest.mark.parametrize("role", ["footnote_reader", "footnote_writer"])
@pytest.mark.parametrize("name", TABLES)
async def test_another_tenants_rows_cannot_be_changed(
    filled: Filled, name: str, role: str, statement: str
) -> None:
    settings = all_of(filled, tenant_id=uuid4(), principals=f"{{{HR},tenant:*}}")
    key = "id" if name == "tenants" else "tenant_id"

    async with as_role(filled.database, role, settings) as connection:
        try:
            result = await connection.execute(
                text(statement.format(table=filled.table(name), key=key))
            )
            changed = int(result.rowcount)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != NO_PRIVILEGE:
                raise
            changed = 0

    assert changed == 0


@pytest.mark.parametrize("role", ["footnote_reader", "footnote_writer"])
@pytest.mark.parametrize("name", [name for name in TABLES if name != "credentials"])
async def test_no_row_can_be_added_to_another_tenant(filled: Filled, name: str, role: str) -> None:
    table = filled.table(name)
    async with filled.database.tenant(filled.tenant_id, viewer=None) as scope:
        rows = await scope.connection.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t"))  # noqa: S608  # our own tables
        row = rows.scalars().first()
    async with filled.database.owner() as connection:
        # A generated column takes no value, whoever inserts.
        stored = await connection.execute(
            text(
                "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
                " WHERE table_name = :table AND is_generated = 'NEVER'"
            ),
            {"table": table},
        )
        columns = stored.scalar_one()
    settings = all_of(filled, tenant_id=uuid4(), principals=f"{{{HR},tenant:*}}")

    async with as_role(filled.database, role, settings) as connection:
        assert await refused(
            connection,
            f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"  # noqa: S608  # our own tables
            f" SELECT {columns} FROM jsonb_populate_record(NULL::{table}, CAST(:row AS jsonb))",
            row=row,
        )


@pytest.mark.parametrize(
    "name", ["collections", "documents", "chunks", "jobs", "answers", "idempotency_keys", VECTORS]
)
async def test_no_row_can_be_moved_to_another_tenant(filled: Filled, name: str) -> None:
    settings = all_of(filled, tenant_id=filled.tenant_id, principals="{}")

    async with as_role(filled.database, "footnote_writer", settings) as connection:
        assert await refused(
            connection,
            f"UPDATE {filled.table(name)} SET tenant_id = :other",  # noqa: S608  # our own tables
            other=uuid4(),
        )


@pytest.mark.parametrize("name", ["documents", "document_versions", "chunks", VECTORS])
async def test_a_reader_cannot_change_its_own_tenant(filled: Filled, name: str) -> None:
    settings = all_of(filled, tenant_id=filled.tenant_id, principals=f"{{{HR},tenant:*}}")

    for statement in ("DELETE FROM {}", "UPDATE {} SET tenant_id = tenant_id"):
        async with as_role(filled.database, "footnote_reader", settings) as connection:
            assert await refused(connection, statement.format(filled.table(name)))


async def test_a_reader_cannot_upload_in_the_name_of_another(filled: Filled) -> None:
    settings = {
        "tenant_id": str(filled.tenant_id),
        "principals": f"{{{HR},tenant:*}}",
        "owner": "somebody else",
    }

    async with as_role(filled.database, "footnote_reader", settings) as connection:
        assert await refused(
            connection,
            "INSERT INTO documents SELECT (jsonb_populate_record(documents,"
            " jsonb_build_object('id', CAST(:id AS text)))).* FROM documents LIMIT 1",
            id=str(uuid4()),
        )


@pytest.mark.parametrize(
    "name", [name for name in TABLES if name not in {"tenants", "credentials"}]
)
async def test_the_system_role_reads_nothing_of_a_tenant(filled: Filled, name: str) -> None:
    settings = all_of(filled, tenant_id=filled.tenant_id, principals=f"{{{HR},tenant:*}}")

    async with as_role(filled.database, "footnote_system", settings) as connection:
        assert await refused(connection, f"SELECT * FROM {filled.table(name)}")  # noqa: S608  # our own tables


@pytest.mark.parametrize("role", ["footnote_reader", "footnote_writer", "footnote_system"])
async def test_nobody_reads_the_queue(filled: Filled, role: str) -> None:
    async with as_role(filled.database, role, {}) as connection:
        assert await refused(connection, "SELECT args FROM procrastinate.procrastinate_jobs")


@pytest.mark.parametrize("name", ["document_versions", "audit_events"])
async def test_what_was_recorded_cannot_be_changed(filled: Filled, name: str) -> None:
    settings = all_of(filled, tenant_id=filled.tenant_id, principals="{}")

    async with as_role(filled.database, "footnote_writer", settings) as connection:
        assert await refused(connection, f"UPDATE {name} SET created_at = now()")  # noqa: S608  # our own tables


async def test_the_audit_trail_cannot_be_shortened(filled: Filled) -> None:
    settings = all_of(filled, tenant_id=filled.tenant_id, principals="{}")

    for role in ("footnote_reader", "footnote_writer", "footnote_system"):
        async with as_role(filled.database, role, settings) as connection:
            assert await refused(connection, "DELETE FROM audit_events")


async def test_settings_end_with_the_transaction(filled: Filled, database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    viewer = Viewer(principals=(HR, "tenant:*"), owner=filled.owner)

    async with database.tenant(filled.tenant_id, viewer=viewer) as scope:
        assert await count(scope.connection, "chunks") > 0

    async with database.engine.connect() as connection:
        left = await connection.execute(
            text(
                "SELECT current_user = session_user,"
                " coalesce(current_setting('footnote.tenant_id', true), ''),"
                " coalesce(current_setting('footnote.principals', true), ''),"
                " coalesce(current_setting('footnote.owner', true), '')"
            )
        )
        assert left.one() == (True, "", "", "")
    await database.close()


async def test_settings_end_with_a_transaction_that_fails(
    filled: Filled, database_url: str
) -> None:
    database = Database(database_url, pool_size=1)
    viewer = Viewer(principals=(HR, "tenant:*"), owner=filled.owner)

    with pytest.raises(DBAPIError):
        async with database.tenant(filled.tenant_id, viewer=viewer) as scope:
            await scope.connection.execute(text("DELETE FROM chunks"))

    async with database.engine.connect() as connection:
        await connection.execute(text("SET ROLE footnote_reader"))
        assert await count(connection, "chunks") == 0
        await connection.execute(text("RESET ROLE"))
    await database.close()
