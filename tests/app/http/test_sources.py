"""Sources over the API."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue
from sqlalchemy import select

from app.http.sources.schemas import NewSource, SourcePatch
from footnote.on_database import utc_now
from ingest.sources.opening import SourceOpener
from ingest.sources.run import SourceTools
from ingest.sources.sync import run_sync_job
from ingest.tenant_jobs import run_tenant_job
from kb.ids import JobId
from kb.store.sources import SourceSettings, create_source
from kb.store.tables import audit_events
from tests.ingest.sources.library import NoWeb
from tests.service import Person, Service

SOURCES = "/v1/sources"


@pytest.fixture
async def allowing(service: Service, tmp_path: Path) -> AsyncIterator[Service]:
    """A service whose tenants may name folders below `tmp_path`."""
    prefixes = (tmp_path.as_uri(),)
    async with service.with_resources(
        replace(service.resources, source_uri_prefixes=prefixes)
    ) as other:
        yield other


@pytest.fixture
async def admin(allowing: Service) -> Person:
    return await allowing.person(await allowing.new_tenant(), scopes=("admin", "documents:read"))


def source(folder: Path, **choices: object) -> dict[str, object]:
    return {"name": "docs", "uri": folder.as_uri(), "principals": ["tenant:*"], **choices}


async def run_job(person: Person, body: dict[str, JsonValue], folder: Path) -> dict[str, JsonValue]:
    """The job of a response after a worker has run it."""
    service = person.service
    assert isinstance(body["job"], dict)
    job_id = str(body["job"]["id"])
    tools = SourceTools(
        database=service.ingestion.database,
        files=service.ingestion.files,
        uploads=service.resources.uploads,
        opener=SourceOpener(prefixes=(folder.as_uri(),), web=NoWeb(), max_bytes=10_000),
        clock=utc_now,
    )
    await run_tenant_job(
        tools.database,
        tools.clock,
        person.tenant_id,
        JobId(UUID(job_id)),
        partial(run_sync_job, tools),
        is_last_attempt=True,
    )
    found: dict[str, JsonValue] = (await person.request("GET", f"/v1/jobs/{job_id}")).json()
    return found


async def test_a_source_is_added_shown_changed_and_removed(admin: Person, tmp_path: Path) -> None:
    rules = [{"pattern": "hr/**", "principals": ["group:hr"]}]
    added = await admin.request(
        "POST", SOURCES, json=source(tmp_path, rules=rules, cron="0 2 * * *", include=["*.md"])
    )
    shown = await admin.request("GET", f"{SOURCES}/docs")
    listed = await admin.request("GET", SOURCES)
    changed = await admin.request(
        "PATCH", f"{SOURCES}/docs", json={"cron": None, "max_vanish_share": 0.5}
    )
    removed = await admin.request("DELETE", f"{SOURCES}/docs")
    gone = await admin.request("GET", f"{SOURCES}/docs")

    assert added.status_code == 201, added.text
    body = added.json()
    assert body["rules"] == rules
    assert (body["added_by"], body["held"], body["last_run"]) == ("tenant", None, None)
    assert shown.json() == body
    assert listed.json() == {"data": [body], "next_cursor": None, "has_more": False}
    assert (changed.json()["cron"], changed.json()["max_vanish_share"]) == (None, 0.5)
    assert changed.json()["rules"] == rules
    assert (removed.status_code, removed.json()) == (200, {"name": "docs", "job": None})
    assert (gone.status_code, gone.json()["code"]) == (404, "source_not_found")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"principals": None}, "invalid_request"),
        ({"principals": []}, "invalid_request"),
        ({"principals": ["nobody"]}, "invalid_principal"),
        ({"cron": "every night"}, "invalid_request"),
        ({"cron": "CRON_TZ=Nowhere/City 0 2 * * *"}, "invalid_request"),
        ({"name": "Docs"}, "invalid_request"),
        ({"name": "a/b"}, "invalid_request"),
        ({"max_vanish_share": 1.5}, "invalid_request"),
        ({"include": [""]}, "invalid_request"),
        ({"unknown": 1}, "invalid_request"),
        ({"uri": "file:///etc"}, "source_uri_refused"),
        ({"uri": "s3://bucket/docs"}, "source_uri_refused"),
        ({"uri": "https://user:password@example.com/list"}, "source_uri_refused"),
        ({"uri": "ftp://example.com/"}, "source_uri_refused"),
    ],
    ids=str,
)
async def test_what_is_no_source_is_refused(
    admin: Person, tmp_path: Path, change: dict[str, object], code: str
) -> None:
    response = await admin.request("POST", SOURCES, json=source(tmp_path, **change))

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await admin.request("GET", SOURCES)).json()["data"] == []


RULE = {"pattern": "hr/**", "principals": ["group:hr"]}


@pytest.mark.parametrize(
    ("change", "is_source"),
    [
        ({"principals": None}, False),
        ({"principals": None, "rules": []}, False),
        ({"principals": None, "rules": [RULE]}, True),
        ({"rules": [RULE]}, True),
        ({"rules": []}, True),
        ({"name": "a" * 63}, True),
        ({"name": "a" * 64}, False),
        ({"name": "0.docs_of-hr"}, True),
        ({"name": "_docs"}, False),
        ({"name": "do\ncs"}, False),
        ({"name": "Docs"}, False),
    ],
    ids=str,
)
async def test_what_is_described_is_a_source(
    admin: Person, tmp_path: Path, change: dict[str, object], *, is_source: bool
) -> None:
    body = source(tmp_path, **change)

    response = await admin.request("POST", SOURCES, json=body)

    assert response.status_code == (201 if is_source else 422), response.text
    assert Draft202012Validator(NewSource.model_json_schema()).is_valid(body) == is_source


async def test_a_change_that_leaves_no_reader_is_refused(admin: Person, tmp_path: Path) -> None:
    await admin.request("POST", SOURCES, json=source(tmp_path))
    without_readers: dict[str, JsonValue] = {"principals": None, "rules": []}
    without_principals: dict[str, JsonValue] = {"principals": None}
    described = Draft202012Validator(SourcePatch.model_json_schema())

    for_nobody = await admin.request("PATCH", f"{SOURCES}/docs", json=without_readers)
    too_early = await admin.request("PATCH", f"{SOURCES}/docs", json=without_principals)
    await admin.request("PATCH", f"{SOURCES}/docs", json={"rules": [RULE]})
    right = await admin.request("PATCH", f"{SOURCES}/docs", json=without_principals)

    assert [each.status_code for each in (for_nobody, too_early, right)] == [422, 422, 200]
    assert not described.is_valid(without_readers)
    assert described.is_valid(without_principals)


async def test_a_name_is_taken_once_in_each_tenant(
    allowing: Service, admin: Person, tmp_path: Path
) -> None:
    other = await allowing.person(await allowing.new_tenant(), scopes=("admin",))
    first = await admin.request("POST", SOURCES, json=source(tmp_path))

    again = await admin.request("POST", SOURCES, json=source(tmp_path))
    elsewhere = await other.request("POST", SOURCES, json=source(tmp_path))

    assert (first.status_code, elsewhere.status_code) == (201, 201)
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")


async def test_a_repeated_request_adds_once(admin: Person, tmp_path: Path) -> None:
    key = {"Idempotency-Key": "once"}

    first = await admin.request("POST", SOURCES, key, json=source(tmp_path))
    again = await admin.request("POST", SOURCES, key, json=source(tmp_path))

    assert (again.status_code, again.json()) == (201, first.json())


async def test_the_audit_trail_knows_a_source_by_one_id(admin: Person, tmp_path: Path) -> None:
    await admin.request("POST", SOURCES, json=source(tmp_path))
    await admin.request("POST", f"{SOURCES}/docs:sync")

    query = select(audit_events.c.object_id).where(audit_events.c.action.like("source.%"))
    async with admin.service.resources.database.tenant(admin.tenant_id, viewer=None) as scope:
        query = query.where(audit_events.c.tenant_id == scope.tenant_id)
        found = list((await scope.connection.execute(query)).scalars())
    assert len(found) == 2
    assert len(set(found)) == 1


async def test_a_source_is_synchronised_by_a_job(admin: Person, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Alpha is first.")
    await admin.request("POST", SOURCES, json=source(tmp_path))

    queued = await admin.request("POST", f"{SOURCES}/docs:sync")
    twice = await admin.request("POST", f"{SOURCES}/docs:sync")
    job = await run_job(admin, queued.json(), tmp_path)

    assert (queued.status_code, queued.json()["job"]["kind"]) == (202, "sync_source")
    assert twice.json() == queued.json()
    assert (job["status"], job["progress"]) == (
        "succeeded",
        {"done": 1, "total": 1, "unit": "files"},
    )
    run = (await admin.request("GET", f"{SOURCES}/docs")).json()["last_run"]
    assert (run["status"], run["seen"], run["new"], run["failures"]) == ("succeeded", 1, 1, [])


async def test_held_deletions_are_shown_and_confirmed(admin: Person, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Alpha is first.")
    await admin.request("POST", SOURCES, json=source(tmp_path))
    early = await admin.request("POST", f"{SOURCES}/docs:confirm")
    queued = await admin.request("POST", f"{SOURCES}/docs:sync")
    await run_job(admin, queued.json(), tmp_path)
    (tmp_path / "a.md").unlink()
    queued = await admin.request("POST", f"{SOURCES}/docs:sync")
    job = await run_job(admin, queued.json(), tmp_path)
    held = (await admin.request("GET", f"{SOURCES}/docs")).json()["held"]

    confirmed = await admin.request("POST", f"{SOURCES}/docs:confirm")
    done = await run_job(admin, confirmed.json(), tmp_path)

    assert (early.status_code, early.json()["code"]) == (409, "nothing_held")
    assert job["status"] == "completed_with_errors"
    assert held == {
        "listed": 0,
        "known": 1,
        "reason": "The source lists nothing, where 1 files were known.",
    }
    assert (confirmed.status_code, done["status"]) == (202, "succeeded")
    shown = (await admin.request("GET", f"{SOURCES}/docs")).json()
    assert (shown["held"], shown["last_run"]["deleted"]) == (None, 1)
    assert (await admin.request("GET", "/v1/documents")).json()["data"] == []


async def test_a_source_may_take_its_documents_along(admin: Person, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Alpha is first.")
    await admin.request("POST", SOURCES, json=source(tmp_path))
    queued = await admin.request("POST", f"{SOURCES}/docs:sync")
    await run_job(admin, queued.json(), tmp_path)

    removed = await admin.request("DELETE", f"{SOURCES}/docs", params={"delete_documents": "true"})
    job = await run_job(admin, removed.json(), tmp_path)

    assert (removed.status_code, job["status"]) == (202, "succeeded")
    assert (await admin.request("GET", f"{SOURCES}/docs")).status_code == 404
    assert (await admin.request("GET", "/v1/documents")).json()["data"] == []


async def test_a_failed_listing_fails_the_job_and_says_so(admin: Person, tmp_path: Path) -> None:
    await admin.request("POST", SOURCES, json=source(tmp_path / "absent"))
    queued = await admin.request("POST", f"{SOURCES}/docs:sync")

    job = await run_job(admin, queued.json(), tmp_path)

    assert job["status"] == "failed"
    assert isinstance(job["error"], dict)
    assert (job["error"]["code"], job["error"]["retryable"]) == ("source_unavailable", True)
    run = (await admin.request("GET", f"{SOURCES}/docs")).json()["last_run"]
    assert (run["status"], run["error"]["code"]) == ("failed", "source_unavailable")


@pytest.mark.parametrize(
    "change", [{"include": ["**"]}, {"exclude": []}, {"uri": "file:///etc"}], ids=str
)
async def test_a_tenant_does_not_choose_files_of_an_operators_source(
    allowing: Service, admin: Person, change: dict[str, object]
) -> None:
    settings = SourceSettings(
        uri="file:///srv/all", principals=("tenant:*",), include=("public/**",)
    )
    async with allowing.resources.database.tenant(admin.tenant_id, viewer=None) as scope:
        await create_source(scope, "docs", settings, is_operators=True, now=utc_now())

    refused = await admin.request("PATCH", f"{SOURCES}/docs", json=change)
    readers = await admin.request("PATCH", f"{SOURCES}/docs", json={"principals": ["group:hr"]})

    assert (refused.status_code, refused.json()["code"]) == (422, "source_uri_refused")
    assert readers.json()["include"] == ["public/**"]
    assert (readers.json()["principals"], readers.json()["added_by"]) == (
        ["group:hr"],
        "operator",
    )


@pytest.mark.parametrize("field", ["uri", "rules", "include", "exclude", "max_vanish_share"])
async def test_only_readers_and_schedule_may_be_taken_away(
    admin: Person, tmp_path: Path, field: str
) -> None:
    await admin.request("POST", SOURCES, json=source(tmp_path))

    response = await admin.request("PATCH", f"{SOURCES}/docs", json={field: None})

    assert response.status_code == 422
