"""Many documents in one request."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus

import httpx
import pytest
from sqlalchemy import text
from typing_extensions import override

from app.http.documents.schemas import MAX_BATCH_ITEMS
from kb.errors import FileStoreUnavailable
from kb.files import FileStore
from kb.ids import JobId, TenantId
from kb.settings import Settings
from kb.store.jobs import get_job
from tests.footnote.serving import served
from tests.service import Person, Service

BATCH = "/v1/documents:batch"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(64)
Item = dict[str, object]


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def send_texts(person: Person, items: Sequence[object], key: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await person.request("POST", BATCH, headers, json={"items": items})


async def send_files(
    person: Person, files: Sequence[tuple[str, bytes]], items: object, *, name: str = "files"
) -> httpx.Response:
    return await person.request(
        "POST",
        BATCH,
        files=[(name, file) for file in files],
        data={"items": items if isinstance(items, str) else json.dumps(items)},
    )


def statuses(response: httpx.Response) -> list[int]:
    assert response.status_code == HTTPStatus.MULTI_STATUS, response.text
    assert [each["index"] for each in response.json()["data"]] == list(
        range(len(response.json()["data"]))
    )
    return [each["status"] for each in response.json()["data"]]


async def external_ids(person: Person) -> list[str]:
    listed = (await person.request("GET", "/v1/documents", params={"limit": 200})).json()["data"]
    return [each["external_id"] for each in listed]


async def test_each_file_becomes_a_document_with_its_own_fields(ana: Person) -> None:
    response = await send_files(
        ana,
        [("leave.md", b"# Leave\n\n31 days."), ("pay.txt", b"Pay comes on the 25th.")],
        [
            {"external_id": "leave", "title": "Leave", "principals": ["user:ana"]},
            {"external_id": "pay", "collection": "money", "metadata": {"year": 2026}},
        ],
    )

    assert statuses(response) == [202, 202]
    leave, pay = (each["document"] for each in response.json()["data"])
    assert (leave["external_id"], leave["title"]) == ("leave", "Leave")
    assert leave["principals"] == ["user:ana"]
    assert (leave["media_type"], leave["collection"]) == ("text/markdown", "default")
    assert (pay["external_id"], pay["metadata"]) == ("pay", {"year": 2026})
    assert (pay["collection"], pay["principals"]) == ("money", ["tenant:*"])
    for each in response.json()["data"]:
        await ana.service.run_job(ana.tenant_id, each["job"]["id"])
    [hit] = (await ana.search("When does pay come?", collections=["money"])).json()["data"]
    assert hit["text"] == "Pay comes on the 25th."


async def test_texts_become_documents_and_unchanged_ones_are_not_read_again(ana: Person) -> None:
    items = [{"text": f"Note {number}.", "external_id": str(number)} for number in range(3)]
    await send_texts(ana, items)
    for each in (await send_texts(ana, items)).json()["data"]:
        await ana.service.run_job(ana.tenant_id, each["job"]["id"])

    again = await send_texts(ana, [*items[:2], {**items[2], "text": "Another."}])

    assert statuses(again) == [200, 200, 202]
    assert [each["job"] is None for each in again.json()["data"]] == [True, True, False]


async def test_of_many_documents_none_goes_before_a_single_one(ana: Person) -> None:
    response = await send_texts(ana, [{"text": "One of many."}])

    job_id = response.json()["data"][0]["job"]["id"]
    async with ana.service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        assert (await get_job(scope, JobId(job_id))).priority == "bulk"


async def test_a_bad_file_spoils_no_other(ana: Person) -> None:
    bad: list[tuple[tuple[str, bytes], object, int, str]] = [
        (("picture.png", PNG), {}, 415, "unsupported_media_type"),
        (("empty.txt", b""), {}, 422, "document_empty"),
        (("a.txt", b"A."), {"titel": "Misspelt"}, 422, "invalid_request"),
        (("a.txt", b"A."), {"text": "Twice."}, 422, "invalid_request"),
        (("a.txt", b"A."), {"principals": ["everybody"]}, 422, "invalid_principal"),
        (("a.txt", b"A."), {"principals": []}, 422, "invalid_request"),
        (("a.txt", b"A."), "no fields", 422, "invalid_request"),
        (("a.txt", b"A."), None, 422, "invalid_request"),
        (("a.txt", b"A."), {"external_id": "kept", "mode": "create"}, 409, "already_exists"),
        (("a.txt", b"A."), {"supersedes": "0" * 32}, 404, "document_not_found"),
        (("n" * 1001, b"A."), {}, 422, "invalid_request"),
    ]
    await ana.upload("Kept.", external_id="kept")

    response = await send_files(
        ana,
        [("first.txt", b"First."), *(file for file, *_ in bad), ("last.txt", b"Last.")],
        [{"external_id": "first"}, *(item for _, item, *_ in bad), {"external_id": "last"}],
    )

    assert statuses(response) == [202, *(status for _, _, status, _ in bad), 202]
    problems = [each["error"] for each in response.json()["data"] if "error" in each]
    assert [each["code"] for each in problems] == [code for *_, code in bad]
    assert sorted(await external_ids(ana)) == ["first", "kept", "last"]


@pytest.mark.parametrize(
    "item",
    [{"text": ""}, {"text": "A.", "titel": "B."}, {"text": 7}, {"text": "A.", "principals": ["x"]}],
)
async def test_an_error_is_the_one_of_a_single_upload(ana: Person, item: Item) -> None:
    single = (await ana.request("POST", "/v1/documents", json=item)).json()

    [result] = (await send_texts(ana, [item])).json()["data"]

    assert result == {"index": 0, "status": single["status"], "error": result["error"]}
    assert {**result["error"], "request_id": ""} == {**single, "request_id": ""}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"items": []}, "invalid_request"),
        ({"items": {"text": "A."}}, "invalid_request"),
        ({"items": [{"text": "A."}], "collection": "x"}, "invalid_request"),
        ({"items": [{"text": "A."}] * (MAX_BATCH_ITEMS + 1)}, "invalid_request"),
        ({"items": [{"text": "A.", "metadata": {"a": [0] * 20_000}}]}, "invalid_request"),
    ],
)
async def test_what_concerns_the_whole_batch_refuses_it(
    ana: Person, body: object, code: str
) -> None:
    response = await ana.request("POST", BATCH, json=body)

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert await external_ids(ana) == []


@pytest.mark.parametrize(
    ("names", "items", "part"),
    [
        (["a.txt"], [{}, {}], "files"),
        (["a.txt", "b.txt"], [{}], "files"),
        (["a.txt"], "{}", "files"),
        (["a.txt"], "[{}", "files"),
        (["a.txt"], json.dumps([{"metadata": {"a": [0] * 20_000}}]), "files"),
        (["a.txt"], [{}], "file"),
        ([], [], "files"),
    ],
)
async def test_a_form_whose_files_and_items_do_not_match_is_refused(
    ana: Person, names: list[str], items: object, part: str
) -> None:
    response = await send_files(ana, [(name, b"A.") for name in names], items, name=part)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert await external_ids(ana) == []


async def test_a_form_with_an_unknown_field_is_refused(ana: Person) -> None:
    response = await ana.request(
        "POST",
        BATCH,
        files=[("files", ("a.txt", b"A."))],
        data={"items": "[{}]", "principals": "user:ana"},
    )

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert await external_ids(ana) == []


async def test_the_name_with_brackets_is_understood_too(ana: Person) -> None:
    response = await send_files(ana, [("a.txt", b"A."), ("b.txt", b"B.")], [{}, {}], name="files[]")

    assert statuses(response) == [202, 202]


async def test_a_batch_as_large_as_allowed_is_taken(ana: Person) -> None:
    items = [
        {
            "text": f"Note {number}.",
            "title": "T",
            "metadata": {"a": 1, "b": 2},
            "principals": ["user:ana"],
        }
        for number in range(MAX_BATCH_ITEMS)
    ]

    response = await send_texts(ana, items)

    assert statuses(response) == [202] * MAX_BATCH_ITEMS


async def test_a_file_that_is_too_large_is_refused_alone(service: Service) -> None:
    resources = service.resources
    uploads = replace(resources.uploads, max_bytes=100)
    async with served(replace(resources, uploads=uploads), service.ingestion) as small:
        ana = await small.person(await small.new_tenant(), "user:ana")

        response = await send_files(
            ana, [("a.txt", b"A."), ("b.txt", b"B" * 101), ("c.txt", b"C.")], [{}, {}, {}]
        )

    assert statuses(response) == [202, 413, 202]


async def test_a_repeated_batch_gives_the_first_response(ana: Person) -> None:
    items = [{"text": "A."}, {"text": "B.", "titel": "Misspelt"}]

    first, second = await send_texts(ana, items, "k1"), await send_texts(ana, items, "k1")

    assert statuses(first) == [202, 422]
    assert first.json() == second.json()
    assert await external_ids(ana) == [None]


async def test_a_key_serves_one_batch_only(ana: Person) -> None:
    await send_texts(ana, [{"text": "A."}], "k1")

    other = await send_texts(ana, [{"text": "B."}], "k1")
    single = await ana.request(
        "POST", "/v1/documents", {"Idempotency-Key": "k1"}, json={"text": "A."}
    )

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (single.status_code, single.json()["code"]) == (422, "idempotency_key_reused")


class FailingFiles(FileStore):
    """A file store that cannot take some contents."""

    def __init__(self, url: str, failing: set[bytes]) -> None:
        super().__init__(url)
        self.failing = failing

    @override
    async def write(self, tenant_id: TenantId, sha256: str, content: bytes) -> None:
        if content in self.failing:
            raise FileStoreUnavailable
        await super().write(tenant_id, sha256, content)


@asynccontextmanager
async def failing_service(
    service: Service, settings: Settings, failing: set[bytes]
) -> AsyncIterator[Service]:
    files = FailingFiles(settings.effective_file_store_url, failing)
    uploads = replace(service.resources.uploads, files=files)
    async with served(replace(service.resources, uploads=uploads), service.ingestion) as other:
        yield other


async def test_what_failed_for_a_passing_reason_is_stored_when_the_batch_is_repeated(
    service: Service, settings: Settings
) -> None:
    failing = {b"B."}
    items = [{"text": "A."}, {"text": "B."}, {"text": "C."}]
    async with failing_service(service, settings, failing) as shaky:
        ana = await shaky.person(await shaky.new_tenant(), "user:ana")
        first = await send_texts(ana, items, "k1")
        failing.clear()

        second = await send_texts(ana, items, "k1")
        third = await send_texts(ana, items, "k1")

        assert statuses(first) == [202, 503, 202]
        error = first.json()["data"][1]["error"]
        assert (error["code"], error["retry_after"]) == ("file_store_unavailable", 5)
        assert statuses(second) == [202, 202, 202]
        kept = [0, 2]
        assert [first.json()["data"][at] for at in kept] == [
            second.json()["data"][at] for at in kept
        ]
        assert second.json() == third.json()
        assert await external_ids(ana) == [None] * 3


async def test_a_dependency_that_is_gone_is_not_waited_for_by_each_document(
    service: Service, settings: Settings
) -> None:
    failing = {f"{number}.".encode() for number in range(3)}
    items = [{"text": f"{number}."} for number in range(10)]
    async with failing_service(service, settings, failing) as shaky:
        ana = await shaky.person(await shaky.new_tenant(), "user:ana")

        response = await send_texts(ana, items)
        failing.remove(b"1.")
        later = await send_texts(ana, items)

        assert statuses(response) == [503] * 10
        assert statuses(later) == [503, 202, 503, *[202] * 7]


async def test_a_batch_whose_end_was_not_recorded_stores_nothing_twice(
    ana: Person,
) -> None:
    """As if the process was killed after the commit of a document, before that of its key."""
    items = [{"text": "A."}, {"text": "B."}]
    await send_texts(ana, items, "k1")
    async with ana.service.resources.database.owner() as connection:
        await connection.execute(
            text("DELETE FROM idempotency_keys WHERE tenant_id = :tenant_id AND key = 'k1'"),
            {"tenant_id": ana.tenant_id},
        )

    again = await send_texts(ana, items, "k1")

    assert statuses(again) == [202, 202]
    assert await external_ids(ana) == [None] * 2


async def test_the_same_name_twice_ends_as_the_last_one(ana: Person) -> None:
    response = await send_texts(
        ana, [{"text": "A.", "external_id": "a"}, {"text": "B.", "external_id": "a"}]
    )

    first, last = response.json()["data"]
    for each in (first, last):
        await ana.service.run_job(ana.tenant_id, each["job"]["id"])
    assert first["document"]["id"] == last["document"]["id"]
    path = f"/v1/documents/{last['document']['id']}/content"
    assert (await ana.request("GET", path)).text.strip() == "B."


async def test_a_key_that_may_not_write_stores_nothing(ana: Person) -> None:
    reader = await ana.service.person(ana.tenant_id, "user:bo", scopes=["documents:read"])

    response = await send_texts(reader, [{"text": "A."}])

    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
