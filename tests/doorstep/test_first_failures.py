"""What a newcomer's machine refuses, through the real command line at its default settings."""

import socket
from pathlib import Path

import pytest

from tests.footnote.processes import run_footnote

pytestmark = pytest.mark.end_to_end

ASK = ("ask", "When does the ferry leave?", "--tenant", "acme")
CASES = {
    "home is a file": (("worker",), "home_unusable", "set FOOTNOTE_HOME"),
    "home cannot be made": (ASK, "home_unusable", "set FOOTNOTE_HOME"),
    "port in use": (("up", "--port"), "address_unusable", "--port"),
    "no database": (ASK, "database_unavailable", "Check FOOTNOTE_DATABASE_URL"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_refusal_is_one_line_that_says_what_to_do(case: str, tmp_path: Path) -> None:
    command, code, remedy = CASES[case]
    (tmp_path / "file").touch()
    home = {"home is a file": str(tmp_path / "file"), "home cannot be made": "/proc/footnote"}
    url = "postgresql://127.0.0.1:1/none" if case == "no database" else ""
    environment = {
        "FOOTNOTE_HOME": home.get(case, str(tmp_path / "home")),
        "FOOTNOTE_DATABASE_URL": url,
    }
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = [str(taken.getsockname()[1])] if case == "port in use" else []
        ended = await run_footnote(*command, *port, environment=environment)

    [line] = ended.stderr.splitlines()
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert line.startswith("footnote: ")
    assert line.endswith(f"[{code}]")
    assert remedy in line
