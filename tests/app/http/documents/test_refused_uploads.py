"""Uploads that are refused at once, and those whose job ends with a reason."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from uuid import uuid4

import pytest

from kb.store.uploads import Uploads
from tests.footnote.serving import served
from tests.ingest.files.builders import (
    encrypted_office_file,
    encrypted_pdf_file,
    pdf_file,
    scanned_pdf_file,
    with_member,
    word_file,
    zip_file,
)
from tests.service import Person, Service

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(64)
OLD_WORD = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1016)
PDF = pdf_file([[("Normal", "A page.")]])
SMALL_LIMIT = 20_000


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


@pytest.fixture(scope="module")
async def small_service(service: Service) -> AsyncIterator[Service]:
    """The same service with small limits."""
    resources = service.resources
    limits = replace(
        resources.request_limits, max_upload_bytes=SMALL_LIMIT, max_body_bytes=SMALL_LIMIT
    )
    uploads = Uploads(
        database=resources.database, files=resources.files, max_bytes=limits.max_upload_bytes
    )
    async with served(
        replace(resources, uploads=uploads, request_limits=limits), service.ingestion
    ) as small:
        yield small


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "empty.txt", "document_empty"),
        (b"", "empty.pdf", "document_empty"),
        (b" \r\n\t ", "blank.md", "document_empty"),
    ],
)
async def test_an_empty_file_is_refused(ana: Person, content: bytes, name: str, code: str) -> None:
    response = await ana.request("POST", "/v1/documents", files={"file": (name, content)})

    assert (response.status_code, response.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PNG, "picture.png"),
        (PNG, "picture.txt"),
        (PNG, "picture"),
        (b"MZ" + bytes(range(256)), "setup.exe"),
        (b"text with a \0 in it", "note.txt"),
        (zip_file({"note.txt": b"A note."}), "notes.zip"),
        (zip_file({"note.txt": b"A note."}), "notes.docx"),
        (OLD_WORD, "old.doc"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing.svg"),
        (b"Only text.", "report.pdf"),
        (PDF, "report.docx"),
        (PDF, "report.png"),
        (word_file(), "report.pdf"),
        (word_file(), "report.xlsx"),
    ],
)
async def test_a_type_that_is_not_read_or_not_what_it_says_is_refused(
    ana: Person, content: bytes, name: str
) -> None:
    response = await ana.request(
        "POST", "/v1/documents", files={"file": (name, content, "text/plain")}
    )

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert (await ana.request("GET", "/v1/documents")).json()["data"] == []


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (PDF[: len(PDF) // 2], "cut.pdf", "document_corrupt"),
        (word_file()[:-400], "cut.docx", "document_corrupt"),
        (encrypted_pdf_file("secret"), "locked.pdf", "document_encrypted"),
        (encrypted_office_file(), "locked.docx", "document_encrypted"),
        (scanned_pdf_file(), "scan.pdf", "document_empty"),
        (
            with_member(word_file(), "word/media/bomb.bin", bytes(600_000_000)),
            "bomb.docx",
            "document_too_complex",
        ),
    ],
    ids=["cut pdf", "cut docx", "locked pdf", "locked docx", "scan", "bomb"],
)
async def test_an_unreadable_document_says_why(
    ana: Person, content: bytes, name: str, code: str
) -> None:
    created = await ana.request("POST", "/v1/documents", files={"file": (name, content)})
    assert created.status_code == HTTPStatus.ACCEPTED

    await ana.service.run_job(ana.tenant_id, created.json()["job"]["id"])

    job = (await ana.request("GET", f"/v1/jobs/{created.json()['job']['id']}")).json()
    assert job["status"] == "failed"
    assert (job["error"]["code"], job["error"]["retryable"]) == (code, False)
    path = f"/v1/documents/{created.json()['document']['id']}"
    document = (await ana.request("GET", path)).json()
    assert (document["status"], document["version"], document["chunk_count"]) == ("failed", 0, 0)
    assert document["error"] == {"code": code, "message": job["error"]["message"]}


async def test_what_was_served_stays_when_its_new_content_cannot_be_read(ana: Person) -> None:
    document_id = await ana.upload("Everyone has 31 days of leave.", "leave.txt", external_id="a")

    await ana.upload(encrypted_pdf_file("secret"), "leave.pdf", external_id="a")

    document = (await ana.request("GET", f"/v1/documents/{document_id}")).json()
    assert (document["status"], document["version"]) == ("ready_with_warnings", 1)
    assert document["error"]["code"] == "document_encrypted"
    [hit] = (await ana.search("days of leave")).json()["data"]
    assert hit["text"] == "Everyone has 31 days of leave."


@pytest.mark.parametrize("good_first", [True, False])
async def test_what_could_not_be_read_is_tried_again_when_it_is_sent_again(
    ana: Person, *, good_first: bool
) -> None:
    if good_first:
        await ana.upload("Everyone has 31 days of leave.", "leave.txt", external_id="a")
    locked = encrypted_pdf_file("secret")
    await ana.upload(locked, "leave.pdf", external_id="a")

    again = await ana.post_file(locked, "leave.pdf", external_id="a")

    assert again.status_code == HTTPStatus.ACCEPTED
    assert again.json()["job"]["status"] == "queued"
    assert again.json()["document"]["error"] is None


async def test_a_readable_file_mends_a_failed_document(ana: Person) -> None:
    failed = await ana.upload(encrypted_pdf_file("secret"), "leave.pdf", external_id="a")

    mended = await ana.upload("Everyone has 31 days of leave.", "leave.txt", external_id="a")

    document = (await ana.request("GET", f"/v1/documents/{mended}")).json()
    assert mended == failed
    assert (document["status"], document["error"], document["version"]) == ("ready", None, 2)


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, ["body", "text"]),
        ({"text": 7}, ["body", "text"]),
        ({"text": "A \0 in it."}, ["body", "text"]),
        ({"text": "Half a pair: \ud800."}, ["body"]),
        ({"text": "A.", "titel": "Misspelt"}, ["body", "titel"]),
        ({"text": "A.", "tenant_id": str(uuid4())}, ["body", "tenant_id"]),
        ({"text": "A.", "mode": "replace"}, ["body", "mode"]),
        ({"text": "A.", "mode": "upsert"}, ["body"]),
        ({"text": "A.", "title": "A \0 in it"}, ["body", "title"]),
        ({"text": "A.", "external_id": ""}, ["body", "external_id"]),
        ({"text": "A.", "external_id": "two\nlines"}, ["body", "external_id"]),
        ({"text": "A.", "collection": " "}, ["body", "collection"]),
        ({"text": "A.", "metadata": []}, ["body", "metadata"]),
        ({"text": "A.", "metadata": {"a": "\0"}}, ["body", "metadata"]),
        ({"text": "A.", "effective_at": "2025-01-01"}, ["body", "effective_at"]),
        ({"text": "A.", "effective_at": "2025-01-01T00:00:00"}, ["body", "effective_at"]),
        ({"text": "A.", "supersedes": "the other one"}, ["body", "supersedes"]),
        ({"text": "A.", "source_uri": "javascript:alert(1)"}, ["body", "source_uri"]),
        ({"text": "A.", "language": "English!"}, ["body", "language"]),
    ],
)
async def test_a_malformed_field_is_refused_and_named(
    ana: Person, body: object, location: list[str]
) -> None:
    response = await ana.request(
        "POST",
        "/v1/documents",
        headers={"Content-Type": "application/json"},
        content=json.dumps(body),
    )

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "invalid_request")
    assert location in [fault["loc"][: len(location)] for fault in problem["errors"]]


@pytest.mark.parametrize("principal", ["everybody", "user:", ":ana", "user:a b", "user:a,b", "*"])
async def test_a_malformed_principal_is_refused(ana: Person, principal: str) -> None:
    response = await ana.request(
        "POST", "/v1/documents", json={"text": "A.", "principals": [principal]}
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_principal")


@pytest.mark.parametrize("content", [b"{", b'{"text": "A', b"\xff\xfe", b"[1]", b"null"])
async def test_a_body_that_is_no_object_is_refused(ana: Person, content: bytes) -> None:
    response = await ana.request(
        "POST", "/v1/documents", headers={"Content-Type": "application/json"}, content=content
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_form_field_that_is_unknown_or_sent_twice_is_refused(ana: Person) -> None:
    note = {"file": ("note.md", b"A note.")}

    unknown = await ana.request("POST", "/v1/documents", files=note, data={"titel": "A"})
    twice = await ana.request("POST", "/v1/documents", files=note, data={"title": ["A", "B"]})
    no_json = await ana.request("POST", "/v1/documents", files=note, data={"metadata": "{a"})

    for response, name in ((unknown, "titel"), (twice, "title"), (no_json, "metadata")):
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert ["body", name] in [fault["loc"][:2] for fault in response.json()["errors"]]


async def test_a_form_without_one_file_is_refused(ana: Person) -> None:
    other_name = await ana.request("POST", "/v1/documents", files={"upload": ("a.md", b"A.")})
    two = await ana.request(
        "POST", "/v1/documents", files=[("file", ("a.md", b"A.")), ("file", ("b.md", b"B."))]
    )
    text_only = await ana.request(
        "POST", "/v1/documents", files={"file": (None, b"A note."), "x": (None, b"y")}
    )

    assert [other_name.status_code, two.status_code, text_only.status_code] == [422, 400, 422]
    assert {other_name.json()["code"], text_only.json()["code"]} == {"invalid_request"}


async def test_another_type_of_body_is_refused(ana: Person) -> None:
    response = await ana.request(
        "POST", "/v1/documents", headers={"Content-Type": "text/plain"}, content=b"A note."
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_an_unknown_predecessor_is_not_found(ana: Person) -> None:
    response = await ana.request(
        "POST", "/v1/documents", json={"text": "A.", "supersedes": str(uuid4())}
    )

    assert (response.status_code, response.json()["code"]) == (404, "document_not_found")


async def test_a_file_of_the_largest_size_is_taken_and_one_more_byte_is_too_much(
    service: Service, small_service: Service
) -> None:
    ana = await small_service.person(await service.new_tenant(), "user:ana")

    largest = await ana.post_file(b"x" * SMALL_LIMIT, "large.txt")
    too_large = await ana.post_file(b"x" * (SMALL_LIMIT + 1), "larger.txt")

    assert largest.status_code == HTTPStatus.ACCEPTED
    assert (too_large.status_code, too_large.json()["code"]) == (413, "upload_too_large")


async def test_a_json_body_that_is_too_large_is_refused(
    service: Service, small_service: Service
) -> None:
    ana = await small_service.person(await service.new_tenant(), "user:ana")

    response = await ana.request("POST", "/v1/documents", json={"text": "x" * SMALL_LIMIT})

    assert (response.status_code, response.json()["code"]) == (413, "upload_too_large")


async def test_a_form_beyond_the_default_limit_is_refused_by_its_declared_length(
    service: Service, ana: Person
) -> None:
    """By hand, since a client sends the length that it has."""
    url = service.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = [
        "POST /v1/documents HTTP/1.1",
        f"Host: {url.host}",
        f"Authorization: Bearer {ana.key}",
        "Content-Type: multipart/form-data; boundary=b",
        "Content-Length: 51000001",
    ]

    writer.write("\r\n".join([*lines, "", ""]).encode())
    status_line = await reader.readline()

    writer.close()
    await writer.wait_closed()
    assert status_line.split()[1] == b"413"
