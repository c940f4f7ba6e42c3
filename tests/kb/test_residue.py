"""The scan finds what is planted, in each kind of place where something could be left."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import text

from kb.index.lexical.index import TenantIndex
from kb.index.sketches.sketch_files import SketchFiles
from kb.index.sketches.table import document_keys, sketch
from kb.postgres.database import Database
from kb.residue import Places, ResidueReport, Trace, find_residue, traces_of
from kb.settings import Settings
from kb.store.audit import Actor
from kb.store.changes import delete_document
from kb.store.chunks import IndexedChunk
from kb.store.stored_files import discard_file
from tests.architecture.databases import execute, values, with_login
from tests.footnote.own_database import OwnDatabase, own_database

WORDS = 'the \u201cqxvwkpt\u201d bonus\n\tis "731" \\ euros'
DOCUMENT = "0198a0f0-0000-7000-8000-000000000001"
SHA256 = "ab" * 32
VECTOR = "[" + ",".join(["0.25", "-0.125"] * 8) + "]"
TRACES = [
    Trace(kind="text", value=WORDS),
    Trace(kind="text", value="qxvwkptzzz"),
    Trace(kind="id", value=DOCUMENT),
    Trace(kind="sha256", value=SHA256),
    Trace(kind="vector", value=VECTOR),
]
ALL_TABLES = """
    SELECT nspname || '.' || relname
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname IN ('public', 'procrastinate')
        OR relname = 'pg_statistic'
"""
ADMIN = Actor(name="admin", principals=(), request_id=None, is_admin=True)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A database and a home, in which something is planted."""

    own: OwnDatabase
    home: Path

    async def run(self, statement: str, **parameters: object) -> None:
        """Runs it with the rights of a superuser, who no row security keeps away."""
        async with self.own.tools.database.owner() as connection:
            given = {"tenant_id": self.own.tenant_id, **parameters}
            await connection.execute(text(statement), given)

    async def scan(self, *logs: Path) -> ResidueReport:
        places = Places(home=self.home, logs=logs)
        return await find_residue(self.own.tools.database, self.own.tenant_id, TRACES, places)


@pytest.fixture
async def ground(settings: Settings, database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    home = tmp_path / "home"
    (home / "lexical").mkdir(parents=True)
    async with own_database(database_url, f"file://{home}/files") as own:
        yield Ground(own=own, home=home)


async def plant_in_json(ground: Ground) -> None:
    await ground.run(
        "INSERT INTO idempotency_keys (tenant_id, owner, key, request_sha256, response) "
        "VALUES (:tenant_id, 'x', 'x', 'x', CAST(:response AS jsonb))",
        response=json.dumps({"deep": [{"document": {"title": f"see: {WORDS}."}}]}),
    )


async def plant_in_a_list(ground: Ground) -> None:
    await ground.run(
        "INSERT INTO audiences (tenant_id, principals, principals_sha256) "
        "VALUES (:tenant_id, ARRAY[:name], 'x')",
        name=f"user:{WORDS}",
    )


async def plant_in_the_queue(ground: Ground) -> None:
    await ground.run("SELECT footnote_enqueue('x', 'x', :lock, 0, '{}')", lock=DOCUMENT)


async def plant_in_a_new_table(ground: Ground) -> None:
    await ground.run("CREATE SCHEMA later CREATE TABLE forgotten (what text)")
    await ground.run("INSERT INTO later.forgotten VALUES (:words)", words=WORDS)


async def plant_a_hash(ground: Ground) -> None:
    await ground.run(
        "INSERT INTO credentials (tenant_id, id, prefix, secret_sha256, scopes, principals) "
        "VALUES (:tenant_id, gen_random_uuid(), 'x', :sha256, '{}', '{}')",
        sha256=SHA256,
    )


async def plant_a_vector(ground: Ground) -> None:
    await ground.run("CREATE TABLE vectors_left (embedding halfvec(16))")
    await ground.run("INSERT INTO vectors_left VALUES (CAST(:vector AS halfvec))", vector=VECTOR)


async def plant_a_file(ground: Ground) -> None:
    path = ground.home / "prompts" / "x.txt"
    path.parent.mkdir()
    # Across the border of two parts that are read one after the other.
    path.write_bytes(b" " * ((1 << 22) - 10) + WORDS.encode())


async def plant_the_bytes(ground: Ground) -> None:
    await ground.own.tools.files.write(ground.own.tenant_id, SHA256, b"PK\x03\x04")


async def plant_in_an_index(ground: Ground) -> None:
    path = ground.home / "lexical" / str(ground.own.tenant_id)
    chunk = IndexedChunk(
        chunk_id=1,
        document_id=UUID(DOCUMENT),
        principals=("tenant:*",),
        language="en",
        text="The qxvwkptzzz bonus.",
    )
    other = IndexedChunk(
        chunk_id=2,
        document_id=UUID(int=2),
        principals=("tenant:*",),
        language="en",
        text="Leave is 31 days.",
    )
    index = TenantIndex(path)
    index.rebuild(generation=1, chunks=[chunk, other])
    # Deleted, and still there.
    index.apply(since=1, generation=2, replaced_documents=[UUID(DOCUMENT)], chunks=[])


async def plant_in_sketches(ground: Ground) -> None:
    vector = np.array([json.loads(VECTOR)], dtype=np.float32)
    table = sketch(np.array([1]), document_keys([UUID(DOCUMENT)]), np.array([1]), vector)
    with SketchFiles(ground.home / "sketches").writing(ground.own.tenant_id) as writer:
        written = writer.add([table])
    folder = ground.home / "sketches" / str(ground.own.tenant_id)
    (folder / f"{written.name}.table").rename(folder / "left.table")


PLANTS: Mapping[str, tuple[Callable[[Ground], Awaitable[None]], str]] = {
    "JSON": (plant_in_json, "public.idempotency_keys"),
    "a list": (plant_in_a_list, "public.audiences"),
    "the queue": (plant_in_the_queue, "procrastinate.procrastinate_jobs"),
    "a table of later": (plant_in_a_new_table, "later.forgotten"),
    "a hash": (plant_a_hash, "public.credentials"),
    "a vector": (plant_a_vector, "public.vectors_left"),
    "a file": (plant_a_file, "prompts/x.txt"),
    "stored bytes": (plant_the_bytes, f"files/{{tenant}}/{SHA256[:2]}/{SHA256}"),
    "an index": (plant_in_an_index, "lexical/{tenant}"),
    "sketches": (plant_in_sketches, "sketches/{tenant}/left.table"),
}


async def test_where_nothing_is_planted_nothing_is_found(ground: Ground) -> None:
    report = await ground.scan()

    with_bypass = values(ground.own.url, ALL_TABLES)
    assert report.residues == []
    assert report.unread == []
    assert report.tables == len(with_bypass)


@pytest.mark.parametrize("name", PLANTS)
async def test_what_is_planted_is_found(ground: Ground, name: str) -> None:
    plant, place = PLANTS[name]
    await plant(ground)

    report = await ground.scan()

    places = {residue.place for residue in report.unexpected}
    assert place.format(tenant=ground.own.tenant_id) in places


async def test_sketches_have_a_document_by_its_id_and_by_its_vector(ground: Ground) -> None:
    await plant_in_sketches(ground)

    report = await ground.scan()

    assert {residue.kind for residue in report.unexpected} == {"id", "vector"}


async def test_a_log_may_name_the_document_but_not_its_words(
    ground: Ground, tmp_path: Path
) -> None:
    log = tmp_path / "footnote.log"
    log.write_text(f"deleted {DOCUMENT}\n")
    named = await ground.scan(log)
    log.write_text(json.dumps({"event": "x", "text": WORDS}, ensure_ascii=False))
    told = await ground.scan(log)

    assert [residue.is_expected for residue in named.residues] == [True]
    assert [residue.kind for residue in told.unexpected] == ["text"]


async def test_traces_are_of_all_that_a_document_is_told_by(ground: Ground) -> None:
    accepted = await ground.own.upload(
        b"# Zanzibarflight\n\nThe bonus of the desk is 731 euros.\n",
        external_id="zanzibar-external",
        filename="zanzibarflight.md",
    )
    await ground.own.work_until_empty()

    async with ground.own.tools.database.tenant(ground.own.tenant_id, viewer=None) as scope:
        traces = await traces_of(scope, accepted.document.id)

    found = {
        trace.kind: [each.value for each in traces if each.kind == trace.kind] for trace in traces
    }
    assert found["id"] == [str(accepted.document.id)]
    assert {"zanzibar-external", "zanzibarflight.md", "Zanzibarflight"} <= set(found["text"])
    assert "The bonus of the desk is 731 euros." in " ".join(found["text"])
    assert accepted.document.content.sha256 in found["sha256"]
    assert found["vector"]
    report = await find_residue(
        ground.own.tools.database, ground.own.tenant_id, traces, Places(home=ground.home)
    )
    assert {"text", "id", "sha256", "vector"} == {residue.kind for residue in report.residues}


async def test_the_databases_statistics_hold_no_words_of_a_document(ground: Ground) -> None:
    secret = b"# Zanzibarflight\n\nThe bonus of the desk is 731 euros.\n"
    accepted = await ground.own.upload(
        secret, external_id="zanzibar-external", filename="zanzibarflight.md"
    )
    await ground.own.upload(b"# Leave\n\nLeave is 31 days.", external_id="leave")
    await ground.own.work_until_empty()
    tools = ground.own.tools
    async with tools.database.tenant(ground.own.tenant_id, viewer=None) as scope:
        traces = await traces_of(scope, accepted.document.id)
    await ground.run("ANALYZE")
    async with tools.database.tenant(ground.own.tenant_id, viewer=None) as scope:
        receipt = await delete_document(scope, accepted.document.id, actor=ADMIN, now=tools.clock())
    for sha256 in receipt.sha256s:
        await discard_file(tools.database, tools.files, ground.own.tenant_id, sha256)

    places = Places(home=ground.home)
    report = await find_residue(tools.database, ground.own.tenant_id, traces, places)

    assert report.unexpected == []
    assert "pg_catalog.pg_statistic" in {residue.place for residue in report.residues}


async def test_a_login_under_row_security_reads_its_tenants_rows_and_says_so(
    ground: Ground, database_url: str
) -> None:
    await plant_in_json(ground)
    await plant_a_hash(ground)
    login = f"plain_{uuid4().hex[:8]}"
    execute(
        ground.own.url,
        f"CREATE ROLE {login} LOGIN",
        f"GRANT footnote_reader, footnote_writer, footnote_system TO {login}",
    )
    database = Database(with_login(ground.own.url, login), pool_size=1)
    try:
        report = await find_residue(
            database, ground.own.tenant_id, TRACES, Places(home=ground.home)
        )
    finally:
        await database.close()
        execute(ground.own.url, f"DROP ROLE {login}")

    assert {residue.place for residue in report.unexpected} == {
        "public.idempotency_keys",
        "public.credentials",
    }
    assert "procrastinate.procrastinate_jobs" in report.unread
    assert any("rows of other tenants" in place for place in report.unread)
