"""`footnote ingest`, `search` and `ask`: a folder goes in, the API's own objects come out."""

import asyncio
import json
import signal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.http.answers.schemas import Answer
from app.http.search.schemas import SearchResponse
from kb.ids import TenantId
from kb.postgres.database import Database
from kb.store.documents import Listing, list_documents
from kb.store.tenants import Tenant, create_tenant
from tests.footnote.processes import Finished, python, run_footnote
from tests.ingest.files.builders import encrypted_pdf_file

pytestmark = pytest.mark.end_to_end

FILES = 300
"""Seconds of work for one process."""


@pytest.fixture
async def tenant(database: Database) -> Tenant:
    async with database.system() as system:
        return await create_tenant(system, f"acme {uuid4()}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents, and three files that are none."""
    folder = tmp_path / "papers"
    (folder / "more").mkdir(parents=True)
    (folder / "leave.md").write_text("# Leave\n\nEveryone has 31 days of annual leave.\n")
    (folder / "more" / "prices.csv").write_text("Part,Price\nSP-4217,87.25\n")
    (folder / "more" / "locked.pdf").write_bytes(encrypted_pdf_file("secret"))
    (folder / "empty.txt").write_bytes(b"")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (folder / ".hidden.md").write_text("Not for you.")
    return folder


async def chunk_ids(database: Database, tenant_id: TenantId) -> list[int]:
    async with database.tenant(tenant_id, viewer=None) as scope:
        rows = await scope.connection.execute(text("SELECT id FROM chunks ORDER BY id"))
        return list(rows.scalars())


def outcome_by_name(output: Finished, folder: Path) -> dict[str, tuple[str, bool]]:
    """Status of each file, and whether it has an error."""
    return {
        Path(each["path"]).relative_to(folder).as_posix(): (each["status"], each["error"] is None)
        for each in json.loads(output.stdout)
    }


async def test_a_folder_is_ingested_once_and_then_asked(
    environment: dict[str, str], database: Database, tenant: Tenant, folder: Path
) -> None:
    async def run(*arguments: str) -> Finished:
        return await run_footnote(
            *arguments, "--tenant", tenant.name, "--json", environment=environment, folder=folder
        )

    first = await run("ingest", str(folder), "--principals", "group:hr", "--collection", "papers")
    chunks = await chunk_ids(database, tenant.id)
    second, answered, found_by_others = await asyncio.gather(
        run("ingest", str(folder), "--principals", "group:hr", "--collection", "papers"),
        run("ask", "How many days of annual leave?", "--principals", "user:ana,group:hr"),
        run("search", "annual leave", "--principals", "user:bob"),
    )

    assert (first.exit_code, second.exit_code) == (1, 1), first.stderr + second.stderr
    expected = {
        "leave.md": ("ready", True),
        "more/prices.csv": ("ready", True),
        "more/locked.pdf": ("failed", False),
        "empty.txt": ("refused", False),
        "picture.png": ("refused", False),
    }
    assert outcome_by_name(first, folder) == outcome_by_name(second, folder) == expected
    assert len(chunks) == 2
    assert await chunk_ids(database, tenant.id) == chunks
    assert (answered.exit_code, found_by_others.exit_code) == (0, 0), answered.stderr
    answer = Answer.model_validate_json(answered.stdout)
    assert answer.status == "answered"
    assert "31 days" in answer.citations[0].quote
    assert answer.citations[0].external_id == "leave.md"
    assert SearchResponse.model_validate_json(found_by_others.stdout).data == []


async def test_a_run_that_is_interrupted_says_how_to_go_on(
    environment: dict[str, str], database: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.md").write_text(f"# Note {number}\n\nThe number is {number}.\n")
    command = ["-m", "footnote", "ingest", str(folder), "--tenant", tenant.name, "--json"]

    async def are_some_found() -> bool:
        async with database.tenant(tenant.id, viewer=None) as scope:
            ready = Listing(status="ready")
            return len(await list_documents(scope, ready, after=None, limit=10)) == 10

    async with python(command, environment=environment, is_heard=True) as process:
        while not await are_some_found():  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stdout, stderr = await process.communicate()
    second = await run_footnote(*command[2:], environment=environment)

    assert process.returncode == 128 + signal.SIGINT
    done = json.loads(stdout)
    assert 0 < len(done) < FILES
    assert f"Stopped: {len(done)} of {FILES} files are done." in stderr.decode()
    outcomes = {each["external_id"]: each for each in json.loads(second.stdout)}
    assert second.exit_code == 0, second.stderr
    assert {each["status"] for each in outcomes.values()} == {"ready"}
    assert {outcomes[each["external_id"]]["change"] for each in done} == {"unchanged"}
    async with database.tenant(tenant.id, viewer=None) as scope:
        stored = await list_documents(scope, Listing(), after=None, limit=2 * FILES)
    assert [each.upload for each in stored] == [1] * FILES
