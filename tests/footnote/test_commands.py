"""The command line: what scripts rely on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from footnote.cli import app
from kb.errors import CredentialInvalid
from kb.postgres.database import Database
from kb.store.credentials import authenticate
from tests.footnote.processes import Finished, run_footnote, run_here


def command_lines(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, and of every group of commands."""
    yield path
    if isinstance(group, TyperGroup):
        for name in group.list_commands(typer.Context(group)):
            command = group.get_command(typer.Context(group), name)
            yield from command_lines(command, (*path, name))


NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMMANDS = list(command_lines(get_command(app)))


def single_json(output: Finished) -> dict[str, object]:
    """The one JSON value that the command printed; nothing else may be on stdout."""
    assert output.exit_code == 0, output.stderr
    value = json.loads(output.stdout)
    assert isinstance(value, dict)
    return value


def assert_fails_with_one_line(output: Finished, words: str) -> None:
    assert output.exit_code == 1
    assert output.stdout == ""
    [line] = output.stderr.splitlines()
    assert line.startswith("footnote: ")
    assert words in line


def test_all_promised_commands_are_there() -> None:
    promised = {
        *[("up",), ("api",), ("worker",), ("ingest",), ("search",), ("ask",), ("doctor",)],
        *[("demo",), ("tenant", "create"), ("key", "create"), ("db", "upgrade")],
        # Benchmarks in a checkout only, as this one is.
        *[("eval",), ("bench",)],
    }

    assert promised <= set(COMMANDS)


def test_every_command_explains_itself() -> None:
    for command in COMMANDS:
        result = CliRunner().invoke(app, [*command, "--help"])

        assert (result.exit_code, "Usage:" in result.stdout) == (0, True), command


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["tenant"],
        ["tenant", "create"],
        ["key", "create"],
        ["search", "words"],
        ["search", "words", "--tenant", "a", "--top-k", "0"],
        ["search", "words", "--tenant", "a", "--colection", "b"],
        ["ingest", "no-such-file", "--tenant", "a"],
        ["up", "--port", "many"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 2


@pytest.mark.end_to_end
async def test_a_tenant_and_its_key_are_made_for_scripts(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    name = f"acme {uuid4()}"

    tenant = single_json(
        await run_footnote(
            "tenant", "create", name, "--json", environment=environment, folder=tmp_path
        )
    )
    key = single_json(
        await run_here(
            *("key", "create", "--tenant", name, "--scopes", "documents:read,search"),
            *("--principals", "user:ana,group:hr", "--act-as", "--json"),
            environment=environment,
        )
    )

    assert set(tenant) == {"id", "name"}
    assert tenant["name"] == name
    assert set(key) == {"id", "prefix", "key"}
    credential = await authenticate(database, str(key["key"]), now=NOW)
    assert str(key["key"]).startswith(str(key["prefix"]))
    assert credential.id == UUID(str(key["id"]))
    assert credential.tenant_id == UUID(str(tenant["id"]))
    assert credential.scopes == {"documents:read", "search", "act_as"}
    assert credential.principals == ("group:hr", "tenant:*", "user:ana")


async def test_a_failure_is_one_line_and_ends_with_1(environment: dict[str, str]) -> None:
    name = f"acme {uuid4()}"
    await run_here("tenant", "create", name, environment=environment)

    duplicate = await run_here("tenant", "create", name, "--json", environment=environment)
    unknown = await run_here("key", "create", "--tenant", "nobody", environment=environment)
    scope = await run_here(
        "key", "create", "--tenant", name, "--scopes", "all", environment=environment
    )
    blank = await run_here("search", " ", "--tenant", name, environment=environment)
    setting = await run_here(
        "doctor", environment={**environment, "FOOTNOTE_WORKER_CONCURRENCY": "many"}
    )

    assert_fails_with_one_line(duplicate, "[already_exists]")
    assert_fails_with_one_line(unknown, "[tenant_not_found]")
    assert_fails_with_one_line(scope, "[invalid_request]")
    assert_fails_with_one_line(blank, "query: ")
    assert_fails_with_one_line(setting, "FOOTNOTE_WORKER_CONCURRENCY: ")


async def test_a_key_can_be_made_to_end(environment: dict[str, str], database: Database) -> None:
    name = f"acme {uuid4()}"
    await run_here("tenant", "create", name, environment=environment)

    created = await run_here(
        "key", "create", "--tenant", name, "--expires-in-days", "1", environment=environment
    )

    key = created.stdout.split()[-1]
    now = datetime.now(UTC)
    await authenticate(database, key, now=now)
    with pytest.raises(CredentialInvalid):
        await authenticate(database, key, now=now + timedelta(days=1, minutes=1))
