"""`footnote ingest --rules`: who may read which paths, as the command line takes it."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from kb.postgres.database import Database
from kb.store.documents import Listing, list_documents
from kb.store.tenants import Tenant, create_tenant
from tests.footnote.processes import Finished, run_here

HR = '[[rules]]\npattern = "hr/**"\nprincipals = ["group:hr"]\n'

Ingest = Callable[..., Awaitable[Finished]]


@pytest.fixture
async def tenant(database: Database) -> Tenant:
    async with database.system() as system:
        return await create_tenant(system, f"rules {uuid4()}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "hr").mkdir(parents=True)
    (folder / "hr" / "pay.txt").write_text("Pay comes on the 25th.")
    (folder / "leave.md").write_text("# Leave\n\nEveryone has 31 days of leave.\n")
    return folder


@pytest.fixture
def ingest(environment: dict[str, str], tenant: Tenant, folder: Path) -> Ingest:
    async def run(*options: str) -> Finished:
        given = ("ingest", str(folder), "--tenant", tenant.name, "--json", *options)
        return await run_here(*given, environment=environment)

    return run


async def readers(database: Database, tenant: Tenant) -> dict[str | None, tuple[str, ...]]:
    """Who may read each stored document."""
    async with database.tenant(tenant.id, viewer=None) as scope:
        stored = await list_documents(scope, Listing(), after=None, limit=100)
    return {each.fields.external_id: each.fields.principals for each in stored}


def changes(done: Finished) -> dict[str, str]:
    return {each["external_id"]: each["change"] for each in json.loads(done.stdout)}


async def test_what_no_rule_says_is_refused_or_for_the_principals_given(
    database: Database, tenant: Tenant, tmp_path: Path, ingest: Ingest
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(HR)

    by_rules = await ingest("--rules", str(rules))
    after_rules = await readers(database, tenant)
    with_rest = await ingest("--rules", str(rules), "--principals", "user:ana")

    assert by_rules.exit_code == 1
    assert changes(by_rules) == {"hr/pay.txt": "new", "leave.md": "refused"}
    assert after_rules == {"hr/pay.txt": ("group:hr",)}
    assert with_rest.exit_code == 0, with_rest.stderr
    assert changes(with_rest) == {"hr/pay.txt": "unchanged", "leave.md": "new"}
    assert await readers(database, tenant) == {
        "hr/pay.txt": ("group:hr",),
        "leave.md": ("user:ana",),
    }


async def test_who_may_read_a_file_that_is_refused_now_loses_its_document(
    database: Database, tenant: Tenant, tmp_path: Path, folder: Path, ingest: Ingest
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(HR)
    await ingest("--rules", str(rules), "--principals", "user:ana")
    (folder / "hr" / "pay.txt.footnote.toml").write_text("not toml")

    refused = await ingest("--rules", str(rules))

    assert changes(refused) == {"hr/pay.txt": "refused", "leave.md": "refused"}
    assert await readers(database, tenant) == {"hr/pay.txt": (), "leave.md": ()}

    (folder / "hr" / "pay.txt.footnote.toml").unlink()
    again = await ingest("--rules", str(rules), "--principals", "user:ana")

    assert again.exit_code == 0, again.stderr
    assert await readers(database, tenant) == {
        "hr/pay.txt": ("group:hr",),
        "leave.md": ("user:ana",),
    }


async def test_rules_in_the_folder_are_not_passed_over_in_silence(
    database: Database, tenant: Tenant, folder: Path, ingest: Ingest
) -> None:
    rules = folder / ".footnote-rules.toml"
    rules.write_text(HR)

    refused = await ingest()
    after_refusal = await readers(database, tenant)
    named = await ingest("--rules", str(rules), "--principals", "tenant:*")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--rules" in refused.stderr
    assert "--principals" in refused.stderr
    assert after_refusal == {}
    assert named.exit_code == 0, named.stderr
    assert await readers(database, tenant) == {
        "hr/pay.txt": ("group:hr",),
        "leave.md": ("tenant:*",),
    }


@pytest.mark.parametrize(
    "content",
    ["[[rules]", '[[rules]]\npattern = "hr/**"\n', HR.replace("group:hr", "everybody"), ""],
)
async def test_a_file_that_is_no_rules_ends_the_command_before_anything_is_stored(
    database: Database, tenant: Tenant, tmp_path: Path, ingest: Ingest, content: str
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(content)

    done = await ingest("--rules", str(rules))

    assert (done.exit_code, done.stdout) == (1, "")
    assert "source_rules_invalid" in done.stderr
    assert await readers(database, tenant) == {}


async def test_a_dry_run_tells_what_the_rules_refuse(
    database: Database, tenant: Tenant, tmp_path: Path, ingest: Ingest
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(HR)

    done = await ingest("--rules", str(rules), "--dry-run")

    assert changes(done) == {"hr/pay.txt": "new", "leave.md": "refused"}
    assert await readers(database, tenant) == {}
