"""Streamed answers over connections that break."""

import asyncio
import json
from typing import Any

import pytest

from footnote_client import AsyncClaimStream, VerifiedClaim
from footnote_client.errors import (
    AnswerAbandoned,
    ConnectionFailed,
    EvidenceDeleted,
    RequestBudgetExceeded,
    ResponseInvalid,
)
from tests.clients.conftest import QUICK, Connect
from tests.fakes.scripted_service import CUT, Reply, events, problem, scripted

LINE_SEPARATORS = "one\u2028two\u0085three\x0bfour\x1efive\r\n\nsix"
"""What other readers take for ends of lines."""

CHECKS = dict.fromkeys(("source", "quote", "numbers", "names", "negation", "coverage"), True)


def claim(text: str) -> dict[str, object]:
    return {
        "text": text,
        "verdict": "supported",
        "score": 1.0,
        "citations": ["c1"],
        "wording": "source",
    }


def answer(*texts: str) -> dict[str, Any]:
    return {
        "id": "a-1",
        "status": "answered",
        "reason": None,
        "answer": " ".join(texts),
        "claims": [claim(text) for text in texts],
        "citations": [],
        "conflicts": [],
        "clarifying_question": None,
        "retrieved": None,
        "context": {"budget": 10, "used": 1, "dropped": []},
        "usage": {"input_tokens": 0, "output_tokens": 0, "cost_usd": None, "cache": None},
        "model": "extractive",
        "prompt": None,
        "generation": 1,
        "timings_ms": {"total": 1.5},
        "created_at": "2026-01-01T00:00:00Z",
        "request_id": "r",
        "handover": None,
        "confidence_reason": "",
    }


CREATED = (1, "answer.created", {"id": "a-1", "created_at": "2026-01-01T00:00:00Z"})
RETRIEVED = (2, "retrieval.completed", {"passages": 2})
FIRST = (3, "claim.verified", {"index": 0, "claim": claim("First."), "citations": []})
REJECTED = (4, "claim.rejected", {"index": 1, "verdict": "unsupported", "score": 0.0})
SECOND = (5, "claim.verified", {"index": 2, "claim": claim("Second."), "citations": []})
WHOLE = (6, "answer.completed", answer("First.", "Second."))


async def test_a_stream_goes_on_behind_the_last_event(connect: Connect) -> None:
    script = [
        events(CREATED, RETRIEVED, FIRST, is_cut=True),
        problem(503, "database_unavailable"),
        # The end of a response that was not cut off, and is not whole either.
        events(FIRST, REJECTED),
        CUT,
        events(SECOND, WHOLE),
    ]
    async with scripted(script) as service, connect(service.url) as client:
        claims, whole = await client.streamed("Leave?", act_as=["user:ana"])

    assert [each.text for each in claims] == ["First.", "Second."]
    assert whole.answer == "First. Second."
    assert [(sent.method, sent.headers.get("last-event-id")) for sent in service.sent] == [
        ("POST", None),
        ("GET", "3"),
        ("GET", "3"),
        ("GET", "4"),
        ("GET", "4"),
    ]
    assert {sent.headers["footnote-principals"] for sent in service.sent} == {"user:ana"}
    assert service.sent[1].path == "/v1/answers/a-1"


async def test_a_question_whose_answer_has_no_id_yet_is_sent_again_under_its_key(
    connect: Connect,
) -> None:
    script = [events(is_cut=True), CUT, events(CREATED, WHOLE)]
    async with scripted(script) as service, connect(service.url) as client:
        claims, whole = await client.streamed("Leave?", top_k=3)

    assert (claims, whole.id) == ([], "a-1")
    assert len({(sent.headers["idempotency-key"], sent.body) for sent in service.sent}) == 1
    assert service.sent[0].json == {"question": "Leave?", "top_k": 3, "stream": True}


async def test_a_stream_that_only_breaks_ends_in_an_error(connect: Connect) -> None:
    async with (
        scripted([events(CREATED, FIRST, is_cut=True), *[CUT] * 20]) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(ConnectionFailed):
            await client.streamed("Leave?")

    assert len(service.sent) == 1 + QUICK.attempts


async def test_a_stream_that_opens_and_says_nothing_ends_in_an_error(connect: Connect) -> None:
    async with scripted([events()] * 20) as service, connect(service.url) as client:
        with pytest.raises(ConnectionFailed, match="broke before its end"):
            await client.streamed("Leave?")

    assert len(service.sent) == QUICK.attempts


async def test_claims_that_came_before_an_error_are_given(connect: Connect) -> None:
    failed = (4, "error", json.loads(problem(503, "evidence_deleted").body))
    claims: list[VerifiedClaim] = []
    async with (
        scripted([events(CREATED, FIRST, failed)]) as service,
        connect(service.url) as caller,
    ):
        with pytest.raises(EvidenceDeleted):
            await caller.collect(claims, "Leave?")

    assert [each.text for each in claims] == ["First."]


async def test_a_stream_that_fails_before_any_claim_is_asked_for_anew(connect: Connect) -> None:
    abandoned = (3, "error", json.loads(problem(503, "answer_abandoned").body))
    script = [
        events(CREATED, RETRIEVED, is_cut=True),
        events(abandoned),
        events(CREATED, RETRIEVED, FIRST, WHOLE),
    ]
    async with scripted(script) as service, connect(service.url) as client:
        claims, whole = await client.streamed("Leave?")

    assert [each.text for each in claims] == ["First."]
    assert whole.answer == "First. Second."
    assert [sent.method for sent in service.sent] == ["POST", "GET", "POST"]
    assert service.sent[0].headers["idempotency-key"] == service.sent[2].headers["idempotency-key"]


async def test_a_stream_that_only_fails_ends_in_its_error(connect: Connect) -> None:
    abandoned = (3, "error", json.loads(problem(503, "answer_abandoned").body))
    async with (
        scripted([events(CREATED, RETRIEVED, abandoned)] * 20) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(AnswerAbandoned):
            await client.streamed("Leave?")

    assert len(service.sent) == QUICK.attempts


async def test_a_stream_that_fails_for_good_is_not_asked_for_anew(connect: Connect) -> None:
    failed = (3, "error", json.loads(problem(422, "request_budget_exceeded").body))
    async with (
        scripted([events(CREATED, RETRIEVED, failed)]) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(RequestBudgetExceeded):
            await client.streamed("Leave?")

    assert len(service.sent) == 1


async def test_a_page_is_no_stream(connect: Connect) -> None:
    page = Reply(body=b"<h1>Welcome</h1>", headers={"Content-Type": "text/html"})
    async with scripted([page]) as service, connect(service.url) as client:
        with pytest.raises(ResponseInvalid, match="no stream"):
            await client.streamed("Leave?")

    assert len(service.sent) == 1


async def test_an_error_in_the_stream_is_the_error_of_its_code(connect: Connect) -> None:
    failed = (4, "error", json.loads(problem(503, "answer_abandoned").body))
    async with (
        scripted([events(CREATED, RETRIEVED, FIRST, failed)]) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(AnswerAbandoned):
            await client.streamed("Leave?")


@pytest.mark.parametrize(
    "body",
    [
        b"data: {not json\nid: 1\nevent: answer.created\n\n",
        b"data: {}\nid: one\nevent: answer.created\n\n",
        b"data: {}\nid: 1\nevent: answer.created\n\n",
        b"data: []\nid: 1\nevent: answer.created\n\n",
        b"data: {}\nid: 1\nevent: answer.completed\n\n",
        b"data: \xff\nid: 1\nevent: answer.completed\n\n",
    ],
)
async def test_a_stream_of_something_else_is_no_answer(connect: Connect, body: bytes) -> None:
    response = Reply(body=body, headers={"Content-Type": "text/event-stream"})
    async with scripted([response]) as service, connect(service.url) as client:
        with pytest.raises(ResponseInvalid):
            await client.streamed("Leave?")


async def test_a_text_may_hold_what_looks_like_the_end_of_a_line(connect: Connect) -> None:
    said = (2, "claim.verified", {"index": 0, "claim": claim(LINE_SEPARATORS), "citations": []})
    whole = (3, "answer.completed", answer(LINE_SEPARATORS))
    async with (
        scripted([events(CREATED, said, whole)]) as service,
        connect(service.url) as client,
    ):
        claims, answered = await client.streamed("Leave?")

    assert [each.text for each in claims] == [LINE_SEPARATORS]
    assert answered.answer == LINE_SEPARATORS


async def test_events_of_a_newer_service_are_passed_over(connect: Connect) -> None:
    async with (
        scripted([events(CREATED, (2, "answer.sung", {}), WHOLE)]) as service,
        connect(service.url) as client,
    ):
        claims, whole = await client.streamed("Leave?")

    assert (claims, whole.status) == ([], "answered")


async def test_a_stream_may_be_left_before_its_end(connect: Connect) -> None:
    async with (
        scripted([events(CREATED, FIRST, SECOND, WHOLE)]) as service,
        connect(service.url) as caller,
    ):
        stream = caller.client.stream("Leave?")
        if isinstance(stream, AsyncClaimStream):
            async with stream:
                first = await anext(aiter(stream))
            with pytest.raises(ValueError, match="closed"):
                await stream.answer()
        else:
            with stream:
                first = await asyncio.to_thread(next, iter(stream))
            with pytest.raises(ValueError, match="closed"):
                stream.answer()

    assert first.text == "First."
    assert len(service.sent) == 1


async def test_the_answer_may_be_taken_without_its_claims(connect: Connect) -> None:
    async with (
        scripted([events(CREATED, FIRST, SECOND, WHOLE)]) as service,
        connect(service.url) as caller,
    ):
        stream = caller.client.stream("Leave?")
        if isinstance(stream, AsyncClaimStream):
            answered = await stream.answer()
        else:
            answered = await asyncio.to_thread(stream.answer)

    assert answered.answer == "First. Second."
