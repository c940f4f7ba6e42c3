"""The command line deletes tenants and checks receipts; collections keep documents for a time."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from ingest.upkeep import Upkeep, prune
from kb.postgres.database import Database
from kb.store.collections import set_retention
from kb.store.retention import Retention
from tests.footnote.processes import run_here
from tests.service import Person, Service

LEAVE = "# Leave\n\nEveryone has 31 days of annual leave.\n"
DAYS = 30


async def new_name(database: Database) -> str:
    """A name for a tenant; no process of another test is waited for."""
    async with database.system() as system:
        await system.connection.execute(text("DELETE FROM api_processes"))
    return f"leaving {uuid4()}"


async def test_a_tenant_is_deleted_and_its_receipt_checked(
    environment: dict[str, str], service: Service, tmp_path: Path
) -> None:
    name = await new_name(service.resources.database)
    made = await run_here("tenant", "create", name, "--json", environment=environment)
    key = await run_here("key", "create", "--tenant", name, "--json", environment=environment)
    keys = await run_here("receipt", "keys", environment=environment)
    (tmp_path / "keys.json").write_text(keys.stdout)

    done = await run_here("tenant", "delete", name, "--yes", "--json", environment=environment)

    receipt = json.loads(done.stdout)
    assert done.exit_code == 0, done.stderr
    assert receipt["tenant_id"] == json.loads(made.stdout)["id"]
    assert receipt["rows"]["credentials"] == 1
    assert receipt["purge"]["status"] == "complete"
    (tmp_path / "receipt.json").write_text(done.stdout)
    files = (str(tmp_path / "receipt.json"), "--keys", str(tmp_path / "keys.json"))
    valid = await run_here("receipt", "verify", *files, "--json", environment=environment)
    assert json.loads(valid.stdout)["valid"] is True
    (tmp_path / "receipt.json").write_text(json.dumps({**receipt, "files": 9}))
    changed = await run_here("receipt", "verify", *files, environment=environment)
    assert (changed.exit_code, "receipt_invalid" in changed.stderr) == (1, True)
    (tmp_path / "receipt.json").write_text('{"files": 9, ' + done.stdout.lstrip()[1:])
    twice = await run_here("receipt", "verify", *files, environment=environment)
    assert (twice.exit_code, "'files' twice" in twice.stderr) == (1, True)
    shown = await run_here("receipt", "show", receipt["tenant_id"], environment=environment)
    assert json.loads(shown.stdout) == receipt
    refused = await service.http.get(
        "/v1/documents", headers={"Authorization": f"Bearer {json.loads(key.stdout)['key']}"}
    )
    assert refused.status_code == 401
    listed = await run_here("tenant", "list", "--json", environment=environment)
    assert name not in {tenant["name"] for tenant in json.loads(listed.stdout)}


async def test_an_unknown_tenant_is_named_and_nothing_is_deleted(
    environment: dict[str, str],
) -> None:
    done = await run_here("tenant", "delete", "nobody", "--yes", environment=environment)

    assert done.exit_code == 1
    assert "There is no tenant named 'nobody'" in done.stderr


async def test_a_receipt_that_is_none_is_refused(
    environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "receipt.json"
    outcomes = {}
    for content in ("", "[]", '{"receipt": 1}', "{}", '{"key_id": "x", "signature": "y"}'):
        path.write_text(content)
        done = await run_here("receipt", "verify", str(path), environment=environment)
        outcomes[content] = (done.exit_code, len(done.stderr.splitlines()))

    assert set(outcomes.values()) == {(1, 1)}


async def test_the_scan_says_what_is_left(
    environment: dict[str, str], service: Service, tmp_path: Path
) -> None:
    name = await new_name(service.resources.database)
    await run_here("tenant", "create", name, environment=environment)
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps({"document_id": str(uuid4()), "content_sha256": "cd" * 32}))
    scan = ("receipt", "scan", str(path), "--tenant", name, "--json")

    clean = await run_here(*scan, environment=environment)
    left = await run_here(*scan, "--text", name, environment=environment)

    assert (clean.exit_code, json.loads(clean.stdout)["clean"]) == (0, True), clean.stderr
    assert left.exit_code == 1
    assert {each["place"] for each in json.loads(left.stdout)["residues"]} == {"public.tenants"}


async def test_a_rule_is_set_and_listed(environment: dict[str, str], service: Service) -> None:
    name = await new_name(service.resources.database)
    await run_here("tenant", "create", name, environment=environment)
    rule = ("collection", "retention", "minutes", "--tenant", name)

    kept = await run_here(*rule, "--days", "90", environment=environment)
    listed = await run_here(
        "collection", "list", "--tenant", name, "--json", environment=environment
    )
    unclear = await run_here(*rule, environment=environment)

    assert kept.exit_code == 0, kept.stderr
    assert json.loads(listed.stdout) == [{"name": "minutes", "retention_days": 90}]
    assert unclear.exit_code == 1


# --- Retention -----------------------------------------------------------------------------------


async def pruned_after(service: Service, days: float) -> dict[str, int]:
    """What the upkeep deletes so many days from now."""
    resources = service.resources
    return await prune(
        Upkeep(
            database=resources.database,
            files=resources.files,
            metrics=resources.metrics,
            retention=Retention(answers=None, model_calls=None),
            clock=lambda: datetime.now(UTC) + timedelta(days=days),
        )
    )


async def listed(person: Person) -> set[str]:
    response = await person.request("GET", "/v1/documents")
    return {document["id"] for document in response.json()["data"]}


async def test_what_a_collection_keeps_no_longer_is_deleted_with_a_receipt(
    service: Service,
) -> None:
    tenant_id = await service.new_tenant()
    ana = await service.person(tenant_id, "user:ana")
    old = await ana.upload(LEAVE, collection="minutes")
    other = await ana.upload(LEAVE, collection="rules")
    rule = "/v1/collections/minutes"
    before = await ana.request("GET", rule)
    await ana.request("PATCH", rule, json={"retention_days": DAYS})
    unchanged = await ana.request("PATCH", rule, json={})

    await pruned_after(service, DAYS - 1)
    early = await listed(ana)
    await pruned_after(service, DAYS + 1)

    assert before.json() == {"name": "minutes", "retention_days": None}
    assert unchanged.json() == {"name": "minutes", "retention_days": DAYS}
    assert early == {old, other}
    assert await listed(ana) == {other}
    receipt = (await ana.request("GET", f"/v1/documents/{old}/receipt")).json()["receipt"]
    assert (receipt["reason"], receipt["documents"]) == ("retention", 1)


async def test_a_new_version_is_kept_from_its_upload_on_and_fields_change_nothing(
    service: Service,
) -> None:
    tenant_id = await service.new_tenant()
    ana = await service.person(tenant_id, "user:ana")
    database = service.resources.database
    changed = await ana.upload(LEAVE, external_id="changed", collection="minutes")
    replaced = await ana.upload(LEAVE, external_id="replaced", collection="minutes")
    async with database.tenant(tenant_id, viewer=None) as scope:
        await set_retention(scope, "minutes", days=DAYS)
        await scope.connection.execute(
            text("UPDATE documents SET uploaded_at = uploaded_at - interval '40 days'")
        )
    await ana.request("PATCH", f"/v1/documents/{changed}", json={"title": "Newer"})
    await ana.upload(f"{LEAVE} Newer.", external_id="replaced", collection="minutes")

    await pruned_after(service, 0)

    assert await listed(ana) == {replaced}


async def test_a_rule_may_be_ended_and_holds_for_one_tenant(service: Service) -> None:
    one = await service.person(await service.new_tenant(), "user:ana")
    two = await service.person(await service.new_tenant(), "user:ana")
    kept = {await one.upload(LEAVE, collection="minutes")}
    elsewhere = {await two.upload(LEAVE, collection="minutes")}
    rule = "/v1/collections/minutes"
    await one.request("PATCH", rule, json={"retention_days": 1})
    await one.request("PATCH", rule, json={"retention_days": None})

    await pruned_after(service, 1000)

    assert (await listed(one), await listed(two)) == (kept, elsewhere)


async def test_a_rule_that_is_none_is_refused(service: Service) -> None:
    admin = await service.person(await service.new_tenant(), scopes=["admin"])
    statuses = {
        str(days): (
            await admin.request("PATCH", "/v1/collections/a%2Fb", json={"retention_days": days})
        ).status_code
        for days in (0, -1, 36_501, "many", 1.5, 30)
    }

    assert statuses == {"0": 422, "-1": 422, "36501": 422, "many": 422, "1.5": 422, "30": 200}
