"""Everything that is stored agrees with itself, and each damage is found under its name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tantivy import Document

from kb.consistency import Checker, TenantReport
from kb.index.lexical.folder import build_schema, load_index
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.reached import changes_after
from kb.index.sketches.reading import read_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.sketch_files import SketchFiles
from kb.settings import Settings
from kb.store.tenants import create_tenant
from tests.footnote.own_database import OwnDatabase, own_database

NOTE = b"# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"
LATER = timedelta(days=1)
WORDS = {
    "READY": "tenant_id = :tenant_id AND status = 'ready'",
    "NEW_ID": "gen_random_uuid()",
    "OURS": "tenant_id = :tenant_id",
    "NAME": "CAST(:tenant_id AS text)",
    "FIRST": "(SELECT min(id::text)::uuid FROM documents WHERE tenant_id = :tenant_id)",
    "A_CHUNK": "(SELECT min(id) FROM chunks WHERE tenant_id = :tenant_id)",
}
"""What damaging statements say in short, beside VECTORS for the table."""

SPACE = "the space"
"""In expected names: whatever the only space is called."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A tenant with two documents that are served, one that waits, and a checker."""

    own: OwnDatabase
    checker: Checker

    async def report(self) -> TenantReport:
        return await self.checker.check(self.own.tenant_id)

    async def names(self) -> set[str]:
        """The names of what is found."""
        space = self.own.tools.space.name
        return {finding.name.replace(space, SPACE) for finding in (await self.report()).findings}

    async def damage(self, *statements: str) -> None:
        """Runs statements past every constraint, trigger and policy."""
        async with self.own.tools.database.owner() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            words = {**WORDS, "VECTORS": f"vectors_{self.own.tools.space.name}"}
            for statement in statements:
                for word, meaning in words.items():
                    statement = statement.replace(word, meaning)  # noqa: PLW2901  # word by word
                await connection.execute(text(statement), {"tenant_id": self.own.tenant_id})

    async def index(self) -> Path:
        """The folder of the tenant's lexical index, which has all there is now."""
        folder = self.checker.lexical_folder
        async with aclosing(LexicalIndexes(self.own.tools.database, folder)) as lexical:
            await lexical.catch_up(self.own.tenant_id)
        return folder / str(self.own.tenant_id)

    async def sketch(self) -> None:
        """Stores sketches of all that there is now."""
        tools = self.own.tools
        cache = SketchCache(tools.database, max_bytes=10**8, files=self.checker.sketches)
        async with aclosing(cache):
            await cache.catch_up(self.own.tenant_id, tools.space)


@pytest.fixture(scope="module")
async def database(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/consistency") as own:
        yield own


@pytest.fixture
async def checked(database: OwnDatabase, tmp_path: Path) -> Checked:
    async with database.tools.database.system() as system:
        tenant = await create_tenant(system, str(tmp_path))
    own = replace(database, tenant_id=tenant.id)
    await own.upload(NOTE, external_id="one")
    await own.upload(NOTE + b"Another.", external_id="two")
    await own.work_until_empty()
    await own.upload(b"Waits.", external_id="three")
    return Checked(
        own=own,
        checker=Checker(
            database=own.tools.database,
            files=own.tools.files,
            lexical_folder=tmp_path / "lexical",
            sketches=SketchFiles(tmp_path / "sketches"),
            settled_before=datetime.now(UTC) + LATER,
        ),
    )


async def test_what_ordinary_work_leaves_agrees_with_itself(checked: Checked) -> None:
    report = await checked.report()
    await checked.index()
    indexed = await checked.report()

    assert (report.findings, report.documents, report.chunks) == ((), 3, 4)
    assert report.lexical == "none on this machine"
    assert indexed.findings == ()
    assert indexed.lexical.startswith("at generation ")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE documents SET external_id = 'one' WHERE READY",
            {"documents_of_one_name"},
        ),
        (
            "DELETE FROM document_versions WHERE document_id = FIRST",
            {"documents_without_version"},
        ),
        (
            "UPDATE documents SET chunk_count = 0 WHERE id = FIRST",
            {"ready_documents_without_chunks", "documents_with_other_chunks"},
        ),
        (
            "UPDATE chunks SET principals = '{user:eve}' WHERE id = A_CHUNK",
            {"chunks_with_other_readers", f"vectors_with_other_readers {SPACE}"},
        ),
        (
            "UPDATE VECTORS SET principals = '{user:eve}' WHERE chunk_id = A_CHUNK",
            {f"vectors_with_other_readers {SPACE}"},
        ),
        (
            "UPDATE VECTORS SET audience_id = audience_id + 1000 WHERE chunk_id = A_CHUNK",
            {f"vectors_with_other_readers {SPACE}"},
        ),
        (
            "UPDATE jobs SET document_id = gen_random_uuid() WHERE status = 'succeeded' AND OURS",
            {"jobs_without_document"},
        ),
        (
            "DELETE FROM jobs WHERE tenant_id = :tenant_id AND status = 'queued'",
            {"queued_without_job", "uploads_without_job"},
        ),
        (
            "INSERT INTO answer_documents VALUES (:tenant_id, NEW_ID, NEW_ID)",
            {"quotes_without_document"},
        ),
        (
            "DELETE FROM chunks WHERE document_id = FIRST",
            {"documents_with_other_chunks", f"vectors_without_chunk {SPACE}"},
        ),
        (
            "UPDATE jobs SET status = 'failed' WHERE tenant_id = :tenant_id AND status = 'queued'",
            {"uploads_without_job"},
        ),
        (
            "DELETE FROM procrastinate.procrastinate_jobs WHERE args ->> 'tenant_id' = NAME",
            {"jobs_without_place_in_queue"},
        ),
        (
            "DELETE FROM VECTORS WHERE chunk_id = A_CHUNK",
            {"chunks_without_vector"},
        ),
    ],
)
async def test_damaged_rows_are_found(checked: Checked, statement: str, expected: set[str]) -> None:
    await checked.damage(statement)

    assert await checked.names() == expected


async def test_lost_and_left_files_are_found(checked: Checked) -> None:
    files, tenant_id = checked.own.tools.files, checked.own.tenant_id
    [lost, *_] = await files.stored(tenant_id)
    await files.delete(tenant_id, lost)
    left = "ab" * 32
    await files.write(tenant_id, left, b"Left by a process that died.")
    folder = Path(checked.own.files_url.removeprefix("file://")) / str(tenant_id) / left[:2]
    (folder / f"{left}.1.part").write_bytes(b"Half")

    report = await checked.report()
    young = replace(checked.checker, settled_before=datetime.now(UTC) - LATER)

    assert {finding.name: finding.count for finding in report.findings} == {
        "documents_without_bytes": 1,
        "files_without_document": 1,
        "half_written_files": 1,
    }
    assert [each.name for each in (await young.check(tenant_id)).findings] == [
        "documents_without_bytes"
    ]


async def test_postings_without_chunk_and_chunks_without_posting_are_found(
    checked: Checked,
) -> None:
    await checked.index()

    await checked.damage(
        "UPDATE VECTORS SET chunk_id = 1000000 WHERE chunk_id = A_CHUNK",
        "UPDATE chunks SET id = DEFAULT WHERE id = A_CHUNK",
    )

    names = await checked.names()
    assert {"postings_without_chunk", "chunks_without_posting"} <= names


async def test_a_chunk_that_is_posted_twice_is_found(checked: Checked) -> None:
    folder = await checked.index()
    async with checked.own.tools.database.tenant(checked.own.tenant_id, viewer=None) as scope:
        chunk_id = (await scope.connection.execute(text("SELECT min(id) FROM chunks"))).scalar_one()

    def post_again() -> None:
        index = load_index(folder, build_schema())
        assert index is not None
        writer = index.writer()
        document = Document()
        document.add_unsigned("chunk_id", chunk_id)
        writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()

    await asyncio.to_thread(post_again)

    [finding] = (await checked.report()).findings
    assert (finding.name, finding.examples) == ("chunks_posted_twice", (str(chunk_id),))


async def test_sketches_that_differ_from_the_chunks_are_found(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.sketches.tenant_sketches.STORED_ROWS", 1)
    await checked.sketch()
    assert await checked.names() == set()

    await checked.damage(
        "UPDATE chunks SET id = DEFAULT WHERE id = A_CHUNK",
        "UPDATE VECTORS SET chunk_id = (SELECT max(id) FROM chunks WHERE tenant_id = :tenant_id) "
        "WHERE tenant_id = :tenant_id AND chunk_id NOT IN (SELECT id FROM chunks)",
    )

    assert await checked.names() == {"sketches_without_chunk", "chunks_without_sketch"}


async def test_a_chunk_that_is_sketched_twice_is_found(checked: Checked) -> None:
    own = checked.own
    async with own.tools.database.tenant(own.tenant_id, viewer=None, is_snapshot=True) as scope:
        changes = await changes_after(scope, None)
        pages = [page async for page in read_sketches(scope, own.tools.space, None)]
    assert changes is not None
    with checked.checker.sketches.writing(own.tenant_id) as writer:
        tables = [writer.add(pages), writer.add(pages)]
        writer.commit(space=own.tools.space, reached=changes.target, tables=tables)

    [finding] = (await checked.report()).findings

    assert (finding.name, finding.count) == ("chunks_sketched_twice", 4)


async def test_what_the_sketches_have_still_to_take_up_is_no_fault(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.sketches.tenant_sketches.STORED_ROWS", 1)
    await checked.sketch()

    await checked.own.upload(NOTE + b"Changed.", external_id="one")
    await checked.own.work_until_empty()

    assert (await checked.report()).findings == ()


async def test_what_the_index_has_still_to_take_up_is_no_fault(checked: Checked) -> None:
    await checked.index()

    await checked.own.upload(NOTE + b"Changed.", external_id="one")
    await checked.own.work_until_empty()

    assert (await checked.report()).findings == ()


async def test_a_damaged_index_is_found_and_left_as_it_is(checked: Checked) -> None:
    folder = await checked.index()
    [file, *_] = sorted(folder.glob("*.store"))
    file.write_bytes(file.read_bytes()[:-10] + bytes(10))
    before = {each: each.read_bytes() for each in folder.iterdir() if each.is_file()}

    report = await checked.report()

    assert [finding.name for finding in report.findings] == ["damaged_index"]
    assert {each: each.read_bytes() for each in folder.iterdir() if each.is_file()} == before


async def test_the_damage_of_one_tenant_is_not_anothers(
    checked: Checked, database: OwnDatabase
) -> None:
    await checked.damage("DELETE FROM VECTORS WHERE chunk_id = A_CHUNK")

    assert (await checked.checker.check(database.tenant_id)).findings == ()
