"""Uploads: what is stored, what is read again, and what becomes a new version."""

import asyncio
from http import HTTPStatus

import pytest

from tests.app.http.recording import RecordedService
from tests.service import Person, Service

LEAVE = "# Leave\n\nEveryone has 31 days of annual leave.\n\n# Sickness\n\nCall before nine.\n"
LONGER_LEAVE = LEAVE.replace("31 days", "33 days")
FIELDS = {
    "external_id": "leave-rules",
    "title": "Leave rules",
    "source_uri": "https://intranet.example/leave",
    "language": "en",
    "metadata": {"department": "people", "issue": 3, "tags": ["a", "b"]},
    "principals": ["group:hr", "user:ana"],
    "effective_at": "2025-01-01T00:00:00Z",
    "expires_at": "2095-01-01T02:00:00+02:00",
    "collection": "policies",
}


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def ana_of(recording: RecordedService) -> Person:
    tenant_id = await recording.service.new_tenant()
    return await recording.service.person(tenant_id, "user:ana")


async def content_of(person: Person, document_id: str, version: int | None = None) -> str:
    query = {} if version is None else {"version": version}
    path = f"/v1/documents/{document_id}/content"
    return (await person.request("GET", path, params=query)).text


async def chunk_ids_of(person: Person, document_id: str) -> list[int]:
    response = await person.request("GET", f"/v1/documents/{document_id}/chunks")
    return [chunk["chunk_id"] for chunk in response.json()["data"]]


async def test_a_form_is_stored_with_all_its_fields(ana: Person) -> None:
    response = await ana.post_file(LEAVE, "leave.md", **FIELDS)

    assert response.status_code == HTTPStatus.ACCEPTED
    body = response.json()
    assert {name: body["document"][name] for name in FIELDS} == {
        **FIELDS,
        "expires_at": "2095-01-01T00:00:00Z",
    }
    assert body["document"]["status"] == "pending"
    assert body["document"]["version"] == 0
    assert body["document"]["media_type"] == "text/markdown"
    assert body["document"]["size_bytes"] == len(LEAVE.encode())
    assert body["job"]["status"] == "queued"


async def test_json_is_stored_with_all_its_fields(ana: Person) -> None:
    response = await ana.request("POST", "/v1/documents", json={"text": LEAVE, **FIELDS})

    assert response.status_code == HTTPStatus.ACCEPTED
    document = response.json()["document"]
    assert {name: document[name] for name in FIELDS if name != "expires_at"} == {
        name: value for name, value in FIELDS.items() if name != "expires_at"
    }
    assert document["media_type"] == "text/plain"


async def test_what_is_left_out_has_its_default(ana: Person) -> None:
    response = await ana.request("POST", "/v1/documents", json={"text": "Short."})

    document = response.json()["document"]
    assert document["collection"] == "default"
    assert document["principals"] == ["tenant:*"]
    assert document["metadata"] == {}
    for name in ("external_id", "title", "source_uri", "language", "effective_at", "expires_at"):
        assert document[name] is None


async def test_principals_of_a_form_may_be_repeated_or_separated_by_commas(ana: Person) -> None:
    content = {"file": ("note.txt", b"A note.")}

    repeated = await ana.request(
        "POST", "/v1/documents", files=content, data={"principals": ["user:ana", "group:hr"]}
    )
    separated = await ana.request(
        "POST", "/v1/documents", files=content, data={"principals": "user:ana, group:hr"}
    )

    assert repeated.json()["document"]["principals"] == ["group:hr", "user:ana"]
    assert separated.json()["document"]["principals"] == ["group:hr", "user:ana"]


async def test_json_text_keeps_its_meaning_and_its_bytes(ana: Person) -> None:
    text = "First line.\r\nSecond line \U0001f468\u200d\U0001f469\u200d\U0001f467 caf\u0065\u0301."

    created = await ana.request("POST", "/v1/documents", json={"text": text})

    document_id = created.json()["document"]["id"]
    await ana.service.run_job(ana.tenant_id, created.json()["job"]["id"])
    content = await content_of(ana, document_id)
    assert (
        content == "First line.\nSecond line \U0001f468\u200d\U0001f469\u200d\U0001f467 caf\u00e9."
    )
    original = await ana.request(
        "GET", f"/v1/documents/{document_id}/content", params={"original": "true"}
    )
    assert original.content == text.encode()
    [hit] = (await ana.search("café second line")).json()["data"]
    location = hit["location"]
    assert content[location["char_start"] : location["char_end"]] == hit["text"]


async def test_the_same_content_is_not_read_again(recording: RecordedService) -> None:
    ana = await ana_of(recording)
    document_id = await ana.upload(LEAVE, external_id="leave")
    embedded, chunk_ids = list(recording.embedder.passages), await chunk_ids_of(ana, document_id)

    again = await ana.post_file(LEAVE, external_id="leave")

    assert again.status_code == HTTPStatus.OK
    assert again.json()["job"] is None
    assert again.json()["document"]["id"] == document_id
    assert again.json()["document"]["version"] == 1
    assert recording.embedder.passages == embedded
    assert await chunk_ids_of(ana, document_id) == chunk_ids


async def test_the_same_content_under_a_name_of_another_type_is_read_as_that(
    ana: Person,
) -> None:
    table = "name,pay\nAna,5\nBen,6\n"
    document_id = await ana.upload(table, name="pay.txt", external_id="pay")

    again = await ana.upload(table, name="pay.csv", external_id="pay")

    document = (await ana.request("GET", f"/v1/documents/{document_id}")).json()
    assert again == document_id
    assert (document["media_type"], document["version"]) == ("text/csv", 2)


async def test_the_same_content_with_other_fields_changes_only_these(
    recording: RecordedService,
) -> None:
    ana = await ana_of(recording)
    document_id = await ana.upload(LEAVE, external_id="leave", metadata={"issue": 1})
    embedded, chunk_ids = list(recording.embedder.passages), await chunk_ids_of(ana, document_id)

    again = await ana.post_file(
        LEAVE, external_id="leave", metadata={"issue": 2}, principals=["group:hr"]
    )

    assert again.status_code == HTTPStatus.OK
    assert again.json()["job"] is None
    assert again.json()["document"]["metadata"] == {"issue": 2}
    assert again.json()["document"]["principals"] == ["group:hr"]
    assert recording.embedder.passages == embedded
    assert await chunk_ids_of(ana, document_id) == chunk_ids
    assert (await ana.search("annual leave")).json()["data"] == []


async def test_changed_content_becomes_a_version_that_embeds_only_what_is_new(
    recording: RecordedService,
) -> None:
    ana = await ana_of(recording)
    document_id = await ana.upload(LEAVE, external_id="leave", title="Rules")
    del recording.embedder.passages[:]

    changed = await ana.post_file(LONGER_LEAVE, external_id="leave", title="Rules")

    assert changed.status_code == HTTPStatus.ACCEPTED
    assert changed.json()["document"]["id"] == document_id
    assert changed.json()["document"]["version"] == 1
    await ana.service.run_job(ana.tenant_id, changed.json()["job"]["id"])
    assert recording.embedder.passages == [
        "Rules > Leave\nLeave\n\nEveryone has 33 days of annual leave."
    ]
    document = (await ana.request("GET", f"/v1/documents/{document_id}")).json()
    assert (document["version"], document["chunk_count"]) == (2, 2)
    found = (await ana.search("annual leave days")).json()["data"]
    assert [hit["document"]["version"] for hit in found] == [2, 2]
    assert "33 days" in found[0]["text"]


async def test_text_that_another_document_has_is_not_embedded_again(
    recording: RecordedService,
) -> None:
    ana = await ana_of(recording)
    await ana.upload(LEAVE, title="Rules")
    del recording.embedder.passages[:]

    document_id = await ana.upload(LEAVE, title="Rules")

    assert recording.embedder.passages == []
    assert len(await chunk_ids_of(ana, document_id)) == 2


async def test_versions_are_listed_and_each_keeps_its_content(ana: Person) -> None:
    document_id = await ana.upload(LEAVE, external_id="leave")
    await ana.upload(LONGER_LEAVE, external_id="leave")
    await ana.upload("All rules are off.", external_id="leave")

    listed = (await ana.request("GET", f"/v1/documents/{document_id}/versions")).json()

    assert [version["version"] for version in listed["data"]] == [1, 2, 3]
    assert [version["size_bytes"] for version in listed["data"]] == [
        len(LEAVE),
        len(LONGER_LEAVE),
        len("All rules are off."),
    ]
    assert len({version["content_sha256"] for version in listed["data"]}) == 3
    assert "31 days" in await content_of(ana, document_id, version=1)
    assert "33 days" in await content_of(ana, document_id, version=2)
    assert await content_of(ana, document_id) == "All rules are off."


async def test_a_version_that_is_not_there_is_not_found(ana: Person) -> None:
    document_id = await ana.upload("One version.")
    path = f"/v1/documents/{document_id}/content"

    responses = [
        await ana.request("GET", path, params={"version": number})
        for number in (2, 2**31 - 1, 2**31, 0)
    ]

    assert [response.status_code for response in responses] == [404, 404, 422, 422]
    assert [response.json()["code"] for response in responses] == [
        *["version_not_found"] * 2,
        *["invalid_request"] * 2,
    ]


async def test_content_that_is_not_there_yet_is_not_found(ana: Person) -> None:
    created = await ana.post_file("Nobody has read this yet.")

    response = await ana.request("GET", f"/v1/documents/{created.json()['document']['id']}/content")

    assert response.status_code == HTTPStatus.NOT_FOUND
    assert response.json()["code"] == "version_not_found"


async def test_creating_what_exists_is_a_conflict(ana: Person) -> None:
    await ana.post_file("First.", external_id="note")

    again = await ana.post_file("Second.", external_id="note", mode="create")

    assert again.status_code == HTTPStatus.CONFLICT
    assert again.json()["code"] == "already_exists"


async def test_without_an_external_id_every_upload_is_a_document(ana: Person) -> None:
    first = await ana.post_file("The same note.")
    second = await ana.post_file("The same note.")

    assert first.json()["document"]["id"] != second.json()["document"]["id"]
    assert second.status_code == HTTPStatus.ACCEPTED


async def test_an_external_id_names_one_document_in_each_collection(ana: Person) -> None:
    here = await ana.post_file("A note.", external_id="note", collection="here")
    there = await ana.post_file("A note.", external_id="note", collection="there")

    assert here.json()["document"]["id"] != there.json()["document"]["id"]


async def test_concurrent_upserts_of_one_external_id_make_one_document(ana: Person) -> None:
    contents = [f"The rules, draft {number}." for number in range(4)]

    responses = await asyncio.gather(
        *(ana.post_file(content, external_id="rules") for content in contents)
    )

    assert [response.status_code for response in responses] == [HTTPStatus.ACCEPTED] * 4
    assert len({response.json()["document"]["id"] for response in responses}) == 1
    listed = await ana.request("GET", "/v1/documents", params={"external_id": "rules"})
    assert len(listed.json()["data"]) == 1


async def test_the_same_upload_several_times_at_once_is_read_once(ana: Person) -> None:
    responses = await asyncio.gather(
        *(ana.post_file(LEAVE * 1000, external_id="rules") for _ in range(4))
    )

    assert [response.status_code for response in responses] == [HTTPStatus.ACCEPTED] * 4
    assert len({response.json()["document"]["id"] for response in responses}) == 1
    assert len({response.json()["job"]["id"] for response in responses}) == 1


async def test_the_newest_of_several_uploads_is_served(ana: Person) -> None:
    first = (await ana.post_file("Draft one.", external_id="rules")).json()
    second = (await ana.post_file("Draft two.", external_id="rules")).json()

    for body in (second, first):
        await ana.service.run_job(ana.tenant_id, body["job"]["id"])

    document = (await ana.request("GET", f"/v1/documents/{first['document']['id']}")).json()
    assert document["version"] == 2
    assert await content_of(ana, document["id"]) == "Draft two."
    jobs = [
        (await ana.request("GET", f"/v1/jobs/{body['job']['id']}")).json()
        for body in (first, second)
    ]
    assert [job["status"] for job in jobs] == ["canceled", "succeeded"]


async def test_the_same_content_while_it_waits_gives_the_same_job(ana: Person) -> None:
    first = (await ana.post_file("Wait.", external_id="note")).json()

    second = await ana.post_file("Wait.", external_id="note")

    assert second.json()["job"]["id"] == first["job"]["id"]


async def test_somebody_else_who_sees_the_document_may_replace_it(
    service: Service, ana: Person
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    document_id = await ana.upload("Everybody's note.", external_id="note")

    replaced = await bob.post_file("Everybody's other note.", external_id="note")

    assert replaced.json()["document"]["id"] == document_id


async def test_an_external_id_that_one_may_not_see_is_free(service: Service, ana: Person) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    hidden = await ana.upload("Hidden note.", external_id="note", principals=["user:ana"])

    created = await bob.post_file("My note.", external_id="note", mode="create")

    assert created.status_code == HTTPStatus.ACCEPTED
    assert created.json()["document"]["id"] != hidden
