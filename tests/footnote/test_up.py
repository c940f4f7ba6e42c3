"""`footnote up`: everything in one process tree, which can be killed, stopped and started again."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kb.postgres.embedded_postgres import database_url
from kb.private_folders import open_to_others
from kb.settings import Settings
from tests.footnote.processes import python
from tests.ingest.files.builders import encrypted_pdf_file

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc"),
]

START_SECONDS = 120
"""Ten on an idle machine; tests may share theirs."""

BACK_SECONDS = 60
"""For a database that somebody killed."""

FERRY = "The ferry leaves at nine."
BRIDGE = "The bridge opens at noon."


@dataclass(frozen=True, kw_only=True)
class Up:
    """A running `footnote up`."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    home: Path
    log_path: Path

    def events(self) -> list[str]:
        """What the log tells, without the lines of libraries."""
        lines = [json.loads(line) for line in self.log_path.read_text().splitlines()]
        return [line["event"] for line in lines if "logger" not in line]

    async def until_it_says(self, event: str) -> None:
        """Returns when the log has a line of that event; the last one may still be written."""
        async with asyncio.timeout(START_SECONDS):
            while event not in self.log_path.read_text().rpartition("\n")[0]:  # noqa: ASYNC110  # a file tells nobody
                await asyncio.sleep(0.05)

    def worker_pid(self) -> int | None:
        """The worker's process, None while there is none."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = stat.read_text().rpartition(")")[2].split()[1]
                command = (stat.parent / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == self.process.pid and b"worker" in command:
                return int(stat.parent.name)
        return None

    def postgres_pid(self) -> int:
        """The embedded server's process."""
        return int((self.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    async def upload(self, key: str, content: str) -> None:
        """Stores a note and returns when it can be found."""
        headers = {"Authorization": f"Bearer {key}"}
        response = await self.http.post("/v1/documents", headers=headers, json={"text": content})
        path = f"/v1/jobs/{response.json()['job']['id']}"
        job = response.json()["job"]
        async with asyncio.timeout(START_SECONDS):
            while job["status"] not in {"succeeded", "failed"}:
                job = (await self.http.get(path, headers=headers, params={"wait": 10})).json()
        assert job["status"] == "succeeded", job

    async def upload_what_cannot_be_read(self, key: str) -> None:
        """Stores a file with a password, and returns when its job has failed."""
        headers = {"Authorization": f"Bearer {key}"}
        files = {"file": ("locked.pdf", encrypted_pdf_file("secret"))}
        response = await self.http.post("/v1/documents", headers=headers, files=files)
        path = f"/v1/jobs/{response.json()['job']['id']}"
        job = (await self.http.get(path, headers=headers, params={"wait": 30})).json()
        assert job["status"] == "failed", job

    async def found(self, key: str, query: str, *, until_back: float = 0) -> set[str]:
        """The texts that a search finds; for so many seconds the answer may be 503."""
        headers = {"Authorization": f"Bearer {key}"}
        until = asyncio.get_running_loop().time() + until_back
        while True:
            response = await self.http.post("/v1/search", headers=headers, json={"query": query})
            is_away = response.status_code == httpx.codes.SERVICE_UNAVAILABLE
            if not is_away or asyncio.get_running_loop().time() > until:
                break
            await asyncio.sleep(0.05)
        assert response.status_code == httpx.codes.OK, response.text
        return {hit["text"] for hit in response.json()["data"]}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of its own, which is open to others at first."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    yield home
    if (home / "postgres" / "postmaster.pid").exists():
        take_over_and_stop(home)


def take_over_and_stop(home: Path) -> None:
    """Stops a server whose users were all killed."""
    with database_url(Settings(home=home, database_url=None)):
        """Using it and leaving is enough."""


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Up]:
    """`footnote up` on a free port, ready; killed at the end if it still runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "footnote", "up", "--port", str(port)]
    environment = {
        "FOOTNOTE_HOME": str(home),
        "FOOTNOTE_DATABASE_URL": "",
        "FOOTNOTE_STALLED_JOB_SECONDS": "5",
        "FOOTNOTE_MISSPELT": "1",
    }
    log_path = home.with_name("up.log")
    async with (
        logged(command, environment, home, log_path) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        up = Up(process=process, http=http, home=home, log_path=log_path)
        async with asyncio.timeout(START_SECONDS):
            while not await is_ready(up):
                if process.returncode is not None:
                    pytest.fail(log_path.read_text())
                await asyncio.sleep(0.1)
        yield up


@asynccontextmanager
async def logged(
    command: list[str], environment: dict[str, str], home: Path, log_path: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The running command; what it logs goes to a file."""
    with log_path.open("wb") as log:
        async with python(
            command, environment=environment, folder=home, is_heard=True, log=log
        ) as process:
            yield process


async def is_ready(up: Up) -> bool:
    try:
        return (await up.http.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def until_gone(*pids: int) -> None:
    """Returns when none of the processes is left."""
    async with asyncio.timeout(START_SECONDS):
        while any(is_alive(pid) for pid in pids):  # noqa: ASYNC110  # nobody tells of their end
            await asyncio.sleep(0.05)


def is_alive(pid: int) -> bool:
    """False for a process that has ended, also when nobody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


FAILED = ("failed", "document_encrypted")


async def ingested_by_the_worker(up: Up) -> dict[tuple[str, str], float]:
    """The worker's counts of documents by status and code, as `/metrics` of the API shows them."""
    text = (await up.http.get("/metrics")).text
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]
    series = [(sample.name, *sorted(sample.labels.items())) for sample in samples]
    assert len(series) == len(set(series))
    start_by_process = {
        sample.labels.get("process", "api"): sample.value
        for sample in samples
        if sample.name == "process_start_time_seconds"
    }
    assert start_by_process["api"] < start_by_process["worker"]
    return {
        (sample.labels["status"], sample.labels["code"]): sample.value
        for sample in samples
        if sample.name == "footnote_ingest_total" and sample.labels["process"] == "worker"
    }


def check_what_the_log_tells(up: Up, key: str, pids: tuple[int, ...]) -> None:
    """Every line is JSON, its time first; processes, documents and requests are told of."""
    log = up.log_path.read_text()
    lines = [json.loads(line) for line in log.splitlines()]

    def told(event: str, **fields: object) -> list[dict[str, Any]]:
        return [line for line in lines if line["event"] == event and fields.items() <= line.items()]

    assert {tuple(line)[:3] for line in lines} == {("timestamp", "level", "event")}
    assert {line["timestamp"][-1] for line in lines} == {"Z"}
    for process, pid, reason in zip(
        ("api", "worker", "postgres"), pids, ("SIGTERM", "SIGTERM", "unused"), strict=True
    ):
        (started,) = told("process.started", process=process, pid=pid)
        assert started["version"]
        (stopped,) = told("process.stopped", process=process, pid=pid)
        assert stopped["reason"] == reason
    assert len(told("process.started", process="worker")) == 2
    (listening,) = told("api.listening")
    assert listening["port"] == up.http.base_url.port
    assert told("setting.unknown") == told("setting.unknown", variable="FOOTNOTE_MISSPELT")
    assert len(told("setting.unknown")) == 1
    first, second = told("document.ingested", version=1, pages=None, chunks=1, warnings=0)
    assert first["document_id"] != second["document_id"]
    assert first["seconds"] > 0
    (failed,) = told("document.failed", code="document_encrypted", attempt=1)
    assert (failed["level"], failed["message"][:12]) == ("warning", "The document")
    assert {"tenant_id", "job_id", "document_id"} <= failed.keys()
    prefix = "_".join(key.split("_")[:2])
    assert told("request.handled", route="/v1/documents", status=202, key_prefix=prefix)
    for secret in (key, key[len(prefix) + 1 :], FERRY, BRIDGE, "ferry leave", "locked.pdf"):
        assert secret not in log


async def first_key(up: Up) -> str:
    """The key that is printed at the very first start."""
    assert up.process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        while True:
            line = (await up.process.stdout.readline()).decode().strip()
            if line.startswith("fn_"):
                return line


async def test_up_survives_worker_and_database_stops_when_told_and_starts_again_with_all_data(
    home: Path,
) -> None:
    async with running(home) as up:
        key = await first_key(up)
        await up.upload(key, FERRY)
        await up.upload_what_cannot_be_read(key)
        assert await ingested_by_the_worker(up) == {("succeeded", ""): 1, FAILED: 1}
        assert await up.found(key, "When does the ferry leave?") == {FERRY}
        first_worker = up.worker_pid()
        assert first_worker is not None

        os.kill(first_worker, signal.SIGKILL)
        await up.upload(key, BRIDGE)
        second_worker = up.worker_pid()
        assert second_worker not in {None, first_worker}
        # It begins to count anew, and nothing is told twice.
        assert await ingested_by_the_worker(up) == {("succeeded", ""): 1}

        first_postgres = up.postgres_pid()
        os.kill(first_postgres, signal.SIGKILL)
        assert await up.found(key, "When does the ferry leave?", until_back=BACK_SECONDS) == {
            FERRY,
            BRIDGE,
        }
        assert up.postgres_pid() != first_postgres
        # It answers a moment before whoever started it says so.
        await up.until_it_says("postgres.restarted")
        assert up.events().count("postgres.restarted") == 1

        assert list(open_to_others(home)) == []

        everything = (up.process.pid, second_worker or 0, up.postgres_pid())
        up.process.send_signal(signal.SIGTERM)
        assert await up.process.wait() == 0
        await until_gone(*everything)
        check_what_the_log_tells(up, key, everything)

    async with running(home) as up:
        assert await up.found(key, "When does the ferry leave?") == {FERRY, BRIDGE}
        worker, postgres = up.worker_pid(), up.postgres_pid()

        up.process.kill()
        stdout, _ = await up.process.communicate()
        assert b"fn_" not in stdout
        # The worker ends by itself then, and stops the database as the last who uses it.
        await until_gone(worker or 0, postgres)
