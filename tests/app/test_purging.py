"""What was deleted leaves every copy: the disk and the memory of each process of the API."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from app.purging import Purger
from kb.errors import ReceiptInvalid
from kb.ids import DocumentId, TenantId, new_uuid
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.postgres.database import Database
from kb.receipts import read_jwk, verify_receipt
from kb.residue import Places, ResidueReport, Trace, find_residue, traces_of
from kb.settings import Settings
from kb.store.api_processes import ApiProcess, say_alive
from kb.store.tenant_deletion import delete_tenant, get_tenant_deletion
from language.remembered import count_remembered
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
    service: Service,
    ana: Person,
    purger: Purger,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kb.index.sketches.tenant_sketches.STORED_ROWS", 1)
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
    assert any(place.startswith("sketches/") for place in kept), kept
    assert after.unexpected == []
    # Autovacuum gathers statistics when it likes; what they may keep is held to `unexpected`.
    assert {residue.place for residue in after.residues} - {"pg_catalog.pg_statistic"} == {
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


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at mapped files in /proc")
async def test_another_process_of_the_node_keeps_no_file_that_was_purged(
    service: Service, ana: Person, purger: Purger, settings: Settings
) -> None:
    await forget_processes(service.resources.database)
    document_id = await ana.upload(SECRET)
    other = LexicalIndexes(service.resources.database, settings.home_path / "lexical")
    neighbour = fresh(purger)
    neighbour.indexes = replace(purger.indexes, lexical=other)
    async with service.resources.database.system() as system:
        await say_alive(system, neighbour.process)
    await other.catch_up(ana.tenant_id)

    await delete(ana, document_id)
    await fresh(purger).purge_once()
    before = mapped_though_deleted(ana.tenant_id)
    await neighbour.purge_once()

    assert before
    assert mapped_though_deleted(ana.tenant_id) == []
    await other.aclose()


def mapped_though_deleted(tenant_id: TenantId) -> list[str]:
    """Files of the tenant's index that are deleted, and on the disk for those who map them."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in lines if str(tenant_id) in line and line.endswith("(deleted)")]


async def test_the_served_file_name_is_looked_for_while_a_newer_upload_waits(ana: Person) -> None:
    document_id = await ana.upload("A bonus.", "bonus-2026.md", external_id="bonus")
    await ana.post_file("Another bonus.", "bonus-2027.md", external_id="bonus")

    sought = {each.value for each in await traces(ana, document_id)}

    assert {"bonus-2026.md", "bonus-2027.md"} <= sought


async def test_what_is_deleted_stays_purged_while_others_are_deleted(
    service: Service, ana: Person, purger: Purger, settings: Settings
) -> None:
    await forget_processes(service.resources.database)
    purger = fresh(purger)
    first, second = await ana.upload(SECRET), await ana.upload(OTHER)
    await ana.search("leave")
    await delete(ana, first)
    await purger.purge_once()

    await delete(ana, second)
    running, done = await receipt_of(ana, second), await receipt_of(ana, first)
    # A tenant rests between two purges; another process does not wait for this one's.
    await fresh(purger).purge_once()

    assert (purge_of(running), purge_of(done)) == ("running", "complete")


async def test_memory_holds_no_text_afterwards(
    service: Service, ana: Person, purger: Purger
) -> None:
    purger = fresh(purger)
    document_id = await ana.upload(SECRET)
    await ana.ask("How much is the qxvwkpt bonus of the travel desk?")
    sentence_vectors = service.resources.spaces.expected.sentence_vectors
    before = count_remembered(), len(sentence_vectors)

    await delete(ana, document_id)
    await purger.purge_once()

    assert min(before) > 0
    assert (count_remembered(), len(sentence_vectors)) == (0, 0)


async def test_every_cache_of_texts_is_emptied() -> None:
    # A cache of functions that take text would keep what was deleted.
    source = Path(__file__).parents[2]
    kept = {
        str(path.relative_to(source))
        for package in ("app", "language", "kb", "models")
        for path in (source / package).rglob("*.py")
        if re.search(r"^@(functools\.)?lru_cache", path.read_text(), re.MULTILINE)
    }

    assert kept == {
        # They take no text of documents: names of tables, languages, files of the package.
        "app/answering/abstention.py",
        "app/answering/verify/profiles.py",
        "app/answering/verify/vetoes.py",
        "kb/index/candidate_vectors.py",
        "kb/store/spaces.py",
        "kb/store/vectors.py",
        "language/lexicon.py",
    }


async def test_only_who_deleted_it_or_an_admin_who_could_read_it_gets_the_receipt(
    service: Service, ana: Person
) -> None:
    tenant_id = ana.tenant_id
    document_id = await ana.upload(SECRET, principals=["group:hr"])
    await delete(ana, document_id)
    path = f"/v1/documents/{document_id}/receipt"
    colleague = await service.person(tenant_id, "group:hr", scopes=["documents:write"])
    hr = await service.person(tenant_id, "group:hr", scopes=["admin"])
    admin = await service.person(tenant_id, "user:bo", scopes=["admin"])
    elsewhere = await service.person(await service.new_tenant(), "group:hr", "user:ana")
    reader = await service.person(tenant_id, "group:hr", scopes=["documents:read"])

    statuses = {
        name: (await person.request("GET", path)).status_code
        for name, person in {
            "deleter": ana,
            "colleague": colleague,
            "admin who reads": hr,
            "admin who does not": admin,
            "other tenant": elsewhere,
            "reader": reader,
        }.items()
    }

    assert statuses == {
        "deleter": 200,
        "colleague": 404,
        "admin who reads": 200,
        "admin who does not": 404,
        "other tenant": 404,
        "reader": 403,
    }


async def test_a_receipt_is_checked_with_the_published_keys(service: Service, ana: Person) -> None:
    document_id = await ana.upload(OTHER)
    receipt = await delete(ana, document_id)

    response = await ana.request("GET", "/v1/receipts/keys")

    keys = [read_jwk(each) for each in response.json()["keys"]]
    assert verify_receipt(receipt, {key.id: key for key in keys}) == keys[0]
    with pytest.raises(ReceiptInvalid):
        verify_receipt({**receipt, "chunks": 0}, {key.id: key for key in keys})


async def test_an_upload_is_not_repeated_once_its_document_is_deleted(ana: Person) -> None:
    keyed = {"Idempotency-Key": "nightly"}
    body = {"text": "The qxvwkpt bonus is 731 euros."}
    sent = await ana.request("POST", "/v1/documents", keyed, json=body)
    document_id = sent.json()["document"]["id"]
    await delete(ana, document_id)

    again = await ana.request("POST", "/v1/documents", keyed, json=body)

    assert (again.status_code, again.json()["code"]) == (410, "document_deleted")
    assert (await ana.request("GET", "/v1/documents")).json()["data"] == []


async def test_a_purge_whose_note_is_there_already_is_no_trouble(
    service: Service, ana: Person, purger: Purger
) -> None:
    """As when the answer to its transaction was lost, which it tries again."""
    database = service.resources.database
    await forget_processes(database)
    purger, other = fresh(purger), fresh(purger)
    async with database.system() as system:
        await say_alive(system, other.process)
    async with database.tenant(ana.tenant_id, viewer=None) as scope:
        await delete_tenant(scope, files=0, now=purger.clock())
    await purger.purge_once()

    again = replace(purger, _removed=set())
    await again.purge_once()
    await other.purge_once()

    assert ana.tenant_id in again._removed
    async with database.system() as system:
        state = (await get_tenant_deletion(system, ana.tenant_id)).state
    assert state.purged_at is not None


async def test_a_tenant_that_cannot_be_purged_keeps_no_other_from_it(
    service: Service, ana: Person, purger: Purger, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = service.resources.database
    await forget_processes(database)
    purger = fresh(purger)
    tenant_ids = [ana.tenant_id, await service.new_tenant()]
    for tenant_id in tenant_ids:
        async with database.tenant(tenant_id, viewer=None) as scope:
            await delete_tenant(scope, files=0, now=purger.clock())
    remove = purger.indexes.lexical.remove

    async def fail_for_first(tenant_id: TenantId) -> None:
        if tenant_id == tenant_ids[0]:
            raise OSError
        await remove(tenant_id)

    monkeypatch.setattr(purger.indexes.lexical, "remove", fail_for_first)
    await purger.purge_once()
    monkeypatch.undo()
    async with database.system() as system:
        after = [(await get_tenant_deletion(system, each)).state for each in tenant_ids]
    await purger.purge_once()

    assert [state.purged_at is not None for state in after] == [False, True]
    async with database.system() as system:
        state = (await get_tenant_deletion(system, tenant_ids[0])).state
    assert state.purged_at is not None


async def test_a_deleted_tenant_leaves_nothing_even_if_a_search_was_going_on(
    service: Service,
    ana: Person,
    purger: Purger,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kb.index.sketches.tenant_sketches.STORED_ROWS", 1)
    await forget_processes(service.resources.database)
    purger = fresh(purger)
    document_id = await ana.upload(SECRET)
    await ana.ask("How much is the qxvwkpt bonus of the travel desk?")
    found = await traces(ana, document_id)
    folders = [settings.home_path / kind / str(ana.tenant_id) for kind in ("lexical", "sketches")]
    assert all(folder.is_dir() for folder in folders)
    database = service.resources.database
    async with database.tenant(ana.tenant_id, viewer=None) as scope:
        await delete_tenant(scope, files=1, now=purger.clock())

    refused = await ana.search("leave")
    await purger.purge_once()
    gone = [not folder.exists() for folder in folders]
    for folder in folders:
        folder.mkdir()
        (folder / "meta.json").write_text("{}")
    await purger.purge_once()

    assert refused.status_code == 401
    assert gone == [True, True]
    assert not any(folder.exists() for folder in folders)
    assert (await scanned(ana, settings, found)).unexpected == []
    async with database.system() as system:
        state = (await get_tenant_deletion(system, ana.tenant_id)).state
    assert state.purged_at is not None
