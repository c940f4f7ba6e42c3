"""Lists: pages in a stable order, and nothing that was not asked for."""

import asyncio
import json
from collections.abc import Mapping

import pytest

from tests.service import Person, Service


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def store(person: Person, number: int, fields: Mapping[str, object] | None = None) -> str:
    body = {"text": f"Note {number}.", "title": f"Note {number}", **(fields or {})}
    response = await person.request("POST", "/v1/documents", json=body)
    return str(response.json()["document"]["id"])


async def listed(person: Person, **parameters: str) -> list[str]:
    response = await person.request("GET", "/v1/documents", params=parameters)
    assert response.status_code == 200, response.text
    return [document["id"] for document in response.json()["data"]]


async def pages(person: Person, path: str, key: str, limit: int) -> list[list[object]]:
    """The key of every entry, page by page."""
    found: list[list[object]] = []
    query: dict[str, str | int] = {"limit": limit}
    for _ in range(100):
        page = (await person.request("GET", path, params=query)).json()
        found.append([entry[key] for entry in page["data"]])
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            return found
        query["cursor"] = page["next_cursor"]
    pytest.fail("The list does not end.")


async def test_pages_give_every_document_once_in_the_order_of_upload(ana: Person) -> None:
    uploaded = [await store(ana, number) for number in range(7)]

    found = await pages(ana, "/v1/documents", "id", limit=3)

    assert found == [uploaded[:3], uploaded[3:6], uploaded[6:]]


async def test_a_full_last_page_says_that_there_is_no_more(ana: Person) -> None:
    uploaded = [await store(ana, number) for number in range(4)]

    assert await pages(ana, "/v1/documents", "id", limit=2) == [uploaded[:2], uploaded[2:]]


async def test_documents_that_come_and_go_between_pages_move_nothing(ana: Person) -> None:
    uploaded = [await store(ana, number) for number in range(4)]
    first = (await ana.request("GET", "/v1/documents", params={"limit": 2})).json()

    newest = await store(ana, 4)
    for document_id in uploaded[:2]:
        await ana.request("DELETE", f"/v1/documents/{document_id}")
    rest = await listed(ana, cursor=first["next_cursor"])

    assert rest == [*uploaded[2:], newest]


async def test_chunks_and_versions_are_paged_too(ana: Person) -> None:
    text = "\n\n".join(f"# Part {number}\n\nText {number}." for number in range(5))
    ids = {await ana.upload(f"{text} {number}", external_id="parts") for number in range(3)}
    path = f"/v1/documents/{ids.pop()}"

    assert await pages(ana, f"{path}/chunks", "ordinal", limit=2) == [[0, 1], [2, 3], [4]]
    assert await pages(ana, f"{path}/versions", "version", limit=2) == [[1, 2], [3]]


@pytest.mark.parametrize("cursor", ["", "nonsense", "!!!", "NQ", "AAAA", "MTIz=", "x" * 201])
async def test_a_cursor_of_no_earlier_page_is_refused(ana: Person, cursor: str) -> None:
    response = await ana.request("GET", "/v1/documents", params={"cursor": cursor})

    assert response.status_code == 422
    assert response.json()["code"] in {"invalid_cursor", "invalid_request"}


@pytest.mark.parametrize("cursor", ["", "nonsense", "LTI", "MjE0NzQ4MzY0OA", "MV8w"])
async def test_a_cursor_that_names_no_chunk_is_refused(ana: Person, cursor: str) -> None:
    """LTI is -2, MjE0NzQ4MzY0OA is 2147483648 and MV8w is 1_0."""
    document_id = await store(ana, 1)

    responses = await asyncio.gather(
        *(
            ana.request("GET", f"/v1/documents/{document_id}/{list_}", params={"cursor": cursor})
            for list_ in ("chunks", "versions")
        )
    )

    assert [response.json()["code"] for response in responses] == ["invalid_cursor"] * 2


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", "1.5"])
async def test_a_limit_outside_its_range_is_refused(ana: Person, limit: str) -> None:
    response = await ana.request("GET", "/v1/documents", params={"limit": limit})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_list_can_be_narrowed(ana: Person) -> None:
    policy = await store(ana, 1, {"collection": "policies", "metadata": {"issue": 4}})
    named = await store(ana, 2, {"external_id": "a/b c"})
    ready = await ana.upload("This one is read.", collection="policies")

    assert await listed(ana, collection="policies") == [policy, ready]
    assert await listed(ana, external_id="a/b c") == [named]
    assert await listed(ana, status="ready") == [ready]
    assert await listed(ana, status="pending", collection="policies") == [policy]
    assert await listed(ana, filter=json.dumps({"metadata.issue": {"$gte": 4}})) == [policy]
    assert await listed(ana, collection="nowhere") == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"colection": "policies"},
        {"external-id": "a"},
        {"status": "done"},
        {"filter": "metadata.issue=4"},
        {"filter": '{"issue": 4}'},
        {"filter": '{"metadata.issue": {"$near": 4}}'},
    ],
)
async def test_a_misspelt_restriction_never_lists_everything(
    ana: Person, parameters: dict[str, str]
) -> None:
    response = await ana.request("GET", "/v1/documents", params=parameters)

    assert response.status_code == 422
    assert response.json()["code"] in {"invalid_request", "invalid_filter"}
