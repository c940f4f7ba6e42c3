"""Who may change a document that it sees: who uploaded it, with any key, or an administrator."""

from collections.abc import Sequence

import pytest

from tests.service import Person, Service
from tests.tenancy.test_ownership import NEW, OF_ANOTHER, OLD, WRITER, refusal
from tests.tenancy.world import Gateway

GATEWAY = (*WRITER, "act_as")
PATH = "/v1/documents/{}"


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana", "group:hr", scopes=WRITER)


async def colleague(ana: Person, *principals: str, scopes: Sequence[str] = WRITER) -> Person:
    return await ana.service.person(ana.tenant_id, *principals, scopes=scopes)


def through(app: Person, acting_as: str) -> Person:
    return Gateway(service=app.service, tenant_id=app.tenant_id, key=app.key, acting_as=acting_as)


async def test_a_reader_changes_nothing_of_a_colleagues_document(ana: Person) -> None:
    bob = await colleague(ana, "user:bob", "group:hr")
    document_id = await ana.upload(OLD, external_id="leave")
    before = (await ana.request("GET", PATH.format(document_id))).json()

    refused = [
        await bob.post_file(NEW, external_id="leave"),
        await bob.post_file(OLD, external_id="leave", title="Mine"),
        await bob.post_file(NEW, supersedes=document_id),
        await bob.request("PATCH", PATH.format(document_id), json={"title": "Mine"}),
        await bob.request("DELETE", PATH.format(document_id)),
    ]

    assert [refusal(response) for response in refused] == [OF_ANOTHER] * 5
    assert "external_id" in refused[0].json()["detail"]
    assert (await ana.request("GET", PATH.format(document_id))).json() == before
    assert len((await bob.request("GET", "/v1/documents")).json()["data"]) == 1


async def test_creating_what_one_can_see_exists_already(ana: Person) -> None:
    bob = await colleague(ana, "user:bob")
    await ana.upload(OLD, external_id="leave")

    again = await bob.post_file(NEW, external_id="leave", mode="create")

    assert refusal(again) == (409, "already_exists")


@pytest.mark.parametrize("readers", [["user:ana", "user:bob"], ["tenant:*"]])
async def test_ones_own_document_comes_before_an_older_one_of_somebody_else(
    ana: Person, readers: list[str]
) -> None:
    bob = await colleague(ana, "user:bob")
    theirs = await ana.upload(OLD, external_id="leave", principals=["user:ana"])
    mine = await bob.upload(OLD, external_id="leave", principals=["user:bob"])
    await ana.request("PATCH", PATH.format(theirs), json={"principals": readers})

    again = await bob.post_file(NEW, external_id="leave", principals=["user:bob"])

    assert (again.status_code, again.json()["document"]["id"]) == (202, mine)
    assert mine > theirs


async def test_what_one_cannot_read_is_no_conflict(ana: Person) -> None:
    bob = await colleague(ana, "user:bob")
    hidden = await ana.upload(OLD, external_id="leave", principals=["user:ana"])

    created = await bob.post_file(NEW, external_id="leave")

    assert created.status_code == 202
    assert created.json()["document"]["id"] != hidden


@pytest.mark.parametrize(
    ("principals", "scopes"),
    [
        (("user:ana", "group:hr"), WRITER),
        (("user:ana",), WRITER),
        (("user:ana", "group:board"), WRITER),
        (("user:boss",), (*WRITER, "admin")),
    ],
    ids=["another key", "fewer groups", "other groups", "administrator"],
)
async def test_the_same_person_and_an_administrator_change_what_they_see(
    ana: Person, principals: tuple[str, ...], scopes: tuple[str, ...]
) -> None:
    second = await colleague(ana, *principals, scopes=scopes)
    document_id = await ana.upload(OLD, external_id="leave")

    replaced = await second.upload(NEW, external_id="leave")
    path = PATH.format(document_id)

    assert replaced == document_id
    assert (await second.request("PATCH", path, json={"title": "New"})).status_code == 200
    assert (await second.request("DELETE", path)).status_code == 200


async def test_keys_of_one_application_manage_its_documents_together(ana: Person) -> None:
    first, second = await colleague(ana), await colleague(ana)
    document_id = await first.upload(OLD, external_id="leave")

    assert await second.upload(NEW, external_id="leave") == document_id
    assert (await second.request("DELETE", PATH.format(document_id))).status_code == 200


async def test_a_group_is_not_a_person(ana: Person) -> None:
    importer = await colleague(ana, "group:hr")
    other = await colleague(ana, "group:hr", "group:board")
    await importer.upload(OLD, external_id="leave")

    assert refusal(await other.post_file(NEW, external_id="leave")) == OF_ANOTHER


async def test_users_of_one_gateway_are_kept_apart_and_the_gateway_tidies_up(ana: Person) -> None:
    app = await colleague(ana, scopes=GATEWAY)
    other_app = await colleague(ana, "group:other", scopes=GATEWAY)
    carl, bob = through(app, "user:carl,group:a"), through(app, "user:bob,group:a")
    document_id = await carl.upload(OLD, external_id="leave")
    path = PATH.format(document_id)

    assert refusal(await bob.post_file(NEW, external_id="leave")) == OF_ANOTHER
    assert refusal(await bob.request("DELETE", path)) == OF_ANOTHER
    assert refusal(await other_app.request("DELETE", path)) == OF_ANOTHER
    assert (await app.request("PATCH", path, json={"title": "Leave"})).status_code == 200
    through_the_other = through(other_app, "user:carl")
    assert (await through_the_other.request("DELETE", path)).status_code == 200


async def test_who_uploaded_with_an_earlier_release_is_known_by_its_principals(ana: Person) -> None:
    second = await colleague(ana, "user:ana", "group:hr")
    regrouped = await colleague(ana, "user:ana")
    document_id = await ana.upload(OLD)
    database = ana.service.resources.database
    forget = "UPDATE documents SET owner_person = NULL, uploader = NULL, uploader_person = NULL"
    async with database.tenant(ana.tenant_id, viewer=None) as scope:
        await scope.connection.exec_driver_sql(forget)

    path, title = PATH.format(document_id), {"title": "Rules"}

    assert refusal(await regrouped.request("PATCH", path, json=title)) == OF_ANOTHER
    for person in (ana, second):
        assert (await person.request("PATCH", path, json=title)).status_code == 200
