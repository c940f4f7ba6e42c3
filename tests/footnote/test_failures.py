"""What a home, a port or a database refuses: one line that says what to do, exit code 1."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from kb.postgres import embedded_postgres
from kb.postgres.connecting import conninfo
from kb.postgres.embedded_postgres import database_url as server_url
from kb.settings import Settings
from migrations.run import upgrade
from tests.architecture.databases import with_database, with_login
from tests.footnote.processes import ROOT, Finished, free_port, run_here

NOTE = str(Path(__file__))
SERVICES = [["up", "--port", "1"], ["api", "--port", "1"], ["worker"]]
ONE_OFF = [
    ["ingest", NOTE, "--tenant", "nobody"],
    ["ask", "When does the ferry leave?", "--tenant", "nobody"],
    ["search", "ferry", "--tenant", "nobody"],
    ["tenant", "create", "acme"],
    ["key", "create", "--tenant", "nobody"],
]
COMMANDS = [*SERVICES, *ONE_OFF]


def name_of(command: Sequence[str]) -> str:
    return " ".join(command[: 2 if command[0] in {"tenant", "key", "db"} else 1])


each_command = pytest.mark.parametrize("command", COMMANDS, ids=name_of)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres, "SERVICE_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(embedded_postgres, "PATIENCE_SECONDS", 0.0)


@pytest.fixture(name="free_port")
def port_of_nobody() -> int:
    return free_port()


def on_port(command: list[str], port: int) -> list[str]:
    return [str(port) if part == "1" else part for part in command]


def assert_one_line(ended: Finished, code: str, *words: str) -> None:
    """One line, with the code and what to do; no traceback."""
    assert ended.exit_code == 1, ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("footnote: ")
    assert lines[0].endswith(f"[{code}]")
    for word in words:
        assert word in lines[0]


async def failed(command: list[str], port: int, **environment: str) -> Finished:
    return await run_here(*on_port(command, port), environment=environment)


@each_command
@pytest.mark.parametrize("below", [False, True], ids=["file", "below a file"])
async def test_a_home_that_is_a_file(
    command: list[str], free_port: int, tmp_path: Path, *, below: bool
) -> None:
    (tmp_path / "a file").touch()
    home = tmp_path / "a file" / "home" if below else tmp_path / "a file"

    ended = await failed(command, free_port, FOOTNOTE_HOME=str(home), FOOTNOTE_DATABASE_URL="")

    assert_one_line(ended, "home_unusable", "FOOTNOTE_HOME", str(home))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@each_command
async def test_a_home_without_permission(
    command: list[str], free_port: int, tmp_path: Path
) -> None:
    os.chmod(tmp_path, 0o500)  # noqa: PTH101  # a path of an async test

    ended = await failed(
        command, free_port, FOOTNOTE_HOME=str(tmp_path / "home"), FOOTNOTE_DATABASE_URL=""
    )

    assert_one_line(ended, "home_unusable", "may not be written")


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts, which only root may"
)
@pytest.mark.parametrize(("how", "code"), [("ro", "home_unusable"), ("full", "disk_full")])
def test_a_home_on_a_disk_that_takes_nothing(
    how: str, code: str, free_port: int, tmp_path: Path
) -> None:
    commands = [on_port(command, free_port) for command in COMMANDS]
    doctor = ["doctor", "--json"]
    ended = subprocess.run(  # noqa: S603  # our own
        [
            *("unshare", "-m", sys.executable, "-m", "tests.footnote.namespaced"),
            *(str(tmp_path), how, json.dumps([*commands, doctor])),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if "mount" in ended.stderr and not ended.stdout:
        pytest.skip(f"may not mount here: {ended.stderr.splitlines()[-1]}")
    *ends, report = [Finished(**each) for each in json.loads(ended.stdout)]

    for one in ends:
        assert_one_line(one, code, str(tmp_path))
    status_by_name = {each["name"]: each["status"] for each in json.loads(report.stdout)["checks"]}
    assert report.exit_code == 1
    assert status_by_name["parser"] == "ok"
    if how == "ro":
        assert status_by_name["home"] == "failed"
        assert status_by_name["database"] == status_by_name["disk space"] == "skipped"
    else:
        assert status_by_name["disk space"] == status_by_name["database"] == "failed"
        assert status_by_name["queue"] == "skipped"


@pytest.mark.parametrize("command", SERVICES[:2], ids=name_of)
async def test_a_port_in_use_is_said_before_anything_starts(
    command: list[str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = await failed(command, port, FOOTNOTE_HOME=str(home), FOOTNOTE_DATABASE_URL="")

    assert_one_line(ended, "address_unusable", f"Port {port}", "in use", "--port")
    assert ended.stdout == ""
    assert not home.exists()


@pytest.mark.parametrize(
    ("host", "words"),
    [("192.0.2.1", "no address of this machine"), ("no.such.invalid", "no address or name")],
)
async def test_an_address_of_another_machine(
    host: str, words: str, free_port: int, tmp_path: Path
) -> None:
    ended = await failed(
        ["up", "--host", host, "--port", "1"], free_port, FOOTNOTE_HOME=str(tmp_path / "home")
    )

    assert_one_line(ended, "address_unusable", words, "--host")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of this file's own, which asks one login for a password."""
    home = tmp_path_factory.mktemp("home")
    with server_url(Settings(home=home, database_url=None, _env_file=None)) as url:
        rules = home / "postgres" / "pg_hba.conf"
        rules.write_text("local all locked scram-sha-256\n" + rules.read_text())
        with psycopg.connect(conninfo(url), autocommit=True) as connection:
            connection.execute("CREATE ROLE locked LOGIN PASSWORD 'right'")
            connection.execute("CREATE ROLE weak LOGIN")
            connection.execute("SELECT pg_reload_conf()")
            for name in ("bare", "current", "older", "newer", "unfit"):
                connection.execute(f"CREATE DATABASE {name}")
            # Where the server looks for extensions, since Postgres 18.
            connection.execute("ALTER DATABASE unfit SET extension_control_path = '/nowhere'")
        for name, number in (("current", None), ("older", "0001"), ("newer", "9999")):
            upgrade(with_database(url, name))
            if number is not None:
                with psycopg.connect(conninfo(with_database(url, name))) as connection:
                    connection.execute("UPDATE alembic_version SET version_num = %s", (number,))
        yield url


SITUATIONS = {
    "wrong host": ("database_unavailable", ["cannot be reached", "FOOTNOTE_DATABASE_URL"]),
    "wrong password": ("database_unfit", ["password authentication failed", "refuses the login"]),
    "no such database": ("database_unfit", ["does not exist", "FOOTNOTE_DATABASE_URL"]),
    "no url": ("database_unfit", ["FOOTNOTE_DATABASE_URL"]),
    "no schema": ("schema_out_of_date", ["footnote db upgrade"]),
    "older schema": ("schema_out_of_date", ["footnote db upgrade"]),
    "newer schema": ("schema_out_of_date", ["newer release"]),
    "no pgvector": ("database_unfit", ["pgvector", "install"]),
    "few rights": ("database_unfit", ["permission denied", "docs/how-to/install.md"]),
}
MIGRATES = {"up", "db upgrade"}


def url_for(situation: str, server: str) -> str:
    return {
        "wrong host": "postgresql://127.0.0.1:1/none",
        "wrong password": with_login(server, "locked").replace("locked", "locked:wrong", 1),
        "no such database": with_database(server, "absent"),
        "no url": "postgresql://user:p%40ss@[host/x",
        "no schema": with_database(server, "bare"),
        "older schema": with_database(server, "older"),
        "newer schema": with_database(server, "newer"),
        "no pgvector": with_database(server, "unfit"),
        "few rights": with_login(with_database(server, "bare"), "weak"),
    }[situation]


def applies(situation: str, command: Sequence[str]) -> bool:
    """What migrates meets what the schema needs; what does not, a schema that is none or old."""
    if situation in {"no schema", "older schema"}:
        return name_of(command) not in MIGRATES
    if situation in {"no pgvector", "few rights"}:
        return name_of(command) in MIGRATES
    return True


CASES = [
    pytest.param(situation, command, id=f"{situation}: {name_of(command)}")
    for situation in SITUATIONS
    for command in [*COMMANDS, ["db", "upgrade"]]
    if applies(situation, command)
]


@pytest.mark.parametrize(("situation", "command"), CASES)
async def test_a_database_that_cannot_be_used(
    situation: str, command: list[str], server: str, free_port: int, tmp_path: Path
) -> None:
    code, words = SITUATIONS[situation]

    ended = await failed(
        command,
        free_port,
        FOOTNOTE_HOME=str(tmp_path / "home"),
        FOOTNOTE_DATABASE_URL=url_for(situation, server),
    )

    assert_one_line(ended, code, *words)
    assert "wrong@" not in ended.stderr
    assert "p%40ss" not in ended.stderr


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_doctor_says_it_and_goes_on(situation: str, server: str, tmp_path: Path) -> None:
    environment = {
        "FOOTNOTE_HOME": str(tmp_path / "home"),
        "FOOTNOTE_DATABASE_URL": url_for(situation, server),
    }

    ended = await run_here("doctor", "--json", environment=environment)

    checks = {each["name"]: each for each in json.loads(ended.stdout)["checks"]}
    assert ended.exit_code == 1
    assert checks["home"]["status"] == "ok"
    failing = "schema" if "schema" in situation else "database"
    if situation in {"no pgvector", "few rights"}:
        failing = "pgvector" if situation == "no pgvector" else "schema"
    assert checks[failing]["status"] == "failed", checks
    assert checks[failing]["mend"]
    assert (checks["queue"]["status"], checks["queue"]["ok"]) == ("skipped", None)
