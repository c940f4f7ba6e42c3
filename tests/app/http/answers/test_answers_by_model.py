"""Answers by a language model that lies, over real HTTP on both sides."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import pytest
from sqlalchemy import text

from tests.app.http.answers.test_answer_streams import read_stream
from tests.fakes.gateways import one_model, running_gateway
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.service import Person, Service

DOCUMENT = """# Leave policy

Every employee has 31 days of annual leave. Unused leave does not expire before March 2027.
Parental leave lasts 18 weeks and is paid by the Northfield office.
"""
QUESTION = "How many days of annual leave does every employee have?"
PATIENCE_SECONDS = 60


@pytest.fixture
def model() -> Iterator[LyingLanguageModel]:
    with lying_language_model("truthful") as server:
        yield server


@asynccontextmanager
async def asking(
    service: Service,
    base_url: str,
    *,
    seconds: float = PATIENCE_SECONDS,
    context_window: int | None = None,
    when_unreadable: Literal["unsupported", "fail"] = "unsupported",
) -> AsyncIterator[Person]:
    """Somebody with one document, asking a service that has this language model."""
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload(DOCUMENT)
    config = one_model(base_url, seconds=seconds, context_window=context_window)
    policy = replace(config.tenants["default"], when_unreadable=when_unreadable)
    config = replace(config, tenants={"default": policy})
    async with running_gateway(config, service.resources.database) as gateway:
        answerer = replace(service.resources.answerer, gateway=gateway)
        resources = replace(service.resources, answerer=answerer)
        async with service.with_resources(resources) as other:
            yield replace(ana, service=other)


async def test_a_truthful_model_is_quoted(service: Service, model: LyingLanguageModel) -> None:
    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert answer["status"] == "answered"
    assert answer["citations"][0]["quote"] in DOCUMENT
    assert answer["usage"]["input_tokens"] > 0
    assert answer["prompt"] == {"name": "answer", "version": 2}


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("cut_off", "partially_supported"),
        ("extra_field", "answered"),
        ("thinks_aloud", "answered"),
        ("huge_number", "partially_supported"),
        ("ignores_stream", "answered"),
        ("no_finish_reason", "answered"),
        ("no_done", "answered"),
        ("reset_late", "answered"),
        ("reset_after_a_claim", "partially_supported"),
        ("strange_values", "answered"),
    ],
)
async def test_what_is_proved_of_a_broken_output_is_shown(
    service: Service, model: LyingLanguageModel, behaviour: str, status: str
) -> None:
    model.behave(behaviour)

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert answer["status"] == status
    assert all(citation["quote"] in DOCUMENT for citation in answer["citations"])
    assert answer["citations"]
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "behaviour",
    ["not_an_answer", "wrong_shape", "only_a_huge_number", "nested", "strange_key"],
)
async def test_an_output_that_cannot_be_read_is_told_as_the_policy_says(
    service: Service, model: LyingLanguageModel, behaviour: str
) -> None:
    model.behave(behaviour)

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()
        trace = await trace_of(ana, answer["id"])
    async with asking(service, model.base_url, when_unreadable="fail") as ana:
        refused = await ana.ask(QUESTION)
        events = await read_stream(ana, {"question": QUESTION, "stream": True})

    assert (answer["status"], answer["reason"]) == ("unsupported", "insufficient_evidence")
    assert trace["failure"] == "draft_unreadable"
    assert (refused.status_code, refused.json()["code"]) == (502, "llm_output_invalid")
    assert (events[-1].name, events[-1].data["title"]) == ("error", refused.json()["title"])


async def test_a_claim_that_is_no_text_is_no_error(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("not_text")

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()
        events = await read_stream(ana, {"question": QUESTION, "stream": True})

    assert answer["citations"]
    assert all("\0" not in claim["text"] for claim in answer["claims"])
    assert events[-1].name == "answer.completed"


async def test_the_record_names_the_release_and_fingerprints_the_question(
    service: Service, model: LyingLanguageModel
) -> None:
    async with asking(service, model.base_url) as ana:
        bob = await ana.service.person(ana.tenant_id, "user:bob")
        ids = [
            (await person.ask(QUESTION, prompt=prompt)).json()["id"]
            for person, prompt in (
                (ana, "answer@1"),
                (ana, "answer@1"),
                (ana, "answer@2"),
                (bob, "answer@1"),
            )
        ]
        traces = [await trace_of(ana, answer_id) for answer_id in ids]

    first, again, by_other_prompt, by_bob = (trace["fingerprint"] for trace in traces)
    assert first == again
    assert len({first, by_other_prompt, by_bob}) == 3
    released = traces[0]["release"]
    assert isinstance(released, dict)
    assert (released["prompt"], released["model"]) == ("answer@1", "default")


async def trace_of(person: Person, answer_id: str) -> dict[str, object]:
    """What is recorded of an answer and shown to no caller."""
    database = person.service.resources.database
    async with database.tenant(person.tenant_id, viewer=None) as scope:
        query = text("SELECT trace FROM answers WHERE id = :id")
        stored = await scope.connection.execute(query, {"id": answer_id})
        trace: dict[str, object] = stored.scalar_one()
    return trace


@pytest.mark.parametrize(
    "behaviour",
    [
        "invented_source",
        "fabricated",
        "claim_without_citation",
        "empty_quote",
        "wrong_shape",
        "empty_claims",
        "not_an_answer",
    ],
)
async def test_a_lie_that_quotes_nothing_is_removed(
    service: Service, model: LyingLanguageModel, behaviour: str
) -> None:
    model.behave(behaviour)

    async with asking(service, model.base_url) as ana:
        response = await ana.ask(QUESTION)

    answer = response.json()
    assert response.status_code == 200
    assert (answer["status"], answer["answer"], answer["citations"]) == ("unsupported", "", [])
    assert answer["reason"] in {"verification_failed", "insufficient_evidence"}
    assert all(claim["verdict"] != "supported" for claim in answer["claims"])


@pytest.mark.parametrize(
    "behaviour",
    ["false_quote", "fabricated_with_true_quote", "changed_number", "added_not", "truth_and_lie"],
)
async def test_of_a_lie_with_a_true_quote_only_the_quote_is_shown(
    service: Service, model: LyingLanguageModel, behaviour: str
) -> None:
    model.behave(behaviour)

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()
        events = await read_stream(ana, {"question": QUESTION, "stream": True})

    assert answer["claims"]
    for claim in answer["claims"]:
        assert claim["wording"] == "source"
        assert claim["text"] in " ".join(DOCUMENT.split())
    told = [event.data["claim"] for event in events if event.name == "claim.verified"]
    assert told == answer["claims"]
    assert events[-1].data["claims"] == answer["claims"]


async def test_the_same_claim_is_shown_once(service: Service, model: LyingLanguageModel) -> None:
    model.behave("repeated")

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()

    assert [claim["verdict"] for claim in answer["claims"]] == ["supported"], answer
    assert len(answer["citations"]) == 1
    assert answer["status"] == "answered"


async def test_no_word_of_a_removed_claim_leaves_but_the_record_keeps_it(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("fabricated")

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION)).json()
        events = await read_stream(ana, {"question": QUESTION, "stream": True})
        record = (await ana.request("GET", f"/v1/answers/{answer['id']}")).json()

    (removed,) = record["claims"]
    assert removed["text"]
    assert [claim["text"] for claim in answer["claims"]] == [""]
    assert removed["text"] not in str(answer)
    assert all(removed["text"] not in str(event.data) for event in events)


@pytest.mark.parametrize(
    ("behaviour", "words"), [("fabricated", "text"), ("fabricated_with_true_quote", "draft")]
)
async def test_unproved_words_that_may_repeat_the_conversation_are_not_kept(
    service: Service, model: LyingLanguageModel, behaviour: str, words: str
) -> None:
    model.behave(behaviour)

    async with asking(service, model.base_url) as ana:
        first = (await ana.ask(QUESTION)).json()
        (claim,) = (await ana.request("GET", f"/v1/answers/{first['id']}")).json()["claims"]
        written = claim[words]["text"] if words == "draft" else claim["text"]
        # The model may say in other words what was said before.
        history = [{"role": "assistant", "content": f"As I said, {written[:-4]} today. [1]"}]
        second = (await ana.ask(QUESTION, history=history)).json()
        record = await ana.request("GET", f"/v1/answers/{second['id']}")

    assert written
    assert record.status_code == 200
    assert written not in record.text


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("server_error", "llm_unavailable"),
        ("overloaded", "llm_unavailable"),
        ("hang", "llm_timed_out"),
        ("drip", "llm_timed_out"),
    ],
)
async def test_a_model_that_cannot_be_asked_is_503_and_nothing_is_answered(
    service: Service, model: LyingLanguageModel, behaviour: str, code: str
) -> None:
    model.behave(behaviour)
    seconds = 2 if code == "llm_timed_out" else PATIENCE_SECONDS

    async with asking(service, model.base_url, seconds=seconds) as ana:
        response = await ana.ask(QUESTION)

    assert response.status_code == 503
    assert response.json()["code"] == code
    assert "retry-after" in response.headers


async def test_below_the_evidence_floor_no_model_is_paid(
    service: Service, model: LyingLanguageModel
) -> None:
    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask("At what temperature does mercury boil on Venus?")).json()

    assert (answer["status"], answer["reason"]) == ("unsupported", "low_relevance")
    assert model.requests == []


async def test_the_model_sees_only_what_the_asker_may_read(
    service: Service, model: LyingLanguageModel
) -> None:
    async with asking(service, model.base_url) as ana:
        await ana.upload(
            "# Directors\n\nEvery director has 99 days of annual leave, codename Xylotrope.",
            principals=["group:board"],
        )
        await ana.ask(QUESTION)

    assert len(model.requests) == 1
    assert "Xylotrope" not in str(model.requests)


async def test_a_proved_claim_leaves_before_the_model_has_finished(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("endless_after_a_claim")

    async with asking(service, model.base_url) as ana:
        body = {"question": QUESTION, "stream": True}
        events = await read_stream(ana, body, upto=3)

    assert [event.name for event in events] == [
        "answer.created",
        "retrieval.completed",
        "claim.verified",
    ]
    assert "31 days" in str(events[2].data)


async def test_the_model_is_stopped_when_nobody_follows_any_more(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("endless_after_a_claim")
    model.hung_up_on.clear()

    async with asking(service, model.base_url) as ana:
        await read_stream(ana, {"question": QUESTION, "stream": True}, upto=3)
        was_stopped = await asyncio.to_thread(model.hung_up_on.wait, 20)
        rest = await read_stream(
            ana, {"question": QUESTION, "stream": True}, headers={"Last-Event-ID": "3"}
        )

    assert was_stopped
    assert [(event.number, event.name, event.data["code"]) for event in rest] == [
        (4, "error", "answer_abandoned")
    ]


async def test_a_model_that_fails_midway_ends_the_stream_with_a_problem(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("error_midway")

    async with asking(service, model.base_url) as ana:
        events = await read_stream(ana, {"question": QUESTION, "stream": True})

    assert [event.name for event in events].count("error") == 1
    assert (events[-1].name, events[-1].data["status"]) == ("error", 503)
    assert "31 days" not in str(events[-1].data)


async def test_a_long_history_is_shown_by_its_newest_turns(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("truthful")
    model.requests.clear()
    turns = [
        {"role": role, "content": f"turn {number} " + "and so on " * 40}
        for number, role in enumerate(["user", "assistant"] * 10)
    ]

    async with asking(service, model.base_url) as ana:
        answer = (await ana.ask(QUESTION, history=turns)).json()

    assert answer["status"] == "answered"
    (request,) = model.requests
    shown = request["body"]["messages"][1]["content"]
    assert "turn 0 " not in shown
    assert "turn 19 " in shown


async def test_sources_leave_room_in_a_small_window(
    service: Service, model: LyingLanguageModel
) -> None:
    model.behave("truthful")

    async with asking(service, model.base_url, context_window=4_000) as ana:
        small = (await ana.ask(QUESTION)).json()
    async with asking(service, model.base_url, context_window=100_000) as ana:
        large = (await ana.ask(QUESTION)).json()

    assert small["context"]["budget"] < large["context"]["budget"]
    assert small["status"] == "answered"
