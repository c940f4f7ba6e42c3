"""A tenant is deleted while `footnote up` serves it: nothing stays, and others notice nothing."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from footnote.on_database import open_database
from kb.ids import TenantId
from kb.postgres.embedded_postgres import database_url
from kb.residue import Places, ResidueReport, Trace, find_residue
from kb.settings import Settings
from tests.footnote.processes import Finished, run_footnote
from tests.footnote.test_up import BRIDGE, FERRY, Up, first_key, home, running

__all__ = ["home"]

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc"),
]

LEAVING = "leaving-company"
SCOPES = "admin,documents:write,documents:read,answers"
WAITING = 20
"""Uploads that no worker has read when their tenant goes."""

TOWER = "The qxvwkpt tower closes at midnight."


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A source that the service may read."""
    monkeypatch.setenv("FOOTNOTE_SOURCE_URI_PREFIXES", f"{tmp_path.as_uri()}/")
    (tmp_path / "towers").mkdir()
    (tmp_path / "towers" / "tower.txt").write_text(TOWER)
    return tmp_path / "towers"


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port of this machine that the service may call, where nobody listens."""
    monkeypatch.setenv("FOOTNOTE_OUTBOUND_PRIVATE_NETWORKS", "127.0.0.0/8")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@dataclass(frozen=True, kw_only=True)
class Left:
    """What the leaving tenant had."""

    key: str
    tenant_id: TenantId
    secret: str


async def footnote(home: Path, *arguments: str) -> Finished:
    done = await run_footnote(
        *arguments, environment={"FOOTNOTE_HOME": str(home), "FOOTNOTE_DATABASE_URL": ""}
    )
    assert done.exit_code == 0, done.stderr
    return done


async def move_in(up: Up, folder: Path, port: int) -> Left:
    """A tenant with documents, an answer, a source, a webhook that fails, and work that waits."""
    made = await footnote(up.home, "tenant", "create", LEAVING, "--json")
    keyed = ("key", "create", "--tenant", LEAVING, "--json", "--scopes", SCOPES)
    key = json.loads((await footnote(up.home, *keyed)).stdout)["key"]

    async def post(path: str, body: object) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        response = await up.http.post(path, headers=headers, json=body)
        assert response.is_success, response.text
        return dict(response.json())

    url = f"http://127.0.0.1:{port}/hook"
    webhook = await post("/v1/webhooks", {"url": url, "events": ["document.ready"]})
    source = {"name": "towers", "uri": folder.as_uri(), "principals": ["tenant:*"]}
    await post("/v1/sources", source)
    await post("/v1/sources/towers:sync", None)
    await up.upload(key, FERRY)
    assert (await post("/v1/answers", {"question": "When does the ferry leave?"}))["citations"]
    for number in range(WAITING):
        await post("/v1/documents", {"text": f"{TOWER} Note {number}. " * 200})
    tenant_id = TenantId(UUID(json.loads(made.stdout)["id"]))
    return Left(key=key, tenant_id=tenant_id, secret=webhook["secret"])


async def residue(up: Up, folder: Path, left: Left) -> ResidueReport:
    """What the database, the home and the log have of the tenant."""
    traces = [
        Trace(kind="id", value=str(left.tenant_id)),
        *(
            Trace(kind="text", value=value)
            for value in (FERRY, TOWER, "qxvwkpt", folder.as_uri(), left.secret, left.key)
        ),
    ]
    settings = Settings(home=up.home, database_url=None)
    places = Places(home=up.home, logs=[up.log_path])
    with database_url(settings) as url:
        async with open_database(settings, url) as database:
            return await find_residue(database, left.tenant_id, traces, places)


def named_after(tenant_id: TenantId, folder: Path) -> list[Path]:
    """Files and folders whose name has the tenant's id."""
    return list(folder.rglob(f"*{tenant_id}*"))


async def test_a_tenant_leaves_a_running_service_and_nothing_of_it_stays(
    home: Path, folder: Path, closed_port: int
) -> None:
    async with running(home) as up:
        staying = await first_key(up)
        await up.upload(staying, BRIDGE)
        worker = up.worker_pid()
        left = await move_in(up, folder, closed_port)
        before = await residue(up, folder, left)

        done = await footnote(home, "tenant", "delete", LEAVING, "--yes", "--json")

        refused = await up.http.get(
            "/v1/documents", headers={"Authorization": f"Bearer {left.key}"}
        )
        after = await residue(up, folder, left)
        await up.upload(staying, FERRY)
        found = await up.found(staying, "When does the ferry leave?")

        assert {"public.documents", "public.answers", "public.sources", "public.webhooks"} <= {
            each.place for each in before.residues
        }
        assert json.loads(done.stdout)["purge"]["status"] == "complete"
        assert refused.status_code == 401
        assert after.unexpected == []
        assert named_after(left.tenant_id, home) == []
        assert found == {BRIDGE, FERRY}
        assert up.worker_pid() == worker
        assert up.process.returncode is None
