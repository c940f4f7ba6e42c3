"""`footnote api --processes`: several processes on one port, which live and stop as one."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from footnote.on_database import open_database
from kb.postgres.embedded_postgres import database_url
from kb.postgres.postmaster import is_running, postmaster_of
from kb.settings import Settings
from kb.store.credentials import create_key
from kb.store.tenants import create_tenant
from migrations.run import upgrade
from tests.footnote.processes import free_port, python, run_footnote

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc"),
]

PROCESSES = 2
NAMES = {"api-1", "api-2"}

SOON_SECONDS = 120
"""Ten on an idle machine; tests may share theirs."""

SCOPES = ("documents:write", "documents:read", "search")
FERRY = "The qxvwkpt ferry leaves at nine."


@dataclass(frozen=True, kw_only=True)
class Group:
    """A running `footnote api` of several processes."""

    process: asyncio.subprocess.Process
    url: str
    log_path: Path
    key: str

    def pids(self) -> dict[str, int]:
        """The processes that serve, by name."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            words = child.cmdline()
            if "--inherited" in words:
                inherited = json.loads(words[words.index("--inherited") + 1])
                found[f"api-{inherited['number']}"] = child.pid
        return found

    def told(self, event: str) -> list[dict[str, Any]]:
        """The whole lines of the log with that event."""
        lines = self.log_path.read_text().rpartition("\n")[0].splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    async def until_told(self, event: str, *, times: int = 1) -> None:
        """Returns when the log has told of the event so often."""
        async with asyncio.timeout(SOON_SECONDS):
            while len(self.told(event)) < times:
                assert self.process.returncode is None, self.log_path.read_text()
                await asyncio.sleep(0.05)

    async def request(
        self, method: str, path: str, *, json: object = None, params: dict[str, int] | None = None
    ) -> httpx.Response:
        """The response to a request on a connection of its own, which any process may take."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(base_url=self.url, timeout=SOON_SECONDS) as http:
            return await http.request(method, path, headers=headers, json=json, params=params)

    async def samples(self, name: str, route: str | None = None) -> dict[str | None, float]:
        """The sums of the samples, of one route or of all, by process."""
        text = (await self.request("GET", "/metrics")).text
        families = list(text_string_to_metric_families(text))
        samples = [sample for family in families for sample in family.samples]
        series = Counter((each.name, *sorted(each.labels.items())) for each in samples)
        assert set(series.values()) == {1}
        sums: dict[str | None, float] = {}
        for sample in samples:
            if sample.name == name and route in {None, sample.labels.get("route")}:
                process = sample.labels.get("process")
                sums[process] = sums.get(process, 0) + sample.value
        return sums

    async def reach_all(self, method: str, path: str, *, json: object = None) -> int:
        """The number of requests after which each process has answered some."""
        sent = 0
        async with asyncio.timeout(SOON_SECONDS):
            while set(await self.samples("footnote_http_requests_total", path)) != NAMES:
                requests = [self.request(method, path, json=json) for _ in range(8)]
                responses = await asyncio.gather(*requests)
                assert {each.status_code for each in responses} == {httpx.codes.OK}
                sent += len(responses)
        return sent

    @asynccontextmanager
    async def follow(self, job_id: str) -> AsyncIterator[AsyncIterator[str]]:
        """The events of a job that waits, of which the first has come."""
        headers = {"Authorization": f"Bearer {self.key}"}
        path = f"/v1/jobs/{job_id}/events"
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=SOON_SECONDS) as http,
            http.stream("GET", path, headers=headers) as response,
        ):
            lines = response.aiter_lines()
            assert await anext(lines)
            yield lines

    async def stop(self) -> int:
        """The exit code after a signal to the parent."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


async def prepared(home: Path) -> str:
    """The key of the one tenant of a new home."""
    settings = Settings(home=home, database_url=None)
    with database_url(settings) as url:
        upgrade(url)
        async with open_database(settings, url) as database, database.system() as system:
            tenant = await create_tenant(system, "acme")
            made = await create_key(
                system, tenant.id, scopes=SCOPES, principals=[], expires_at=None
            )
    return made.key


@asynccontextmanager
async def running(home: Path, key: str) -> AsyncIterator[Group]:
    """A group that listens; killed at the end if it still runs."""
    port = free_port()
    log_path = home.with_name("api.log")
    words = ["-m", "footnote", "api", "--port", str(port), "--processes", str(PROCESSES)]
    environment = {"FOOTNOTE_HOME": str(home), "FOOTNOTE_DATABASE_URL": ""}
    with log_path.open("wb") as log:
        async with python(words, environment=environment, folder=home, log=log) as process:
            group = Group(
                process=process, url=f"http://127.0.0.1:{port}", log_path=log_path, key=key
            )
            await group.until_told("api.listening")
            yield group


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


async def until_gone(pids: Sequence[int]) -> None:
    """Returns when none of the processes is left."""
    async with asyncio.timeout(SOON_SECONDS):
        while any(map(is_alive, pids)):  # noqa: ASYNC110  # nobody tells of their end
            await asyncio.sleep(0.05)


def mapped_though_deleted(pid: int) -> list[str]:
    """Files of lexical indexes that are deleted, and on the disk because the process maps them."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [line for line in lines if "/lexical/" in line and line.endswith("(deleted)")]


def is_alive(pid: int) -> bool:
    try:
        return is_running(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


async def test_all_answer_on_one_port_one_that_dies_is_replaced_and_all_stop_as_one(
    home: Path,
) -> None:
    async with running(home, await prepared(home)) as group, AsyncExitStack() as streams:
        postgres = postmaster_of(home).process()
        sent = await group.reach_all("GET", "/healthz")
        counts = await group.samples("footnote_http_requests_total", "/healthz")
        buckets = await group.samples("footnote_http_request_seconds_count", "/healthz")
        starts = await group.samples("process_start_time_seconds")
        before = group.pids()

        os.kill(before["api-1"], signal.SIGKILL)
        await group.until_told("api.restarted")
        async with asyncio.timeout(SOON_SECONDS):
            while (await group.samples("process_start_time_seconds")).get("api-1", 0) <= starts[
                "api-1"
            ]:
                assert (await group.request("GET", "/healthz")).status_code == httpx.codes.OK
        after = group.pids()

        job = (await group.request("POST", "/v1/documents", json={"text": FERRY})).json()["job"]
        followed = [await streams.enter_async_context(group.follow(job["id"])) for _ in range(8)]
        exit_code = await group.stop()
        for lines in followed:
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                _ = [line async for line in lines]
        await until_gone([*before.values(), *after.values()])

        (listening,) = group.told("api.listening")
        assert listening["processes"] == PROCESSES
        assert set(counts) == set(starts) == set(before) == set(after) == NAMES
        assert sum(counts.values()) == sum(buckets.values()) == sent
        assert before["api-2"] == after["api-2"]
        assert [line["part"] for line in group.told("api.restarted")] == ["api-1"]
        assert exit_code == 0
        cut_off = [line for line in group.told("request.handled") if line["code"] == "stopping"]
        assert len(cut_off) == len(followed)
        assert postgres is not None
        assert not is_running(postgres)
        (end,) = [each for each in group.told("process.stopped") if each["process"] == "postgres"]
        assert end["reason"] == "unused"


async def test_each_purges_what_is_deleted_and_none_outlives_its_parent(home: Path) -> None:
    async with running(home, await prepared(home)) as group:
        document = (await group.request("POST", "/v1/documents", json={"text": FERRY})).json()
        path = f"/v1/documents/{document['document']['id']}"
        worked = await run_footnote(
            "worker",
            "--until-empty",
            environment={"FOOTNOTE_HOME": str(home), "FOOTNOTE_DATABASE_URL": ""},
        )
        assert worked.exit_code == 0, worked.stderr
        found = await group.request("POST", "/v1/search", json={"query": "qxvwkpt"})
        assert found.json()["data"]
        await group.reach_all("POST", "/v1/search", json={"query": "qxvwkpt"})
        pids = group.pids()

        deleted = await group.request("DELETE", path)
        async with asyncio.timeout(SOON_SECONDS):
            purge = deleted.json()["receipt"]["purge"]
            while purge["status"] != "complete":
                await asyncio.sleep(0.05)
                purge = (await group.request("GET", f"{path}/receipt")).json()["receipt"]["purge"]

        assert len(group.told("purge.done")) == PROCESSES
        assert [each for pid in pids.values() for each in mapped_though_deleted(pid)] == []

        postgres = postmaster_of(home).process()
        assert postgres is not None
        group.process.kill()
        await group.process.wait()
        await until_gone([*pids.values(), postgres.pid])


async def test_a_process_that_cannot_start_ends_all(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "policy.toml").write_text("[nonsense]\n")

    ended = await run_footnote(
        "api",
        *("--port", str(free_port()), "--processes", "2"),
        environment={**environment, "FOOTNOTE_HOME": str(tmp_path)},
    )

    assert ended.exit_code == 1
    assert "did not start (exit code 1)" in ended.stderr.splitlines()[-1]
    assert "The policy file is wrong at: nonsense." in ended.stderr
    assert "api.restarted" not in ended.stderr
