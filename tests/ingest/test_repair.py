"""A re-index mends what the checker finds, whatever it is called."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from kb.consistency import Checker
from kb.index.sketches.sketch_files import SketchFiles
from kb.settings import Settings
from tests.footnote.own_database import own_database
from tests.ingest.test_reindex import Nightly

WORDS = {
    "A_CHUNK": "(SELECT min(id) FROM chunks)",
    "FIRST": "(SELECT min(id::text)::uuid FROM documents)",
    "A_TENANT": "(SELECT id FROM tenants)",
}
"""What damaging statements say in short, beside VECTORS for the table."""

DAMAGES = {
    "documents_without_version": "DELETE FROM document_versions WHERE document_id = FIRST",
    "ready_documents_without_chunks": (
        "WITH gone AS (DELETE FROM chunks WHERE document_id = FIRST RETURNING document_id)"
        " UPDATE documents SET chunk_count = 0 WHERE id = (SELECT DISTINCT document_id FROM gone)"
    ),
    "chunks_with_other_readers": "UPDATE chunks SET principals = '{user:eve}' WHERE id = A_CHUNK",
    "chunks_with_another_collection": (
        "UPDATE chunks SET collection_id = gen_random_uuid() WHERE id = A_CHUNK"
    ),
    "vectors_with_other_readers": (
        "UPDATE VECTORS SET principals = '{user:eve}' WHERE chunk_id = A_CHUNK"
    ),
    "vectors_with_another_audience": (
        "UPDATE VECTORS SET audience_id = audience_id + 1000 WHERE chunk_id = A_CHUNK"
    ),
    "vectors_with_another_document": (
        "UPDATE VECTORS SET document_id = gen_random_uuid() WHERE chunk_id = A_CHUNK"
    ),
    "jobs_without_document": (
        "UPDATE jobs SET document_id = gen_random_uuid() WHERE document_id = FIRST"
    ),
    "quotes_without_document": (
        "INSERT INTO answer_documents VALUES (A_TENANT, gen_random_uuid(), gen_random_uuid())"
    ),
    "rows_without_document": "DELETE FROM documents WHERE id = FIRST",
}


@pytest.fixture
async def nightly(settings: Settings, database_url: str) -> AsyncIterator[Nightly]:
    async with own_database(database_url, f"file://{settings.home_path}/repair") as own:
        yield Nightly(own=own)


async def damage(nightly: Nightly, statement: str) -> None:
    """Runs a statement past every constraint, trigger and policy."""
    async with nightly.own.tools.database.owner() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for word, meaning in {
            **WORDS,
            "VECTORS": f"vectors_{nightly.own.tools.space.name}",
        }.items():
            statement = statement.replace(word, meaning)
        await connection.execute(text(statement))


async def found(nightly: Nightly, folder: Path) -> set[str]:
    """The names of what the checker finds."""
    checker = Checker(
        database=nightly.own.tools.database,
        files=nightly.own.tools.files,
        lexical_folder=folder,
        sketches=SketchFiles(folder),
        # Files are deleted by their age.
        settled_before=datetime.now(UTC) - timedelta(hours=1),
    )
    return {finding.name for finding in (await checker.check(nightly.own.tenant_id)).findings}


@pytest.mark.parametrize("name", DAMAGES)
async def test_what_the_checker_finds_is_mended(
    nightly: Nightly, tmp_path: Path, name: str
) -> None:
    await nightly.upload_notes()
    sound = await found(nightly, tmp_path)
    await damage(nightly, DAMAGES[name])
    damaged = await found(nightly, tmp_path)

    run = await nightly.run()
    await nightly.work()

    assert sound == set()
    assert damaged
    assert run.report["repaired"]
    assert await found(nightly, tmp_path) == set()
    assert (await nightly.run()).report["repaired"] == {}
