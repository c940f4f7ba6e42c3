"""Commands load what they run, and nothing else: help and wrong usage answer at once."""

import json
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from footnote.cli import MODULE_BY_LATE_COMMAND, app
from tests.footnote.processes import python, run_footnote

MODELS = {"torch", "transformers", "sentence_transformers", "openvino", "optimum", "tokenizers"}
SERVING = {"fastapi", "starlette", "uvicorn", "uvloop", "openai", "tantivy", "kreuzberg"}
HEAVY = MODELS | SERVING | {"scipy", "sklearn", "alembic", "procrastinate", "fsspec"}
"""What a command that works on the database alone needs not."""

INGESTING = {"ingest", "kreuzberg", "langchain_core", "langchain_text_splitters"}
ANSWERING = {"app", "fastapi", "starlette", "uvicorn", "tantivy", "limits"}
LANGUAGE_MODELS = {"openai", "httpx2", "aiohttp"}
"""What one of API and worker needs not, or neither where no language model is configured."""

UNUSED = HEAVY | {"numpy", "prometheus_client", "httpx", "rich.progress", "sqlalchemy.orm"}
"""What these commands need not either, unless they are told to compute, to call or to wait."""

DATABASE = {"sqlalchemy", "psycopg", "numpy", "structlog", "prometheus_client", "httpx"}
"""What parsing needs not either."""

RUN_ALL = """
import json, sys
from footnote.cli import run
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["footnote", *arguments]
    print(run(), file=sys.stderr)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""

COLLECTIONS = """
import gc, sys
from footnote.cli import run
before = gc.get_threshold(), gc.get_stats()[2]["collections"]
sys.argv = ["footnote", *sys.argv[1:]]
run()
after = gc.get_threshold(), gc.get_stats()[2]["collections"]
print(f"{before} {after}", file=sys.stderr)
sys.exit(before != after or not gc.get_freeze_count())
"""
"""Ends with 0 when the garbage collector has not looked through the modules and never will."""


AFTER_MAIN = """
import json, os, sys
from footnote import cli
from kb import stopping
stopping.exit_now = lambda _code: None
os.environ.pop("OPENBLAS_NUM_THREADS", None)
os.environ.update(json.loads(sys.argv[1]))
sys.argv = ["footnote", "--version"]
cli.main()
assert "numpy" not in sys.modules
import numpy
print(os.environ["OPENBLAS_NUM_THREADS"], len(os.listdir("/proc/self/task")), file=sys.stderr)
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
    """The exit codes of the commands, run by one process one after the other, and its modules."""
    command = ["-c", RUN_ALL, json.dumps(command_lines)]
    async with python(command, environment=environment, is_heard=True) as process:
        _, stderr = await process.communicate()
    lines = stderr.decode().splitlines()
    codes = [int(line) for line in lines if line.isdecimal()]
    return codes, set(json.loads(lines[-1]))


async def test_help_and_wrong_usage_load_nothing(environment: dict[str, str]) -> None:
    explained = [[*path, "--help"] for path in command_lines(get_command(app))]
    wrong = [["ask", "why"], ["tenant", "lst"], ["up", "--port", "many"], ["key", "create", "-x"]]

    codes, modules = await after([*explained, ["--version"], *wrong], environment)

    assert codes == [0] * (len(explained) + 1) + [2] * len(wrong)
    assert modules & (HEAVY | DATABASE) == set()


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

    codes, modules = await after(done, environment)

    assert codes == [0] * len(done)
    assert modules & UNUSED == set()


@pytest.mark.end_to_end
async def test_a_tenant_that_is_none_is_told_before_a_model_is_loaded(
    environment: dict[str, str],
) -> None:
    nobody = ["why", "--tenant", "nobody"]

    codes, modules = await after([["ask", *nobody], ["search", *nobody]], environment)

    assert codes == [1, 1]
    # The words of a request are counted with tokenizers.
    assert modules & (MODELS - {"tokenizers"}) == set()


@pytest.mark.end_to_end
async def test_a_brief_command_does_not_look_through_its_modules_for_garbage(
    environment: dict[str, str],
) -> None:
    command = ["-c", COLLECTIONS, "tenant", "list"]
    async with python(command, environment=environment, is_heard=True) as process:
        _, stderr = await process.communicate()

    assert process.returncode == 0, stderr.decode()


async def test_a_service_is_loaded_without_a_look_for_garbage(
    environment: dict[str, str],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = ["-c", COLLECTIONS, "api", "--port", port]
        async with python(command, environment=environment, is_heard=True) as process:
            _, stderr = await process.communicate()

    assert "[address_unusable]" in stderr.decode()
    assert process.returncode == 0, stderr.decode()


async def test_an_api_loads_nothing_that_ingests_and_no_client_of_language_models(
    environment: dict[str, str],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        codes, modules = await after([["api", "--port", port]], environment)

    assert codes == [1]
    assert "fastapi" in modules
    assert modules & (INGESTING | LANGUAGE_MODELS) == set()


async def test_up_can_start_its_worker_before_it_loads_what_the_api_needs() -> None:
    loaded = "import json, sys; from footnote.commands import serve_all; "
    told = "print(json.dumps(sorted(sys.modules)))"
    async with python(["-c", loaded + told], environment={}, is_heard=True) as process:
        stdout, stderr = await process.communicate()

    assert process.returncode == 0, stderr.decode()
    assert set(json.loads(stdout)) & (ANSWERING | INGESTING | MODELS | {"numpy"}) == set()


@pytest.mark.end_to_end
async def test_a_worker_loads_nothing_that_answers_or_serves(environment: dict[str, str]) -> None:
    codes, modules = await after([["worker", "--until-empty"]], environment)

    assert codes == [0]
    assert "kreuzberg" in modules
    assert modules & (ANSWERING | LANGUAGE_MODELS) == set()


async def test_no_package_that_happens_to_be_installed_is_asked_about_settings(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    described = folder / "stranger-1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1\n")
    (described / "entry_points.txt").write_text("[pydantic]\nstranger = stranger:plugin\n")
    (folder / "stranger.py").write_text("import sys\nsys.exit(3)\n")
    finished = await run_footnote(
        "prompts", "--json", environment=environment | {"PYTHONPATH": str(folder)}
    )

    assert finished.exit_code == 0, finished.stderr


async def test_what_needs_no_database_loads_none(environment: dict[str, str]) -> None:
    codes, modules = await after([["prompts", "--json"]], environment)

    assert codes == [0]
    assert modules & (HEAVY | {"sqlalchemy", "psycopg", "numpy"}) == set()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts threads in /proc")
@pytest.mark.parametrize("given", [{}, {"OPENBLAS_NUM_THREADS": "2"}])
async def test_numpy_has_one_thread_unless_the_operator_says_otherwise(
    given: dict[str, str],
) -> None:
    async with python(["-c", AFTER_MAIN, json.dumps(given)], environment={}, is_heard=True) as main:
        _, stderr = await main.communicate()

    set_to, threads = stderr.decode().split()
    assert set_to == (given.get("OPENBLAS_NUM_THREADS") or "1")
    assert given or threads == "1"
