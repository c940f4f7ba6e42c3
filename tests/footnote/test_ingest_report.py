"""`footnote ingest` tells on stderr how far it is and what failed, on stdout the counts."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from footnote.commands import ingest_report
from footnote.commands.given_files import GivenFile, find_files
from footnote.commands.ingest_files import Outcome
from footnote.commands.ingest_report import FileProgress, report
from kb.postgres.database import Database
from kb.store.documents import Listing, list_documents
from kb.store.tenants import Tenant, create_tenant
from tests.footnote.processes import run_here


@pytest.fixture
async def tenant(database: Database) -> Tenant:
    async with database.system() as system:
        return await create_tenant(system, f"reported {uuid4()}")


@pytest.fixture
def files(tmp_path: Path) -> list[GivenFile]:
    for name in ("bad.pdf", "good.md", "old.md", "scan.pdf"):
        (tmp_path / name).write_text("A note.")
    return find_files([tmp_path])


@pytest.fixture
def outcomes(files: list[GivenFile]) -> list[Outcome]:
    bad, good, old, scan = files
    error = {"error_code": "document_encrypted", "error": "It has a password."}
    return [
        Outcome(file=bad, change="new", status="failed", **error),  # type: ignore[arg-type]
        Outcome(file=good, change="new", status="ready"),
        Outcome(file=old, change="unchanged", status="ready_with_warnings", warnings=("Page 1.",)),
        Outcome(file=scan, change="new", status="ready_with_warnings", warnings=("Page 3.",)),
    ]


def test_failures_and_warnings_are_on_stderr_and_counted(
    outcomes: list[Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(outcomes, is_dry_run=False, as_json=False)

    said = capsys.readouterr()
    assert said.out == "3 of 4 files can be found (3 new, 1 unchanged; 1 with warnings).\n"
    failed, remedy, warned = said.err.splitlines()
    assert failed == f"{tmp_path / 'bad.pdf'}: failed: It has a password. [document_encrypted]"
    assert remedy == f"    {outcomes[0].remedy}"
    assert warned == f"{tmp_path / 'scan.pdf'}: warning: Page 3."


def test_json_is_one_value_on_stdout_and_nothing_else(
    outcomes: list[Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    report(outcomes, is_dry_run=False, as_json=True)

    said = capsys.readouterr()
    shown = json.loads(said.out)
    assert said.err == ""
    assert [each["warnings"] for each in shown] == [[], [], ["Page 1."], ["Page 3."]]
    assert [each["status"] for each in shown] == [
        "failed",
        "ready",
        "ready_with_warnings",
        "ready_with_warnings",
    ]


def test_a_pipe_gets_a_line_now_and_then(
    outcomes: list[Outcome],
    files: list[GivenFile],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter([0.0, 4.0, 10.0, 10.0, 12.0, 19.0])
    monkeypatch.setattr(ingest_report, "monotonic", lambda: next(seconds))

    with FileProgress(files) as progress:
        for outcome in outcomes:
            progress.began(outcome.file)
            progress.ended(outcome)

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "2 of 4 files, 0.0 MB: good.md\n"
    assert progress.outcomes == outcomes


async def test_a_dry_run_leaves_out_what_is_excluded_and_writes_nothing(
    environment: dict[str, str], database: Database, tenant: Tenant, tmp_path: Path
) -> None:
    for name in ("leave.md", "drafts/a.md", "hr/pay.txt", "hr/old.bak"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("A note.")
    given = ("ingest", str(tmp_path), "--tenant", tenant.name, "--dry-run")

    done = await run_here(
        *given, "--exclude", "drafts/", "--exclude", "*.bak", environment=environment
    )
    nothing = await run_here(*given, "--exclude", "*", environment=environment)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{tmp_path / 'hr/pay.txt'}: new",
        f"{tmp_path / 'leave.md'}: new",
        "Of 2 files: 2 new. Nothing was written.",
    ]
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "There is no such file below the given paths." in nothing.stderr
    async with database.tenant(tenant.id, viewer=None) as scope:
        assert await list_documents(scope, Listing(), after=None, limit=10) == []
