"""`footnote doctor consistency`: what contradicts itself is told, and mended where that can be."""

import json
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from kb.index.reached import changes_after
from kb.index.sketches.sketch_files import SketchFiles
from kb.store.spaces import current_space
from kb.store.tenants import create_tenant
from tests.footnote.processes import Finished, run_here
from tests.service import Person, Service

LEFT = "cd" * 32


async def somebody(service: Service, name: str) -> Person:
    async with service.resources.database.system() as system:
        tenant = await create_tenant(system, name)
    return await service.person(tenant.id, "user:ana")


async def check(environment: dict[str, str], name: str, *more: str) -> Finished:
    arguments = ("--tenant", name, "--settled-seconds", "0", *more)
    return await run_here("doctor", "consistency", *arguments, environment=environment)


async def test_a_sound_tenant_is_well(service: Service, environment: dict[str, str]) -> None:
    name = f"[red]acme[/red] {uuid4()}"
    ana = await somebody(service, name)
    await ana.upload("A note.")

    report = await check(environment, name, "--json")
    for_people = await check(environment, name)

    assert report.exit_code == for_people.exit_code == 0
    told = json.loads(report.stdout)
    assert told["ok"] is True
    [tenant] = told["tenants"]
    assert (tenant["name"], tenant["documents"], tenant["chunks"]) == (name, 1, 1)
    assert (tenant["findings"], tenant["repairs"]) == ([], [])
    assert for_people.stdout.startswith(f"{name}: 1 documents, 1 chunks;")


async def test_damage_is_told_and_mended(service: Service, environment: dict[str, str]) -> None:
    name = f"acme {uuid4()}"
    ana = await somebody(service, name)
    await ana.upload("A note.")
    await service.resources.files.write(ana.tenant_id, LEFT, b"Left behind.")
    async with service.resources.database.owner() as connection:
        await connection.execute(
            text("UPDATE documents SET chunk_count = 7 WHERE tenant_id = :tenant_id"),
            {"tenant_id": ana.tenant_id},
        )

    found = await check(environment, name, "--json")
    mended = await check(environment, name, "--repair", "--json")
    after = await check(environment, name, "--json")

    assert found.exit_code == 1
    findings = json.loads(found.stdout)["tenants"][0]["findings"]
    assert {finding["name"]: finding["examples"] for finding in findings}.keys() == {
        "documents_with_other_chunks",
        "files_without_document",
    }
    assert all(finding["remedy"] for finding in findings)
    [files, rows] = json.loads(mended.stdout)["tenants"][0]["repairs"]
    assert files == "1 files deleted"
    assert rows.startswith("re-index ")
    # The rows wait for a worker.
    [left] = json.loads(after.stdout)["tenants"][0]["findings"]
    assert left["name"] == "documents_with_other_chunks"


async def test_sketches_that_lack_a_chunk_are_deleted(
    service: Service, environment: dict[str, str]
) -> None:
    name = f"acme {uuid4()}"
    ana = await somebody(service, name)
    await ana.upload("A note.")
    database = service.resources.database
    async with database.tenant(ana.tenant_id, viewer=None, is_snapshot=True) as scope:
        changes, space = await changes_after(scope, None), await current_space(scope)
    assert changes is not None
    assert space is not None
    files = SketchFiles(Path(environment["FOOTNOTE_HOME"]) / "sketches")
    with files.writing(ana.tenant_id) as writer:
        writer.commit(space=space, reached=changes.target, tables=[])

    found = await check(environment, name, "--json")
    mended = await check(environment, name, "--repair", "--json")

    [finding] = json.loads(found.stdout)["tenants"][0]["findings"]
    assert (finding["name"], finding["count"]) == ("chunks_without_sketch", 1)
    [repair] = json.loads(mended.stdout)["tenants"][0]["repairs"]
    assert repair.startswith("the sketches deleted")
    assert not files.has_any(ana.tenant_id)
    assert (await check(environment, name)).exit_code == 0
