"""Streamed answers over real HTTP: the order of events, resuming, stopping, and what is hidden."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from sqlalchemy import event as database_event

from app.http.answers import streams
from app.http.answers.making import Making, next_news
from app.http.answers.respond import accept_question
from app.http.answers.schemas import AnswerRequest
from app.http.answers.streams import AnswerStreams
from app.identity import ApiKeys, recognise
from kb.errors import AnswerNotFound
from kb.postgres.database import TenantCaller
from kb.store.answer_events import StreamEvent, Told, complete_stream
from kb.store.answers import AnswerRecord
from kb.store.audit import Actor
from tests.service import Person, Service

DOCUMENT = """# Leave policy

Every employee has 31 days of annual leave. Unused leave does not expire before March 2027.
Parental leave lasts 18 weeks and is paid by the Northfield office.
"""
QUESTION = "How many days of annual leave does every employee have?"
VARYING = ("id", "created_at", "request_id", "timings_ms")
"""What differs between two answers to one question."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event as it came."""

    number: int
    name: str
    data: Mapping[str, object]


async def read_stream(
    person: Person,
    body: Mapping[str, object] | None,
    *,
    answer_id: object = None,
    headers: Mapping[str, str] | None = None,
    upto: int = 1_000,
) -> list[Event]:
    """The events of a question, or of an answer by its id, read until `upto` have come."""
    events: list[Event] = []
    sent = {"Authorization": f"Bearer {person.key}", **(headers or {})}
    method, path = ("POST", "/v1/answers") if body else ("GET", f"/v1/answers/{answer_id}")
    async with person.service.http.stream(method, path, headers=sent, json=body) as response:
        assert response.status_code == 200, (await response.aread()).decode()
        assert response.headers["content-type"].startswith("text/event-stream")
        async for event in _events(response.aiter_lines()):
            events.append(event)
            if len(events) == upto:
                break
    return events


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Event(
                number=int(fields["id"]), name=fields["event"], data=json.loads(fields["data"])
            )
            fields = {}


def asking(**body: object) -> dict[str, object]:
    return {"question": QUESTION, "stream": True, **body}


@pytest.fixture
async def ana(service: Service) -> Person:
    person = await service.person(await service.new_tenant(), "user:ana")
    await person.upload(DOCUMENT)
    return person


async def test_events_come_in_order_and_end_with_the_answer(ana: Person) -> None:
    events = await read_stream(ana, asking())

    assert [event.number for event in events] == list(range(1, len(events) + 1))
    names = [event.name for event in events]
    assert names[:2] == ["answer.created", "retrieval.completed"]
    assert set(names[2:-1]) == {"claim.verified"}
    assert names[-1] == "answer.completed"
    assert events[0].data["id"] == events[-1].data["id"]


async def test_the_last_event_is_the_unstreamed_answer(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both by the same plan, however busy the machine is: scores differ in their last digits.
    monkeypatch.setattr("kb.index.sketches.sketch_cache.PATIENCE_SECONDS", 30)
    whole = (await ana.ask(QUESTION, include_retrieved=True)).json()

    events = await read_stream(ana, asking(include_retrieved=True))

    streamed = dict(events[-1].data)
    assert streamed.keys() == whole.keys()
    assert {key: streamed[key] for key in whole if key not in VARYING} == {
        key: whole[key] for key in whole if key not in VARYING
    }
    verified = [event.data for event in events if event.name == "claim.verified"]
    assert [each["claim"] for each in verified] == whole["claims"]
    assert [citation for each in verified for citation in each["citations"]] == whole["citations"]  # type: ignore[attr-defined]  # parsed JSON
    stored = await ana.request("GET", f"/v1/answers/{streamed['id']}")
    assert stored.json() == streamed


async def test_an_unanswerable_question_ends_without_claims(ana: Person) -> None:
    events = await read_stream(ana, {"question": "zyxwv qponm?", "stream": True})

    assert [event.name for event in events] == [
        "answer.created",
        "retrieval.completed",
        "answer.completed",
    ]
    assert events[-1].data["status"] == "unsupported"


async def test_a_broken_stream_goes_on_after_the_last_event(ana: Person) -> None:
    first = await read_stream(ana, asking(), upto=2)

    rest = await read_stream(ana, asking(), headers={"Last-Event-ID": "2"})

    assert first[-1].number == 2
    assert rest[0].number == 3
    assert [event.name for event in rest].count("answer.completed") == 1
    assert rest[-1].data["id"] == first[0].data["id"]


async def test_a_stream_can_be_followed_by_the_answers_id(ana: Person) -> None:
    events = await read_stream(ana, asking())

    again = await read_stream(
        ana,
        None,
        answer_id=events[0].data["id"],
        headers={"Accept": "text/event-stream", "Last-Event-ID": "1"},
    )

    assert again == events[1:]


async def test_another_node_goes_on_with_the_stream(ana: Person, service: Service) -> None:
    first = await read_stream(ana, asking(), upto=1)

    async with second_node(service) as other:
        rest = await read_stream(
            Person(service=other, tenant_id=ana.tenant_id, key=ana.key),
            asking(),
            headers={"Last-Event-ID": "1"},
        )

    assert [event.number for event in rest] == list(range(2, 2 + len(rest)))
    assert rest[-1].name == "answer.completed"
    assert rest[-1].data["id"] == first[0].data["id"]


async def test_an_idempotency_key_gives_the_same_stream_again(ana: Person) -> None:
    headers = {"Idempotency-Key": "k1"}

    first = await read_stream(ana, asking(), headers=headers)
    second = await read_stream(ana, asking(), headers=headers)

    assert second == first


async def test_a_stream_is_resumed_by_its_asker_only(ana: Person, service: Service) -> None:
    events = await read_stream(ana, asking())
    strangers = [
        await service.person(ana.tenant_id, "user:bob"),
        await service.person(await service.new_tenant(), "user:ana"),
    ]

    for stranger in strangers:
        resumed = await stranger.request(
            "POST", "/v1/answers", {"Last-Event-ID": "0"}, json=asking()
        )
        followed = await read_stream(
            stranger,
            None,
            answer_id=events[0].data["id"],
            headers={"Accept": "text/event-stream"},
        )

        assert (resumed.status_code, resumed.json()["code"]) == (404, "answer_not_found")
        assert [(event.name, event.data["code"]) for event in followed] == [
            ("error", "answer_not_found")
        ]


async def test_a_resumed_stream_tells_nothing_that_was_taken_away(
    ana: Person, service: Service
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    document_id = await ana.upload("The travel budget is 7350 euros.", principals=["user:bob"])
    budget = {"question": "How high is the travel budget?", "stream": True}
    events = await read_stream(bob, budget)
    assert "7350" in str(events[2].data)

    await ana.request("DELETE", f"/v1/documents/{document_id}")

    resumed = await bob.request("POST", "/v1/answers", {"Last-Event-ID": "1"}, json=budget)
    assert resumed.status_code == 404
    assert "7350 euros" not in resumed.text


async def test_a_bad_request_is_refused_before_the_stream_begins(ana: Person) -> None:
    refused = await ana.request(
        "POST", "/v1/answers", json={"question": "x" * 5_000, "stream": True}
    )
    misplaced = await ana.request(
        "POST", "/v1/answers", {"Last-Event-ID": "1"}, json={"question": QUESTION}
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "text_too_long")
    assert (misplaced.status_code, misplaced.json()["code"]) == (422, "invalid_request")


@asynccontextmanager
async def second_node(service: Service) -> AsyncIterator[Service]:
    """The same resources behind another application: nothing in memory is shared by streams."""
    async with service.with_resources(service.resources) as other:
        yield other


async def test_its_own_events_are_told_without_another_look_at_the_database(
    ana: Person, service: Service
) -> None:
    resources = service.resources
    now = resources.clock()
    caller = await recognise(
        ApiKeys(resources.database),
        authorization=f"Bearer {ana.key}",
        acting_principals=None,
        request_id="req_1",
        now=now,
    )
    own = AnswerStreams(resources)
    accepted = accept_question(resources, caller, AnswerRequest(question=QUESTION, stream=True))
    answer_id = await own.begin(accepted, request_sha256="0" * 64)
    engine = resources.database.engine.sync_engine
    statements: list[str] = []

    @database_event.listens_for(engine, "before_cursor_execute")
    def note(*given: object) -> None:
        statements.append(str(given[2]))

    events = own.follow(caller, answer_id, after=0)
    first = await anext(events)
    assert first is not None
    assert (first.number, first.name) == (1, "answer.created")
    names = [each.name async for each in events if each is not None]
    assert names[0] == "retrieval.completed"
    assert names[-1] == "answer.completed"
    assert not [each for each in statements if "answer_events" in each]
    database_event.remove(engine, "before_cursor_execute", note)

    # Somebody else is asked for by the database.
    other = replace(caller, principals=("user:eve",))
    with pytest.raises(AnswerNotFound):
        await anext(own.follow(other, answer_id, after=0))
    await own.close()


async def test_who_waits_for_an_answer_that_ends_without_an_event_looks_it_up(
    ana: Person, service: Service
) -> None:
    caller = await recognise(
        ApiKeys(service.resources.database),
        authorization=f"Bearer {ana.key}",
        acting_principals=None,
        request_id="req_1",
        now=service.resources.clock(),
    )
    request = AnswerRequest(question=QUESTION, stream=True)
    making = Making(
        accepted=accept_question(service.resources, caller, request),
        idempotency_key=None,
        first=StreamEvent(number=1, name="answer.created", data={}),
    )
    waiting = asyncio.create_task(next_news(making.news, after=1))
    await asyncio.sleep(0)

    making.end()

    assert await waiting == (None, None)
    assert making.news is None


def change_before_the_end(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[], Awaitable[object]]
) -> None:
    """Has something happen when an answer is made and nothing but its first event is stored."""

    async def completed(
        scope: TenantCaller,
        record: AnswerRecord,
        told: Told,
        actor: Actor,
        *,
        readers: tuple[str, ...] | None,
        now: datetime,
    ) -> bool:
        await change()
        return await complete_stream(scope, record, told, actor, readers=readers, now=now)

    monkeypatch.setattr(streams, "GATHER_SECONDS", 60)
    monkeypatch.setattr(streams, "complete_stream", completed)


async def test_nothing_is_told_that_was_taken_away_while_it_was_made(
    ana: Person, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    document_id = await ana.upload("The travel budget is 7350 euros.", principals=["user:bob"])
    address, hidden = f"/v1/documents/{document_id}", {"principals": ["user:ana"]}
    change_before_the_end(monkeypatch, lambda: ana.request("PATCH", address, json=hidden))

    events = await read_stream(bob, {"question": "How high is the travel budget?", "stream": True})

    assert [event.name for event in events] == ["answer.created", "error"]
    assert events[-1].data["code"] == "answer_not_found"
    assert "7350 euros" not in str(events)


async def test_the_error_has_the_number_after_the_last_event_that_was_stored(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await ana.upload("The travel budget is 7350 euros.")
    address = f"/v1/documents/{document_id}"
    change_before_the_end(monkeypatch, lambda: ana.request("DELETE", address))

    events = await read_stream(ana, {"question": "How high is the travel budget?", "stream": True})

    assert [(event.number, event.name) for event in events] == [(1, "answer.created"), (2, "error")]
    assert events[-1].data["code"] == "evidence_deleted"
