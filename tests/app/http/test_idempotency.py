"""`Idempotency-Key`: however often a request is sent, its work is done once."""

import asyncio
import json
from datetime import timedelta
from http import HTTPStatus

import httpx
import pytest
from sqlalchemy import delete, select, update

from app.http.idempotency import Remember, do_once
from app.identity import Caller, Identity
from kb.errors import FileStoreUnavailable, IdempotencyKeyReused, InvalidInput, StillRunning
from kb.ids import Subject
from kb.store.choices import SCOPES
from kb.store.idempotency import StoredResponse
from kb.store.tables import answer_events, answers, idempotency_keys
from tests.service import Person, Service

QUESTION = "How many days of leave does everyone have?"


@pytest.fixture
async def ana(service: Service) -> Person:
    return await service.person(await service.new_tenant(), "user:ana")


@pytest.fixture
async def caller(service: Service) -> Caller:
    identity = Identity(
        subject=Subject("test:ana"),
        tenant_id=await service.new_tenant(),
        principals=("tenant:*", "user:ana"),
        scopes=frozenset(SCOPES),
    )
    return Caller(identity=identity, principals=identity.principals, request_id="test")


async def post(person: Person, path: str, key: str, body: object) -> httpx.Response:
    return await person.request("POST", path, headers={"Idempotency-Key": key}, json=body)


async def store(person: Person, key: str, body: object) -> httpx.Response:
    return await post(person, "/v1/documents", key, body)


async def document_count(person: Person) -> int:
    return len((await person.request("GET", "/v1/documents")).json()["data"])


async def test_a_repeated_upload_gives_the_first_response(ana: Person) -> None:
    first = await store(ana, "k1", {"text": "A note."})
    second = await store(ana, "k1", {"text": "A note."})

    assert first.status_code == second.status_code == HTTPStatus.ACCEPTED
    assert first.json() == second.json()
    assert await document_count(ana) == 1


async def test_a_repeated_form_gives_the_first_response(ana: Person) -> None:
    files, headers = {"file": ("note.md", b"A note.")}, {"Idempotency-Key": "k1"}

    responses = [
        await ana.request("POST", "/v1/documents", headers=headers, files=files) for _ in range(2)
    ]

    assert responses[0].json() == responses[1].json()
    assert await document_count(ana) == 1


@pytest.mark.parametrize("body", [{"text": "Another note."}, {"text": "A note.", "title": "T"}])
async def test_a_key_serves_one_request_only(ana: Person, body: object) -> None:
    await store(ana, "k1", {"text": "A note."})

    other = await store(ana, "k1", body)

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await document_count(ana) == 1


async def test_a_key_serves_one_route_only(ana: Person) -> None:
    await store(ana, "k1", {"text": "A note."})

    other = await post(ana, "/v1/answers", "k1", {"question": QUESTION})

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_two_people_may_choose_the_same_key(service: Service, ana: Person) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    carl = await service.person(await service.new_tenant(), "user:ana")

    responses = [await store(person, "k1", {"text": "A note."}) for person in (ana, bob, carl)]

    assert len({response.json()["document"]["id"] for response in responses}) == 3


async def test_concurrent_repetitions_do_the_work_once(ana: Person) -> None:
    responses = await asyncio.gather(*(store(ana, "k1", {"text": "A note."}) for _ in range(5)))

    accepted = [response for response in responses if response.status_code == HTTPStatus.ACCEPTED]
    refused = [response for response in responses if response not in accepted]
    assert {response.json()["code"] for response in refused} <= {"still_running"}
    assert {response.status_code for response in refused} <= {HTTPStatus.CONFLICT}
    assert len({response.json()["document"]["id"] for response in accepted}) == 1
    assert await document_count(ana) == 1


async def test_a_refused_request_frees_its_key(ana: Person) -> None:
    await store(ana, "first", {"text": "A note.", "external_id": "note"})
    refused = await store(ana, "k1", {"text": "A note.", "external_id": "note", "mode": "create"})
    assert refused.status_code == HTTPStatus.CONFLICT

    accepted = await store(ana, "k1", {"text": "A note.", "external_id": "other"})

    assert accepted.status_code == HTTPStatus.ACCEPTED


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
async def test_a_malformed_key_is_refused(ana: Person, key: str) -> None:
    response = await store(ana, key, {"text": "A note."})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert await document_count(ana) == 0


async def test_a_repeated_question_gives_the_first_answer(ana: Person) -> None:
    await ana.upload("Everyone has 31 days of leave.")
    first = await post(ana, "/v1/answers", "k1", {"question": QUESTION})
    await ana.upload("Everyone has 33 days of leave.")

    second = await post(ana, "/v1/answers", "k1", {"question": QUESTION})

    assert first.json()["status"] == "answered"
    assert second.json() == first.json()


async def test_a_repeated_question_tells_nothing_that_was_taken_away(
    service: Service, ana: Person
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    document_id = await ana.upload("Everyone has 31 days of leave.")
    first = await post(bob, "/v1/answers", "k1", {"question": QUESTION})
    assert "31 days" in first.text

    await ana.request("PATCH", f"/v1/documents/{document_id}", json={"principals": ["user:ana"]})
    second = await post(bob, "/v1/answers", "k1", {"question": QUESTION})

    assert (second.status_code, second.json()["code"]) == (404, "answer_not_found")
    assert "31 days" not in second.json()["detail"]


async def test_while_the_first_request_runs_a_second_one_is_told_so(
    service: Service, caller: Caller
) -> None:
    database, is_running, may_end = service.resources.database, asyncio.Event(), asyncio.Event()

    async def act(_remember: Remember) -> StoredResponse:
        is_running.set()
        await may_end.wait()
        return StoredResponse(status_code=202, body={"number": 1})

    first = asyncio.create_task(do_once(database, caller, key="k1", digest="a", act=act))
    await is_running.wait()
    with pytest.raises(StillRunning):
        await do_once(database, caller, key="k1", digest="a", act=act)
    with pytest.raises(IdempotencyKeyReused):
        await do_once(database, caller, key="k1", digest="b", act=act)
    may_end.set()

    stored = await first
    assert await do_once(database, caller, key="k1", digest="a", act=act) == stored


async def test_a_request_that_failed_can_be_sent_again(service: Service, caller: Caller) -> None:
    database, failures = service.resources.database, [FileStoreUnavailable()]

    async def act(_remember: Remember) -> StoredResponse:
        if failures:
            raise failures.pop()
        return StoredResponse(status_code=202, body={"number": 2})

    with pytest.raises(FileStoreUnavailable):
        await do_once(database, caller, key="k1", digest="a", act=act)
    again = await do_once(database, caller, key="k1", digest="a", act=act)

    assert again.body == {"number": 2}


async def test_a_request_that_was_cut_off_can_be_sent_again(
    service: Service, caller: Caller
) -> None:
    database, is_running = service.resources.database, asyncio.Event()

    async def hang(_remember: Remember) -> StoredResponse:
        is_running.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def act(_remember: Remember) -> StoredResponse:
        return StoredResponse(status_code=202, body={"number": 2})

    first = asyncio.create_task(do_once(database, caller, key="k1", digest="a", act=hang))
    await is_running.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    assert (await do_once(database, caller, key="k1", digest="a", act=act)).body == {"number": 2}


async def test_a_request_that_failed_after_its_work_was_stored_is_not_done_again(
    service: Service, caller: Caller
) -> None:
    database, calls = service.resources.database, 0

    async def act(remember: Remember) -> StoredResponse:
        nonlocal calls
        calls += 1
        async with database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
            await remember(scope, StoredResponse(status_code=202, body={"number": calls}))
        raise FileStoreUnavailable

    with pytest.raises(FileStoreUnavailable):
        await do_once(database, caller, key="k1", digest="a", act=act)
    again = await do_once(database, caller, key="k1", digest="a", act=act)

    assert (again.body, calls) == ({"number": 1}, 1)


async def test_a_response_that_is_not_final_is_not_kept(service: Service, caller: Caller) -> None:
    database, calls = service.resources.database, 0

    async def act(_remember: Remember) -> StoredResponse:
        nonlocal calls
        calls += 1
        return StoredResponse(status_code=207, body={"number": calls}, is_final=calls == 2)

    bodies = [
        (await do_once(database, caller, key="k1", digest="a", act=act)).body for _ in range(3)
    ]

    assert bodies == [{"number": 1}, {"number": 2}, {"number": 2}]


async def test_a_part_of_a_request_has_a_key_of_its_own(service: Service, caller: Caller) -> None:
    database = service.resources.database

    async def act(_remember: Remember) -> StoredResponse:
        return StoredResponse(status_code=202, body={})

    for part in (None, 0, 1):
        await do_once(database, caller, key="k1", digest=f"of {part}", act=act, part=part)
    with pytest.raises(InvalidInput):
        await do_once(database, caller, key="k1\n0", digest="a", act=act)


async def test_who_was_taken_for_dead_does_nothing_when_it_goes_on(
    service: Service, caller: Caller
) -> None:
    database, is_running, goes_on = service.resources.database, asyncio.Event(), asyncio.Event()
    response = StoredResponse(status_code=202, body={"by": "the first"})

    async def slow(remember: Remember) -> StoredResponse:
        is_running.set()
        await goes_on.wait()
        async with database.tenant(caller.tenant_id, viewer=caller.managing_viewer) as scope:
            await remember(scope, response)
        return response

    async def act(_remember: Remember) -> StoredResponse:
        return StoredResponse(status_code=202, body={"by": "the second"})

    first = asyncio.create_task(do_once(database, caller, key="k1", digest="a", act=slow))
    await is_running.wait()
    second = await do_once(
        database, caller, key="k1", digest="a", act=act, abandoned_after=timedelta(0)
    )
    goes_on.set()

    with pytest.raises(StillRunning):
        await first
    third = await do_once(database, caller, key="k1", digest="a", act=act)
    assert second.body == third.body == {"by": "the second"}


async def test_a_repeated_search_shows_what_may_be_read_today(
    service: Service, ana: Person
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    hidden = await ana.upload("The harbour closes at 8.")
    await ana.upload("The harbour opens at 6.")
    first = (await post(bob, "/v1/search", "k1", {"query": "harbour"})).json()
    await ana.request("PATCH", f"/v1/documents/{hidden}", json={"principals": ["user:ana"]})

    again = (await post(bob, "/v1/search", "k1", {"query": "harbour"})).json()

    assert len(first["data"]) == 2
    left = [hit for hit in first["data"] if hit["document"]["id"] != hidden]
    assert again == {**first, "data": left}
    async with service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        kept = await scope.connection.execute(select(idempotency_keys.c.response))
        assert "harbour closes" not in str([*kept.scalars()])


streams_of_both_doors = pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/answers", {"question": QUESTION, "stream": True}),
        (
            "/v1/chat/completions",
            {
                "model": "footnote/default",
                "messages": [{"role": "user", "content": QUESTION}],
                "stream": True,
            },
        ),
    ],
)


@streams_of_both_doors
async def test_a_repeated_stream_is_that_of_the_first_answer(
    ana: Person, path: str, body: object
) -> None:
    await ana.upload("Everyone has 31 days of leave.")

    first, again = await asyncio.gather(*(post(ana, path, "k1", body) for _ in range(2)))
    later = await post(ana, path, "k1", body)

    # Whoever comes while the key is being claimed is told so; the others follow one answer.
    streams = [each.text for each in (first, again, later) if each.status_code == HTTPStatus.OK]
    assert "31 days" in later.text
    assert set(streams) == {later.text}


@streams_of_both_doors
async def test_the_key_of_a_stream_whose_process_died_is_freed_when_that_is_seen(
    ana: Person, path: str, body: object
) -> None:
    await ana.upload("Everyone has 31 days of leave.")
    await post(ana, path, "k1", body)
    async with ana.service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        # What a killed process leaves behind.
        silent_since = ana.service.resources.clock() - timedelta(minutes=1)
        await scope.connection.execute(
            update(answers).values(status="running", alive_at=silent_since)
        )
        await scope.connection.execute(delete(answer_events).where(answer_events.c.number > 1))

    abandoned = await post(ana, path, "k1", body)
    made_anew = await post(ana, path, "k1", body)

    assert "answer_abandoned" in abandoned.text
    assert "31 days" in made_anew.text


async def test_of_a_stream_whose_events_are_gone_the_answer_is_left(ana: Person) -> None:
    await ana.upload("Everyone has 31 days of leave.")
    body = {"question": QUESTION, "stream": True}
    first = await post(ana, "/v1/answers", "k1", body)
    async with ana.service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        await scope.connection.execute(delete(answer_events))

    again = await post(ana, "/v1/answers", "k1", body)

    last = first.text.strip().rpartition("\n\n")[2]
    assert again.text.strip().splitlines()[0] == "event: answer.completed"
    assert "id: 1" in again.text.splitlines()
    assert data_of(again.text.strip()) == data_of(last)


def data_of(event: str) -> object:
    """The data of an event."""
    return json.loads(next(line for line in event.splitlines() if line.startswith("data: "))[6:])
