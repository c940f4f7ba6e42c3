"""Changing and deleting documents: effective before the response is sent."""

from http import HTTPStatus

import pytest
from sqlalchemy import text

from app.http.documents.receipt_schemas import Receipt
from kb.errors import FileStoreUnavailable
from kb.store.spaces import all_spaces
from tests.service import Person, Service

LEAVE = "# Leave\n\nEveryone has 31 days of annual leave.\n\n# Sickness\n\nCall before nine.\n"


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def patch(
    person: Person, document_id: str, changes: object, if_match: str | None = None
) -> tuple[int, dict[str, object]]:
    headers = {} if if_match is None else {"If-Match": if_match}
    path = f"/v1/documents/{document_id}"
    response = await person.request("PATCH", path, headers=headers, json=changes)
    return response.status_code, response.json()


async def etag_of(person: Person, document_id: str) -> str:
    response = await person.request("GET", f"/v1/documents/{document_id}")
    return str(response.headers["ETag"])


async def found_by(person: Person, query: str) -> set[str]:
    return {hit["document"]["id"] for hit in (await person.search(query)).json()["data"]}


async def stored_rows(person: Person, document_id: str) -> dict[str, int]:
    """How many rows of each kind belong to the document."""
    database = person.service.resources.database
    async with database.tenant(person.tenant_id, viewer=None) as scope:
        tables = {
            "documents": "documents WHERE id",
            "versions": "document_versions WHERE document_id",
            "chunks": "chunks WHERE document_id",
            "jobs": "jobs WHERE document_id",
            "answers": "answer_documents WHERE document_id",
        }
        [space] = await all_spaces(scope)
        tables["vectors"] = f"vectors_{space.name} WHERE document_id"
        counts = {}
        for name, condition in tables.items():
            query = text(f"SELECT count(*) FROM {condition} = :id")  # noqa: S608  # names of ours
            counts[name] = (await scope.connection.execute(query, {"id": document_id})).scalar_one()
        return counts


async def test_only_what_is_sent_changes(ana: Person) -> None:
    document_id = await ana.upload(
        LEAVE, title="Rules", metadata={"issue": 1}, expires_at="2090-01-01T00:00:00Z"
    )
    before = (await ana.request("GET", f"/v1/documents/{document_id}")).json()

    status, after = await patch(ana, document_id, {"metadata": {"issue": 2}})

    assert status == HTTPStatus.OK
    assert after["metadata"] == {"issue": 2}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"metadata", "updated_at"}


async def test_null_removes_a_title_and_the_documents_own_one_is_shown(ana: Person) -> None:
    document_id = await ana.upload(LEAVE, title="Rules", expires_at="2090-01-01T00:00:00Z")

    status, after = await patch(ana, document_id, {"title": None, "expires_at": None})

    assert status == HTTPStatus.OK
    assert (after["title"], after["expires_at"]) == ("Leave", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": None},
        {"principals": None},
        {"principals": []},
        {"principals": ["nobody"]},
        {"tittle": "Misspelt"},
        {"collection": "other"},
        {"expires_at": "tomorrow"},
        {"title": "A \0 in it"},
        [],
    ],
)
async def test_a_malformed_change_is_refused_and_changes_nothing(
    ana: Person, changes: object
) -> None:
    created = await ana.post_file("A note.")
    document_id = created.json()["document"]["id"]

    status, problem = await patch(ana, document_id, changes)

    assert status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert problem["code"] in {"invalid_request", "invalid_principal"}
    unchanged = (await ana.request("GET", f"/v1/documents/{document_id}")).json()
    assert unchanged == created.json()["document"]


async def test_a_change_of_what_has_changed_meanwhile_is_refused(ana: Person) -> None:
    document_id = (await ana.post_file("A note.")).json()["document"]["id"]
    first_etag = await etag_of(ana, document_id)

    accepted, _ = await patch(ana, document_id, {"title": "One"}, if_match=first_etag)
    refused, problem = await patch(ana, document_id, {"title": "Two"}, if_match=first_etag)

    assert accepted == HTTPStatus.OK
    assert (refused, problem["code"]) == (HTTPStatus.PRECONDITION_FAILED, "revision_mismatch")
    newer_etag = await etag_of(ana, document_id)
    assert newer_etag != first_etag
    assert (await patch(ana, document_id, {"title": "Two"}, if_match=newer_etag))[0] == 200
    assert (await patch(ana, document_id, {"title": "Three"}, if_match="*"))[0] == 200


async def test_a_change_tells_the_etag_that_the_next_read_has(ana: Person) -> None:
    document_id = (await ana.post_file("A note.")).json()["document"]["id"]

    response = await ana.request("PATCH", f"/v1/documents/{document_id}", json={"title": "One"})

    assert response.headers["ETag"] == await etag_of(ana, document_id)


async def test_a_published_version_changes_the_etag(ana: Person) -> None:
    created = (await ana.post_file("A note.")).json()
    before = await etag_of(ana, created["document"]["id"])

    await ana.service.run_job(ana.tenant_id, created["job"]["id"])

    assert await etag_of(ana, created["document"]["id"]) != before


async def test_readers_change_with_the_response(service: Service, ana: Person) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    document_id = await ana.upload(LEAVE, principals=["user:ana"])
    assert await found_by(bob, "annual leave") == set()

    await patch(ana, document_id, {"principals": ["user:bob"]})

    assert await found_by(bob, "annual leave") == {document_id}
    assert (await bob.request("GET", f"/v1/documents/{document_id}")).status_code == 200
    assert (await bob.ask("How many days of annual leave?")).json()["status"] == "answered"
    await patch(ana, document_id, {"principals": ["user:carl"]})
    assert await found_by(bob, "annual leave") == set()
    assert (await bob.request("GET", f"/v1/documents/{document_id}")).status_code == 404
    assert (await bob.ask("How many days of annual leave?")).json()["reason"] == "no_results"


async def test_who_gives_a_document_away_still_manages_it(ana: Person) -> None:
    document_id = await ana.upload(LEAVE)

    status, after = await patch(ana, document_id, {"principals": ["group:hr"]})

    assert (status, after["principals"]) == (HTTPStatus.OK, ["group:hr"])
    assert await found_by(ana, "annual leave") == set()
    assert (await ana.request("GET", f"/v1/documents/{document_id}")).status_code == 200
    chunks = await ana.request("GET", f"/v1/documents/{document_id}/chunks")
    assert len(chunks.json()["data"]) == 2


async def test_a_receipt_counts_what_was_there(ana: Person) -> None:
    document_id = await ana.upload(LEAVE, external_id="leave")
    await ana.upload(LEAVE.replace("31", "33"), external_id="leave")
    answer = (await ana.ask("How many days of annual leave does everyone have?")).json()
    before = await stored_rows(ana, document_id)
    document = (await ana.request("GET", f"/v1/documents/{document_id}")).json()

    response = await ana.request("DELETE", f"/v1/documents/{document_id}")

    assert response.status_code == HTTPStatus.OK
    receipt = Receipt.model_validate(response.json()["receipt"])
    counted = {name: getattr(receipt, name) for name in before}
    assert counted == before
    expected = {"documents": 1, "versions": 2, "chunks": 2, "vectors": 2, "jobs": 2, "answers": 1}
    assert counted == expected
    assert receipt.files == 2
    assert receipt.content_sha256 == document["content_sha256"]
    assert str(receipt.document_id) == document_id
    assert set((await stored_rows(ana, document_id)).values()) == {0}
    assert (await ana.request("GET", f"/v1/answers/{answer['id']}")).status_code == 404


async def test_a_deleted_document_is_gone_from_everywhere(ana: Person) -> None:
    created = (await ana.post_file(LEAVE)).json()
    document_id = created["document"]["id"]
    await ana.service.run_job(ana.tenant_id, created["job"]["id"])
    sha256 = created["document"]["content_sha256"]
    assert await ana.service.resources.files.read(ana.tenant_id, sha256) == LEAVE.encode()

    await ana.request("DELETE", f"/v1/documents/{document_id}")

    for path in (
        f"documents/{document_id}",
        f"documents/{document_id}/content",
        f"documents/{document_id}/content?original=true",
        f"documents/{document_id}/chunks",
        f"documents/{document_id}/versions",
        f"jobs/{created['job']['id']}",
    ):
        assert (await ana.request("GET", f"/v1/{path}")).status_code == 404, path
    assert (await ana.request("GET", "/v1/documents")).json()["data"] == []
    assert await found_by(ana, "annual leave") == set()
    with pytest.raises(FileStoreUnavailable):
        await ana.service.resources.files.read(ana.tenant_id, sha256)
    again = await ana.request("DELETE", f"/v1/documents/{document_id}")
    assert (again.status_code, again.json()["code"]) == (404, "document_not_found")


async def test_bytes_that_another_document_has_stay(ana: Person) -> None:
    first, second = await ana.upload(LEAVE), await ana.upload(LEAVE)

    response = await ana.request("DELETE", f"/v1/documents/{first}")

    assert response.json()["receipt"]["files"] == 0
    original = await ana.request("GET", f"/v1/documents/{second}/content?original=true")
    assert original.text == LEAVE


async def test_a_job_of_a_deleted_document_ends_quietly(ana: Person) -> None:
    created = (await ana.post_file(LEAVE)).json()
    await ana.request("DELETE", f"/v1/documents/{created['document']['id']}")

    await ana.service.run_job(ana.tenant_id, created["job"]["id"])

    assert await found_by(ana, "annual leave") == set()
    assert set((await stored_rows(ana, created["document"]["id"])).values()) == {0}


async def test_a_name_is_free_again_after_the_deletion(ana: Person) -> None:
    first = await ana.upload(LEAVE, external_id="leave")
    await ana.request("DELETE", f"/v1/documents/{first}")

    created = await ana.post_file(LEAVE, external_id="leave", mode="create")

    assert created.status_code == HTTPStatus.ACCEPTED
    assert created.json()["document"]["id"] != first


async def test_the_bytes_of_each_version_can_be_had(ana: Person) -> None:
    document_id = await ana.upload("Issue one.", "one.md", external_id="note")
    await ana.upload("Issue two.", "two.txt", external_id="note")
    path = f"/v1/documents/{document_id}/content"

    first = await ana.request("GET", path, params={"original": "true", "version": 1})
    second = await ana.request("GET", path, params={"original": "true"})
    missing = await ana.request("GET", path, params={"original": "true", "version": 3})

    assert (first.text, second.text) == ("Issue one.", "Issue two.")
    assert first.headers["Content-Type"].startswith("text/markdown")
    # Of an earlier version the name is not kept.
    assert first.headers["Content-Disposition"] == "attachment"
    assert second.headers["Content-Disposition"] == 'attachment; filename="two.txt"'
    assert second.headers["X-Content-Type-Options"] == "nosniff"
    assert missing.json()["code"] == "version_not_found"


async def count_by_words(person: Person, words: str) -> int:
    return len((await person.search(words, mode="lexical")).json()["data"])


async def test_a_new_title_is_found_with_the_very_next_query_and_the_old_one_no_more(
    ana: Person,
) -> None:
    document_id = await ana.upload("# Annual leave\n\n31 days a year.", title="Zanzibar rules")
    assert (await count_by_words(ana, "zanzibar"), await count_by_words(ana, "quetzal")) == (1, 0)

    await patch(ana, document_id, {"title": "Quetzal  handbook"})

    assert (await count_by_words(ana, "zanzibar"), await count_by_words(ana, "quetzal")) == (0, 1)
    assert await count_by_words(ana, "annual leave") == 1


async def test_a_title_is_found_that_was_given_or_taken_away_later(ana: Person) -> None:
    document_id = await ana.upload("31 days of annual leave.", name="plain.txt")

    await patch(ana, document_id, {"title": "Quetzal handbook"})
    with_title = await count_by_words(ana, "quetzal")
    await patch(ana, document_id, {"title": None})

    assert (with_title, await count_by_words(ana, "quetzal")) == (1, 0)
