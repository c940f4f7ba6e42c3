"""Commands load what they run, and nothing else: help and wrong usage answer at once."""

import json
from collections.abc import Iterator, Sequence

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from footnote.cli import MODULE_BY_LATE_COMMAND, app
from tests.footnote.processes import python

MODELS = {"torch", "transformers", "sentence_transformers", "openvino", "optimum", "tokenizers"}
SERVING = {"fastapi", "starlette", "uvicorn", "uvloop", "openai", "tantivy", "kreuzberg"}
HEAVY = MODELS | SERVING | {"scipy", "sklearn", "alembic", "procrastinate", "fsspec"}
"""What a command that works on the database alone needs not."""

DATABASE = {"sqlalchemy", "psycopg", "numpy", "structlog", "prometheus_client", "httpx"}
"""What parsing needs not either."""

RUN_ALL = """
import json, sys
from footnote.cli import run
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["footnote", *arguments]
    print(run(), file=sys.stderr)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def command_lines(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group of commands, but for the late ones."""
    yield path
    if isinstance(group, TyperGroup):
        for name, command in group.commands.items():
            if name not in MODULE_BY_LATE_COMMAND:
                yield from command_lines(command, (*path, name))


async def after(
    command_lines: Sequence[Sequence[str]], environment: dict[str, str]
) -> tuple[list[int], set[str]]:
    """The exit codes of the commands, run by one process one after the other, and its packages."""
    command = ["-c", RUN_ALL, json.dumps(command_lines)]
    async with python(command, environment=environment, is_heard=True) as process:
        _, stderr = await process.communicate()
    lines = stderr.decode().splitlines()
    codes = [int(line) for line in lines if line.isdecimal()]
    return codes, set(json.loads(lines[-1]))


async def test_help_and_wrong_usage_load_nothing(environment: dict[str, str]) -> None:
    explained = [[*path, "--help"] for path in command_lines(get_command(app))]
    wrong = [["ask", "why"], ["tenant", "lst"], ["up", "--port", "many"], ["key", "create", "-x"]]

    codes, packages = await after([*explained, ["--version"], *wrong], environment)

    assert codes == [0] * (len(explained) + 1) + [2] * len(wrong)
    assert packages & (HEAVY | DATABASE) == set()


@pytest.mark.end_to_end
async def test_commands_on_the_database_load_no_model_and_no_server(
    environment: dict[str, str],
) -> None:
    tenant = ["--tenant", "loads nothing"]
    done = [
        ["tenant", "create", "loads nothing"],
        ["tenant", "list", "--json"],
        ["key", "create", *tenant],
        ["job", "list", *tenant],
        ["collection", "list", *tenant],
        ["source", "list", *tenant],
        ["webhook", "list", *tenant],
        ["receipt", "keys"],
        ["db", "upgrade"],
    ]

    codes, packages = await after(done, environment)

    assert codes == [0] * len(done)
    assert packages & HEAVY == set()


async def test_what_needs_no_database_loads_none(environment: dict[str, str]) -> None:
    codes, packages = await after([["prompts", "--json"]], environment)

    assert codes == [0]
    assert packages & (HEAVY | {"sqlalchemy", "psycopg", "numpy"}) == set()
