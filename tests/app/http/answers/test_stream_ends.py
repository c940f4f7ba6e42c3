"""How a streamed answer ends: once, and so that its caller can ask again when it has failed."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select

from app.http.answers import streams
from app.http.answers.once import begin_once
from app.http.answers.present import AcceptedRequest
from app.http.answers.respond import OnAnswerEvent, accept_question, make_answer
from app.http.answers.schemas import AnswerRequest
from app.http.answers.streams import AnswerStreams
from app.identity import ApiKeys, Caller, recognise
from app.resources import Resources
from kb.errors import DatabaseUnavailable
from kb.postgres.database import TenantCaller
from kb.store.answer_events import StreamEvent, Told, begin_stream, complete_stream
from kb.store.answers import AnswerRecord
from kb.store.audit import Actor
from kb.store.tables import answers, audit_events
from tests.app.http.answers.test_answer_streams import DOCUMENT, QUESTION, read_stream
from tests.fakes.gateways import one_model, running_gateway
from tests.footnote.processes import free_port
from tests.service import Person, Service

TRIES = 15
"""Of what goes wrong now and then."""


@pytest.fixture
async def ana(service: Service) -> Person:
    person = await service.person(await service.new_tenant(), "user:ana")
    await person.upload(DOCUMENT)
    return person


@pytest.fixture
async def caller(ana: Person, service: Service) -> Caller:
    return await recognise(
        ApiKeys(service.resources.database),
        authorization=f"Bearer {ana.key}",
        acting_principals=None,
        request_id="req_1",
        now=service.resources.clock(),
    )


async def test_what_is_stored_at_the_end_stands_though_its_maker_is_stopped(
    ana: Person, caller: Caller, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_stored = asyncio.Event()

    async def stored_and_not_told(
        scope: TenantCaller,
        record: AnswerRecord,
        told: Told,
        actor: Actor,
        *,
        readers: tuple[str, ...] | None,
        now: datetime,
    ) -> bool:
        await complete_stream(scope, record, told, actor, readers=readers, now=now)
        is_stored.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(streams, "complete_stream", stored_and_not_told)
    own = AnswerStreams(service.resources)
    accepted = accept_question(
        service.resources, caller, AnswerRequest(question=QUESTION, stream=True)
    )
    answer_id = await own.begin(accepted, request_sha256="0" * 64)
    await is_stored.wait()

    await own.close()

    events = [event async for event in own.follow(caller, answer_id, after=0) if event]
    assert [event.name for event in events if event.name in streams.TERMINAL] == [
        "answer.completed"
    ]
    stored = await ana.request("GET", f"/v1/answers/{answer_id}")
    assert stored.status_code == 200
    assert events[-1].data == stored.json()
    async with service.resources.database.tenant(ana.tenant_id, viewer=None) as whole:
        asked = select(audit_events.c.detail).where(audit_events.c.object_id == str(answer_id))
        details = list((await whole.connection.execute(asked)).scalars())
    assert details == [{"status": "answered"}]


async def test_a_stream_that_fails_at_once_frees_its_key(ana: Person) -> None:
    # Nothing is left of it to answer, which is found before anything is looked up.
    empty = {"question": "\u200b\u200b", "stream": True}

    for number in range(TRIES):
        headers = {"Idempotency-Key": f"k{number}"}
        first, again = [await read_stream(ana, empty, headers=headers) for _ in range(2)]

        assert [event.name for event in first] == ["answer.created", "error"]
        assert first[0].data["id"] != again[0].data["id"]


@pytest.mark.parametrize("ending", [asyncio.CancelledError, DatabaseUnavailable])
async def test_nothing_runs_on_of_a_stream_whose_beginning_is_not_known_to_be_stored(
    ana: Person,
    caller: Caller,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    ending: type[BaseException],
) -> None:
    is_stored = asyncio.Event()

    async def stored_and_not_told(
        scope: TenantCaller,
        record: AnswerRecord,
        first: StreamEvent,
        *,
        owner: str,
        request_sha256: str,
    ) -> None:
        await begin_stream(scope, record, first, owner=owner, request_sha256=request_sha256)
        is_stored.set()
        if ending is asyncio.CancelledError:
            await asyncio.Event().wait()
        raise ending

    monkeypatch.setattr(streams, "begin_stream", stored_and_not_told)
    own, question = AnswerStreams(service.resources), AnswerRequest(question=QUESTION, stream=True)
    begun = asyncio.create_task(begin_once(own, caller, question, key="k1", digest="0" * 64))
    await is_stored.wait()
    if ending is asyncio.CancelledError:
        begun.cancel()
    with pytest.raises(ending):
        await begun

    async with service.resources.database.tenant(ana.tenant_id, viewer=None) as whole:
        stored = await whole.connection.execute(select(answers.c.id, answers.c.status))
        ((answer_id, status),) = stored.all()
    assert status == "failed"
    events = [event async for event in own.follow(caller, answer_id, after=0) if event]
    assert [event.name for event in events] == ["answer.created", "error"]
    monkeypatch.undo()
    again = await begin_once(own, caller, question, key="k1", digest="0" * 64)
    assert again != answer_id
    await own.close()


async def test_no_model_is_asked_before_the_beginning_is_stored(
    caller: Caller, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_stored(*_: object, **__: object) -> None:
        # All that can begin meanwhile begins.
        for _number in range(10):
            await asyncio.sleep(0)
        raise DatabaseUnavailable

    made: list[Resources] = []

    async def noted(
        resources: Resources, accepted: AcceptedRequest, on_event: OnAnswerEvent | None = None
    ) -> AnswerRecord:
        made.append(resources)
        return await make_answer(resources, accepted, on_event)

    monkeypatch.setattr(streams, "begin_stream", not_stored)
    monkeypatch.setattr(streams, "make_answer", noted)
    without_model, question = service.resources, AnswerRequest(question=QUESTION, stream=True)
    nowhere = one_model(f"http://127.0.0.1:{free_port()}")
    async with running_gateway(nowhere, without_model.database) as gateway:
        answerer = replace(without_model.answerer, gateway=gateway)
        for resources in (replace(without_model, answerer=answerer), without_model):
            own, accepted = AnswerStreams(resources), accept_question(resources, caller, question)
            with pytest.raises(DatabaseUnavailable):
                await own.begin(accepted, request_sha256="0" * 64)

    assert made == [without_model]
