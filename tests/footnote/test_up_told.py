"""`footnote up` as its user sees it: what it tells, the commands that it prints, how it stops."""

import asyncio
import json
import os
import pty
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from kb.settings import Settings
from kb.stopping import SAME_REQUEST_SECONDS
from tests.footnote.processes import Finished, free_port, python, run_footnote

pytestmark = pytest.mark.end_to_end

PATIENCE_SECONDS = 120


class Told:
    """A running `footnote up`, whose stdout is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process, environment: dict[str, str]) -> None:
        """Has read nothing yet."""
        self.process = process
        self.environment = environment
        self.lines: list[str] = []

    async def until(self, words: str) -> str:
        """The first further line that has the words."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while read := await self.process.stdout.readline():
                self.lines.append(read.decode().rstrip("\n"))
                if words in self.lines[-1]:
                    return self.lines[-1]
        pytest.fail("\n".join(self.lines))

    async def shell(self, script: str) -> dict[str, object]:
        """The JSON that the commands print when they are pasted into a shell."""
        shell = await asyncio.create_subprocess_exec(
            "bash", "-ec", script, stdout=asyncio.subprocess.PIPE
        )
        stdout, _ = await shell.communicate()
        returned: dict[str, object] = json.loads(stdout)
        return returned


@asynccontextmanager
async def up(home: Path) -> AsyncIterator[Told]:
    """`footnote up` on a free port, which may still be starting."""
    environment = {"FOOTNOTE_HOME": str(home), "FOOTNOTE_DATABASE_URL": ""}
    command = ["-m", "footnote", "up", "--port", str(free_port())]
    with home.with_name("up.log").open("ab") as log:
        async with python(
            command, environment=environment, folder=home, is_heard=True, log=log
        ) as process:
            yield Told(process, environment)


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(settings.home_path / "models")
    return home


async def keep_asking(url: str, key: str) -> None:
    """Uploads long notes and follows answers, one after the other, until the service is gone."""
    headers = {"Authorization": f"Bearer {key}"}
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
            for number in range(1_000):
                text = "\n\n".join(f"The ferry {number}.{part} leaves." for part in range(3_000))
                await http.post("/v1/documents", json={"text": text})
                asked = {"question": "When does the ferry to the island leave?", "stream": True}
                async with http.stream("POST", "/v1/answers", json=asked) as response:
                    async for _ in response.aiter_lines():
                        pass


async def got(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=90, headers=headers) as http:
        return await http.get(url)


def only_line(ended: Finished) -> str:
    assert ended.exit_code == 1
    [line] = ended.stderr.splitlines()
    return line


async def test_up_tells_its_steps_how_to_begin_and_how_it_stopped(home: Path) -> None:
    async with up(home) as told:
        url = re.findall(r"http://[\d.:]+", await told.until("Footnote listens"))[0]
        # It is announced once it answers, not before.
        assert (await got(f"{url}/healthz")).status_code == httpx.codes.OK
        steps = [line.partition("] ")[2].partition(" in ")[0] for line in told.lines[:-1]]
        assert steps == [
            "starting the database",
            "bringing the schema up to date",
            "starting the worker",
            "loading the embedding model all-MiniLM-L6-v2",
        ]

        await told.until("When does the ferry to the island leave?")
        key = next(line for line in told.lines if line.startswith("fn_"))
        pasted = [line[2:] for line in told.lines if line.startswith("  ")]
        cut = next(n for n, line in enumerate(pasted) if "/v1/answers" in line)
        stored = await told.shell("\n".join(pasted[:cut]))
        job = stored["job"]
        assert isinstance(job, dict)
        await got(f"{url}/v1/jobs/{job['id']}?wait=60", Authorization=f"Bearer {key}")
        answer = await told.shell("\n".join([pasted[0], *pasted[cut:]]))
        assert answer["status"] == "answered"
        assert "leaves at nine" in str(answer["answer"])

        second = await run_footnote("up", "--port", str(free_port()), environment=told.environment)
        assert only_line(second).endswith("[already_runs]")
        assert f"process {told.process.pid}, {url}" in second.stderr

        load = [asyncio.create_task(keep_asking(url, key)) for _ in range(4)]
        await asyncio.sleep(2)
        told.process.send_signal(signal.SIGTERM)
        last = await told.until("Stopped")
        assert await told.process.wait() == 0
        await asyncio.gather(*load)
        assert told.lines[-2] == "Stopping; Ctrl-C once more stops at once."
        assert re.fullmatch(r"Stopped (in|by force after) \d\.\d s\..*", last)

    async with up(home) as told:
        await told.until("footnote key create --tenant default")
        assert not any(line.startswith("fn_") for line in told.lines)
        told.process.send_signal(signal.SIGINT)
        await told.until("Stopping")
        await asyncio.sleep(2 * SAME_REQUEST_SECONDS)
        with suppress(ProcessLookupError):
            told.process.send_signal(signal.SIGINT)
        await told.until("Stopped")
        assert await told.process.wait() == 128 + signal.SIGINT


async def read_terminal(terminal: int, *, until: str) -> str:
    """What was written to a terminal until those words were there, or nobody has it open."""
    written = ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while until not in written:
            try:
                read = await asyncio.to_thread(os.read, terminal, 65_536)
            except OSError:
                break
            written += read.decode(errors="replace")
            if not read:
                break
    return written


@pytest.mark.parametrize("signals", [1, 2])
async def test_ctrl_c_ends_ingest_and_says_how_to_go_on(
    signals: int, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(200):
        text = "\n\n".join(f"The ferry {number}.{part} leaves at nine." for part in range(200))
        (folder / f"note-{number}.md").write_text(text)
    environment = {"FOOTNOTE_HOME": str(home), "FOOTNOTE_DATABASE_URL": "", "TERM": "xterm"}
    made = await run_footnote("tenant", "create", "acme", environment=environment)
    assert made.exit_code == 0, made.stderr
    command = ["-m", "footnote", "ingest", str(folder), "--tenant", "acme"]
    terminal, other_side = pty.openpty()
    with os.fdopen(other_side, "wb") as stderr:
        async with python(
            command, environment=environment, folder=home, is_heard=True, log=stderr
        ) as process:
            stderr.close()
            bar = await read_terminal(terminal, until="note-1")
            process.send_signal(signal.SIGINT)
            if signals == 2:
                await asyncio.sleep(2 * SAME_REQUEST_SECONDS)
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGINT)
            said = await read_terminal(terminal, until="never said")
            assert await process.wait() == 128 + signal.SIGINT
    os.close(terminal)

    assert re.search(r"\d+/200 files", bar)
    assert "Traceback" not in said
    if signals == 1:
        assert re.search(r"Stopped: \d+ of 200 files are done\. Run the same command again", said)
