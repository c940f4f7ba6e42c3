"""Names that somebody chose, in everything that commands print: shown, never obeyed."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from app.http.answers.schemas import Answer
from app.http.search.schemas import SearchResponse
from footnote.output import PlainConsole, printable
from footnote.show import show_answer, show_hits
from kb.postgres.database import Database
from kb.store.tenants import Tenant, create_tenant
from tests.footnote.processes import Finished, run_here
from tests.service import Service

MARKUP = "[red]ops[/red]:smile:"
CONTROLS = frozenset("\x1b\u202e\x9b")
STEERS = "\x1b[31m\u202e\x9b"


@pytest.fixture
async def tenant(database: Database) -> Tenant:
    async with database.system() as system:
        return await create_tenant(system, f"{MARKUP}{STEERS} {uuid4()}")


def assert_is_shown(done: Finished, name: str) -> None:
    """The name stands there as it is, and nothing that steers a terminal."""
    said = done.stdout + done.stderr
    assert printable(name) in said
    assert not CONTROLS & set(said)


async def test_every_command_shows_a_tenants_name_as_it_is(
    environment: dict[str, str], service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    async def run(*arguments: str) -> Finished:
        return await run_here(*arguments, environment=environment)

    new, of = f"{MARKUP}{STEERS} {uuid4()}", ("--tenant", tenant.name)
    ana = await service.person(tenant.id, "user:ana")
    await ana.post_file("A note.")
    (tmp_path / "[red]ops.md").write_text("")
    (tmp_path / f"a{STEERS}.md").write_text("A note.")

    assert_is_shown(await run("tenant", "list"), tenant.name)
    assert_is_shown(await run("job", "list", *of), tenant.name)
    assert_is_shown(await run("doctor", "consistency", *of), tenant.name)
    for done in (
        await run("tenant", "create", new),
        await run("tenant", "create", new),
        await run("key", "create", "--tenant", f"{MARKUP}{STEERS}"),
        await run("space", "drop", f"{MARKUP}{STEERS}"),
    ):
        # Where Python's repr has the name, it has written the escapes.
        assert MARKUP in done.stdout + done.stderr
        assert not CONTROLS & set(done.stdout + done.stderr)

    await run("collection", "retention", MARKUP, *of, "--days", "9")
    assert_is_shown(await run("collection", "list", *of), MARKUP)
    ingested = await run("ingest", str(tmp_path), *of, "--dry-run")
    assert_is_shown(ingested, "[red]ops.md")
    assert_is_shown(ingested, f"a{STEERS}.md")
    as_json = await run("tenant", "list", "--json")
    assert not CONTROLS & set(as_json.stdout)
    assert tenant.name in {each["name"] for each in json.loads(as_json.stdout)}


async def test_a_usage_error_shows_what_was_typed(environment: dict[str, str]) -> None:
    unknown = await run_here("tenant", MARKUP, environment=environment)

    assert unknown.exit_code == 2
    assert MARKUP in unknown.stderr


async def test_titles_quotes_and_answers_are_text(
    service: Service, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = f"{MARKUP} {STEERS[0]}[31m"
    ana = await service.person(tenant.id, "user:ana")
    await ana.upload(f"The ferry {MARKUP} leaves at nine.", title=hostile)
    found = (await ana.search("ferry")).json()
    asked = (await ana.ask("When does the ferry leave?")).json()

    show_hits(PlainConsole(soft_wrap=True), SearchResponse.model_validate(found))
    show_answer(PlainConsole(soft_wrap=True), Answer.model_validate(asked))

    shown = capsys.readouterr().out
    assert shown.count(printable(hostile)) == 2
    assert f"The ferry {MARKUP} leaves" in shown
    assert not CONTROLS & set(shown)
