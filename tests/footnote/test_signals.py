"""A command that started the embedded Postgres stops it, however it is told to end."""

import asyncio
import signal
from pathlib import Path

import psutil
import pytest

from kb.postgres.postmaster import is_running, postmaster_of
from tests.footnote.processes import python

pytestmark = pytest.mark.end_to_end

START_SECONDS = 120


async def started(home: Path) -> psutil.Process:
    """The server of the home, once it is ready."""
    async with asyncio.timeout(START_SECONDS):
        while not postmaster_of(home).is_ready():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
    process = postmaster_of(home).process()
    assert process is not None
    return process


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ask", "When does the ferry leave?", "--tenant", "nobody"], id="ask"),
        pytest.param(["ingest", str(Path(__file__).parent), "--tenant", "nobody"], id="ingest"),
        pytest.param(["db", "prune"], id="db prune"),
    ],
)
async def test_sigterm_on_a_command_stops_the_database_it_started(
    command: list[str], tmp_path: Path
) -> None:
    environment = {"FOOTNOTE_HOME": str(tmp_path), "FOOTNOTE_DATABASE_URL": ""}
    async with python(
        ["-m", "footnote", *command], environment=environment, folder=tmp_path
    ) as process:
        # The schema is being made now, which takes longer than a signal.
        server = await started(tmp_path)
        process.send_signal(signal.SIGTERM)

        assert await process.wait() == 128 + signal.SIGTERM

    assert not is_running(server)
