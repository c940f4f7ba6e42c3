"""`footnote up` on a disk that fills up for real, and is freed again."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.footnote.processes import ROOT

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(
        not sys.platform.startswith("linux")
        or os.geteuid() != 0
        or shutil.which("unshare") is None,
        reason="mounts a disk of its own, which only root may",
    ),
]

PATIENCE_SECONDS = 120
DISK = "500m"

TEMPORARY = "3m"

START = """
mount -t tmpfs -o size="$1" tmpfs "$0" && mkdir "$0/tmp" \\
    && mount -t tmpfs -o size="$4" tmpfs "$0/tmp" || exit 77
TMPDIR="$0/tmp" exec "$2" -m footnote up --port "$3"
"""
"""In a mount namespace of its own: nobody else sees the disks."""


@contextlib.asynccontextmanager
async def up_on_a_disk_of_its_own(
    home: Path, log: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient, str]]:
    """The service, its client and the key of the first start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(log, "wb") as stderr:  # noqa: ASYNC230, PTH123  # opened once
        process = await asyncio.create_subprocess_exec(
            *("unshare", "-m", "sh", "-c", START, str(home)),
            *(DISK, sys.executable, str(port), TEMPORARY),
            cwd=ROOT,
            env={
                **os.environ,  # noqa: TID251  # handed on, not read
                "FOOTNOTE_HOME": str(home),
                "FOOTNOTE_DATABASE_URL": "",
                "FOOTNOTE_LOG_FORMAT": "json",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    try:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=90) as http,
        ):
            async for line in process.stdout:
                if line.startswith(b"fn_"):
                    break
            else:
                if await process.wait() == 77:
                    pytest.skip("may not mount here")
                pytest.fail(str(await asyncio.to_thread(log.read_text)))
            yield process, http, line.decode().strip()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


def fill(disk: Path, *, leave: int) -> None:
    """Writes a file of zeros until only so much is left; it really is on the disk."""
    with (disk / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while (free := shutil.disk_usage(disk).free - leave) > 0:
            file.write(bytes(min(free, 1 << 20)))


async def until(http: httpx.AsyncClient, *, status: int) -> dict[str, str]:
    """The checks of `/readyz`, once it has the status."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (response := await http.get("/readyz")).status_code != status:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.1)
    return dict(response.json()["checks"])


async def test_a_full_disk_is_said_nothing_is_half_stored_and_work_goes_on_when_it_is_freed(
    tmp_path: Path,
) -> None:
    home, log = tmp_path / "home", tmp_path / "up.log"
    home.mkdir()
    async with up_on_a_disk_of_its_own(home, log) as (process, http, key):
        http.headers["Authorization"] = f"Bearer {key}"
        disk = Path(f"/proc/{process.pid}/root{home}")
        note = {"text": "The ferry leaves at nine.", "title": "Ferry"}
        assert (await until(http, status=200))["disk"] == "ok"

        large = {"file": ("large.txt", b"The ferry leaves at nine. " * 200_000, "text/plain")}
        unspooled = await http.post("/v1/documents", files=large)
        assert (unspooled.status_code, unspooled.json()["code"]) == (503, "disk_full")
        assert '"place": "temporary files"' in log.read_text()
        assert (await http.get("/v1/documents")).json()["data"] == []
        assert [path for path in (disk / "tmp").iterdir() if path.is_file()] == []

        fill(disk, leave=50_000_000)
        checks = await until(http, status=503)
        refused = await http.post("/v1/documents", json=note)

        assert (checks["disk"], checks["database"]) == ("full", "ok")
        assert (refused.status_code, refused.json()["code"]) == (503, "disk_full")
        assert int(refused.headers["Retry-After"]) > 0
        assert (await http.get("/v1/documents")).json()["data"] == []
        assert [path for path in (disk / "files").rglob("*") if path.is_file()] == []
        assert '"error": "ENOSPC"' in log.read_text()

        # Not one byte: Postgres may end, and the service stays.
        fill(disk, leave=0)
        for _ in range(20):
            assert (await http.get("/readyz")).json()["checks"]["disk"] == "full"
            await http.post("/v1/answers", json={"question": "When does the ferry leave?"})
            await http.post("/v1/documents", json=note)
        assert process.returncode is None

        (disk / "ballast").unlink()
        await until(http, status=200)
        stored = await http.post("/v1/documents", json=note)
        job = (await http.get(f"/v1/jobs/{stored.json()['job']['id']}?wait=60")).json()

        assert job["status"] == "succeeded", job
        assert '"event": "job.taken_over"' not in log.read_text()
        process.terminate()
        assert await process.wait() == 0
