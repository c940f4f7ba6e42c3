"""Documents that are not yet, no longer, or not any more the valid ones are no evidence."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.service import Person, Service

PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()
FUTURE = (datetime.now(UTC) + timedelta(days=1)).isoformat()
OLD = "# Meals\n\nThe daily meal allowance is EUR 34."
NEW = "# Meals\n\nThe daily meal allowance is EUR 46."
QUESTION = "What is the daily meal allowance?"


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


async def evidence(person: Person) -> tuple[list[str], list[str]]:
    """The documents that a search finds, and those that an answer quotes."""
    found = (await person.search("daily meal allowance")).json()["data"]
    answer = (await person.ask(QUESTION)).json()
    return (
        sorted(hit["document"]["id"] for hit in found),
        sorted({citation["document_id"] for citation in answer["citations"]}),
    )


@pytest.mark.parametrize(
    ("fields", "is_valid"),
    [
        ({"effective_at": PAST}, True),
        ({"effective_at": FUTURE}, False),
        ({"expires_at": FUTURE}, True),
        ({"expires_at": PAST}, False),
        ({"effective_at": PAST, "expires_at": FUTURE}, True),
    ],
)
async def test_a_document_counts_only_in_its_time(
    ana: Person, fields: dict[str, str], *, is_valid: bool
) -> None:
    document_id = await ana.upload(OLD, **fields)

    expected = [document_id] if is_valid else []
    assert await evidence(ana) == (expected, expected)


async def test_an_expired_document_is_still_there_to_be_managed(ana: Person) -> None:
    document_id = await ana.upload(OLD, expires_at=PAST)

    document = await ana.request("GET", f"/v1/documents/{document_id}")

    assert document.json()["status"] == "ready"
    listed = (await ana.request("GET", "/v1/documents")).json()["data"]
    assert [each["id"] for each in listed] == [document_id]


async def test_a_change_of_the_time_takes_effect_at_once(ana: Person) -> None:
    document_id = await ana.upload(OLD)
    path = f"/v1/documents/{document_id}"

    await ana.request("PATCH", path, json={"expires_at": PAST})
    expired = await evidence(ana)
    await ana.request("PATCH", path, json={"expires_at": None, "effective_at": FUTURE})
    not_yet = await evidence(ana)
    await ana.request("PATCH", path, json={"effective_at": None})

    assert expired == not_yet == ([], [])
    assert await evidence(ana) == ([document_id], [document_id])


async def test_a_successor_takes_the_place_of_what_it_supersedes(ana: Person) -> None:
    old = await ana.upload(OLD)
    waiting = (await ana.post_file(NEW, supersedes=old)).json()
    assert await evidence(ana) == ([old], [old])

    await ana.service.run_job(ana.tenant_id, waiting["job"]["id"])

    new = waiting["document"]["id"]
    assert await evidence(ana) == ([new], [new])


@pytest.mark.parametrize("fields", [{"effective_at": FUTURE}, {"expires_at": PAST}])
async def test_a_successor_that_is_not_valid_supersedes_nothing(
    ana: Person, fields: dict[str, str]
) -> None:
    old = await ana.upload(OLD)

    await ana.upload(NEW, supersedes=old, **fields)

    assert await evidence(ana) == ([old], [old])


async def test_what_a_deleted_successor_superseded_is_valid_again(ana: Person) -> None:
    old = await ana.upload(OLD)
    new = await ana.upload(NEW, supersedes=old)

    await ana.request("DELETE", f"/v1/documents/{new}")

    assert await evidence(ana) == ([old], [old])


async def test_a_successor_that_one_may_not_see_supersedes_nothing_for_one(
    service: Service, ana: Person
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    old = await ana.upload(OLD)

    new = await ana.upload(NEW, supersedes=old, principals=["user:ana"])

    assert await evidence(bob) == ([old], [old])
    assert await evidence(ana) == ([new], [new])


async def test_a_document_cannot_supersede_itself(ana: Person) -> None:
    document_id = await ana.upload(OLD, external_id="meals")

    response = await ana.post_file(OLD, external_id="meals", supersedes=document_id)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert await evidence(ana) == ([document_id], [document_id])
