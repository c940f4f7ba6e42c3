"""A service on a real terminal writes lines for people, which nothing from outside can forge."""

import asyncio
import os
import pty
import re
from pathlib import Path

import pytest

from tests.footnote.processes import free_port, python

pytestmark = pytest.mark.end_to_end

HOSTILE = "FOOTNOTE_X\r\n2026-01-01T00:00:00Z [info     ] \x1b[2Jforged"


async def read_all(terminal: int) -> str:
    """What was written until the last who had the terminal open has closed it."""
    written = b""
    while True:
        try:
            read = await asyncio.to_thread(os.read, terminal, 65_536)
        except OSError:
            # Linux: nobody has the other side open any more.
            read = b""
        if not read:
            return written.decode()
        written += read


async def test_a_service_on_a_terminal_writes_lines_for_people(
    environment: dict[str, str], tmp_path: Path
) -> None:
    # It ends by itself: once it has its database it reads the policies, which are none.
    (tmp_path / "policy.toml").write_text("not = [toml")
    environment = {
        **environment,
        "FOOTNOTE_HOME": str(tmp_path),
        "FOOTNOTE_LOG_FORMAT": "",
        "NO_COLOR": "1",
        HOSTILE: "1",
    }
    terminal, other_side = pty.openpty()
    command = ["-m", "footnote", "api", "--port", str(free_port())]

    with os.fdopen(other_side, "wb") as log:
        async with python(command, environment=environment, folder=tmp_path, log=log) as process:
            log.close()
            written = await read_all(terminal)
            exit_code = await process.wait()
    os.close(terminal)

    unknown, started, stopped, failure = written.replace("\r\n", "\n").splitlines()
    assert exit_code == 1
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"
    assert re.fullmatch(
        rf"{time} \[info +\] process.started +process=api version=\S+ pid=\d+ home={tmp_path}",
        started,
    )
    assert re.match(rf"{time} \[warning +\] setting.unknown +variable=.*FORGED", unknown)
    assert re.match(
        rf"{time} \[info +\] process.stopped +process=api reason=misconfigured ", stopped
    )
    assert failure.startswith("footnote: ")
    assert "\x1b" not in written
