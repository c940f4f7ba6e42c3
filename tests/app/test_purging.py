"""What was deleted leaves every copy: the disk and the memory of each process of the API."""

from uuid import UUID

import pytest
from sqlalchemy import text

from app.purging import Purger
from kb.ids import DocumentId, new_uuid
from kb.postgres.database import Database
from kb.residue import Places, ResidueReport, Trace, find_residue, traces_of
from kb.settings import Settings
from kb.store.api_processes import ApiProcess
from tests.service import Person, Service

SECRET = "# Zanzibarflight\n\nThe qxvwkpt bonus of the travel desk is 731 euros.\n"
OTHER = "# Leave\n\nEveryone has 31 days of annual leave.\n"


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


@pytest.fixture
def purger(service: Service) -> Purger:
    """This process, alone: those of other tests have ended."""
    return service.resources.purger


async def traces(person: Person, document_id: str) -> list[Trace]:
    database = person.service.resources.database
    async with database.tenant(person.tenant_id, viewer=None) as scope:
        found = await traces_of(scope, DocumentId(UUID(document_id)))
    return [*found, Trace(kind="text", value="qxvwkpt")]


async def scanned(person: Person, settings: Settings, found: list[Trace]) -> ResidueReport:
    places = Places(home=settings.home_path)
    return await find_residue(person.service.resources.database, person.tenant_id, found, places)


async def delete(person: Person, document_id: str) -> dict[str, object]:
    response = await person.request("DELETE", f"/v1/documents/{document_id}")
    assert response.status_code == 200, response.text
    receipt: dict[str, object] = response.json()["receipt"]
    return receipt


async def receipt_of(person: Person, document_id: str) -> dict[str, object]:
    response = await person.request("GET", f"/v1/documents/{document_id}/receipt")
    assert response.status_code == 200, response.text
    receipt: dict[str, object] = response.json()["receipt"]
    return receipt


def purge_of(receipt: dict[str, object]) -> str:
    purge = receipt["purge"]
    assert isinstance(purge, dict)
    return str(purge["status"])


async def forget_processes(database: Database) -> None:
    """Removes the processes of other tests."""
    async with database.system() as system:
        await system.connection.execute(text("DELETE FROM api_processes"))


async def test_nothing_is_left_once_it_is_purged(
    service: Service, ana: Person, purger: Purger, settings: Settings
) -> None:
    await forget_processes(service.resources.database)
    purger = fresh(purger)
    await ana.upload(OTHER)
    document_id = await ana.upload(
        SECRET,
        name="zanzibarflight.md",
        external_id="zanzibar-external",
        metadata={"desk": "zanzibar-metadata"},
    )
    answer = await ana.ask("How much is the qxvwkpt bonus of the travel desk?")
    assert answer.json()["citations"]
    found = await traces(ana, document_id)
    before = await scanned(ana, settings, found)

    first = await delete(ana, document_id)
    await purger.purge_once()
    after = await scanned(ana, settings, found)
    last = await receipt_of(ana, document_id)

    kept = {residue.place for residue in before.residues}
    assert {"public.chunks", "public.answers", "public.documents"} <= kept
    assert any(place.startswith("files/") for place in kept), kept
    assert any(place.startswith("lexical/") for place in kept), kept
    assert after.unexpected == []
    assert {residue.place for residue in after.residues} == {
        "public.audit_events",
        "public.deletions",
        "public.index_changes",
    }
    assert (purge_of(first), purge_of(last)) == ("running", "complete")
    assert (await ana.search("leave")).json()["data"]


def fresh(purger: Purger) -> Purger:
    """Another process of the same node, which has purged nothing yet."""
    return Purger(
        database=purger.database,
        files=purger.files,
        indexes=purger.indexes,
        retriever=purger.retriever,
        process=ApiProcess(id=new_uuid(), node=purger.process.node),
        clock=purger.clock,
    )
