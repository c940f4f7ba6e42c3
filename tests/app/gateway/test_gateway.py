"""The gateway before servers that misbehave: fallback, retries, breakers and policies."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from app.gateway.routed_model import RoutedModel
from app.policy.model_access import ModelAccess
from kb.errors import (
    InvalidInput,
    KnowledgeBaseError,
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    Misconfigured,
)
from kb.postgres.database import Database
from tests.app.gateway.bench import (
    PATIENCE_SECONDS,
    PROMPT,
    PURPOSE,
    SCHEMA,
    Bench,
    Servers,
    opened,
)


async def read(model: RoutedModel) -> list[str]:
    """The pieces of a stream."""
    async with model.stream(PROMPT, json_schema=SCHEMA) as stream:
        return [piece async for piece in stream]


@pytest.mark.parametrize(
    "behaviour",
    ["server_error", "overloaded", "rate_limited_briefly", "conflict", "request_timeout"],
)
async def test_a_failure_that_passes_is_tried_again(bench: Bench, behaviour: str) -> None:
    bench.first.behave(behaviour, "truthful")

    await bench.ask()

    assert len(bench.first.requests) == 2
    assert [row.outcome for row in await bench.rows()][1] == "completed"


async def test_a_connection_that_breaks_is_tried_again(bench: Bench) -> None:
    bench.first.behave("hangs_up", "truthful")

    await bench.ask()

    assert len(bench.first.requests) == 2


async def test_a_pause_that_the_server_asks_for_is_kept(bench: Bench) -> None:
    bench.first.behave("rate_limited_for_a_second", "truthful")
    started = time.monotonic()

    await bench.ask("tiered")

    assert time.monotonic() - started >= 1


async def test_a_server_that_asks_for_more_than_the_time_left_is_left(bench: Bench) -> None:
    bench.first.behave("rate_limited")

    await bench.ask(seconds=5)

    assert await bench.attempts() == [("small-1", 1, "rate_limited"), ("large-1", 2, "completed")]


@pytest.mark.parametrize(
    ("behaviour", "attempts"),
    [
        ("server_error", [("small-1", 1, "unavailable"), ("small-1", 2, "unavailable")]),
        ("wrong_key", [("small-1", 1, "refused")]),
        ("not_json", [("small-1", 1, "invalid_output")]),
    ],
)
async def test_the_next_target_stands_in(
    bench: Bench, behaviour: str, attempts: list[tuple[str, int, str]]
) -> None:
    bench.first.behave(behaviour)

    completion = await bench.ask()

    assert completion.text
    assert await bench.attempts() == [*attempts, ("large-1", len(attempts) + 1, "completed")]


async def test_the_next_target_stands_in_for_one_that_hangs(hasty: Bench) -> None:
    hasty.first.behave("hang")

    completion = await hasty.ask()

    assert completion.text
    assert await hasty.attempts() == [("small-1", 1, "timed_out"), ("large-1", 2, "completed")]


async def test_a_stream_falls_back_before_its_first_piece(hasty: Bench) -> None:
    hasty.first.behave("slow_first_token")

    assert await read(hasty.session().model(PURPOSE))
    assert await hasty.attempts() == [("small-1", 1, "timed_out"), ("large-1", 2, "completed")]


@pytest.mark.parametrize("behaviour", ["breaks_off", "error_midway", "garbage_midway"])
async def test_after_the_first_piece_nothing_is_tried_again(bench: Bench, behaviour: str) -> None:
    bench.first.behave(behaviour)

    with pytest.raises((LlmUnavailable, LlmOutputInvalid)):
        await read(bench.session().model(PURPOSE))

    assert bench.second.requests == []
    ((_, _, outcome),) = await bench.attempts()
    assert outcome in {"broken_off", "invalid_output"}


@pytest.mark.parametrize(
    ("first", "second", "error_class"),
    [
        ("server_error", "overloaded", LlmUnavailable),
        ("hang", "server_error", LlmUnavailable),
        ("wrong_key", "unknown_model", Misconfigured),
        ("wrong_key", "server_error", LlmUnavailable),
        ("not_json", "no_choices", LlmOutputInvalid),
    ],
)
async def test_when_all_fail_the_error_is_what_they_have_in_common(
    hasty: Bench, first: str, second: str, error_class: type[KnowledgeBaseError]
) -> None:
    hasty.first.behave(first)
    hasty.second.behave(second)

    with pytest.raises(KnowledgeBaseError) as raised:
        await hasty.ask()

    assert type(raised.value) is error_class


async def test_when_all_are_down_the_shortest_wait_is_told(bench: Bench) -> None:
    bench.first.behave("rate_limited_for_an_hour")
    bench.second.behave("rate_limited")

    with pytest.raises(LlmUnavailable) as raised:
        await bench.ask(seconds=5)

    assert raised.value.retry_after_seconds == 7


async def test_the_deadline_is_one_for_all_targets(hasty: Bench) -> None:
    hasty.first.behave("hang")
    hasty.second.behave("hang")

    # The second alone would be waited for a minute.
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(LlmTimedOut):
            await hasty.ask(seconds=3)

    assert [outcome for _, _, outcome in await hasty.attempts()] == ["timed_out", "timed_out"]


async def test_a_session_whose_time_is_over_asks_nobody(bench: Bench) -> None:
    with pytest.raises(LlmTimedOut):
        await bench.ask(seconds=0)

    assert bench.first.requests == []


async def test_a_target_that_keeps_failing_is_left_alone(bench: Bench) -> None:
    bench.first.behave("server_error")
    await bench.ask()
    await bench.ask()
    asked = len(bench.first.requests)

    await bench.ask()

    assert asked == len(bench.first.requests) == 3
    assert bench.metric("footnote_llm_breaker_state", target="small") == 2
    assert bench.metric("footnote_llm_breaker_state", target="large") == 0
    with pytest.raises(LlmUnavailable) as raised:
        await bench.ask("tiered")
    assert raised.value.retry_after_seconds is not None
    assert 290 < raised.value.retry_after_seconds <= 300


async def test_a_full_target_sends_the_call_to_the_next(bench: Bench) -> None:
    bench.first.behave("endless")
    async with AsyncExitStack() as stack:
        for _ in range(2):
            model = bench.session().model(PURPOSE)
            await stack.enter_async_context(model.stream(PROMPT, json_schema=SCHEMA))

        await bench.ask()

        assert len(bench.first.requests) == 2
        assert len(bench.second.requests) == 1
        with pytest.raises(LlmUnavailable):
            await bench.ask("tiered")


async def test_a_tenant_is_never_served_outside_its_residency(
    servers: Servers, database: Database
) -> None:
    async with opened(servers, database, residency=frozenset({"eu"})) as bench:
        bench.first.behave("server_error")

        for alias in ("default", "tiered"):
            session = bench.session(alias)
            assert not session.has_strong_tier
            with pytest.raises(LlmUnavailable):
                await session.model(PURPOSE, tier="strong").complete(PROMPT, json_schema=SCHEMA)

        assert bench.second.requests == []


async def test_the_strong_tier_is_another_model(bench: Bench) -> None:
    session = bench.session("tiered")

    await session.model(PURPOSE, tier="strong").complete(PROMPT, json_schema=SCHEMA)

    assert session.has_strong_tier
    assert [model for model, _, _ in await bench.attempts()] == ["large-1"]


async def test_a_target_with_all_the_weight_goes_first(bench: Bench) -> None:
    bench.second.behave("server_error")

    await bench.ask("weighted")

    assert [model for model, _, _ in await bench.attempts()] == ["large-1", "small-1"]


async def test_an_alias_that_the_tenant_may_not_name_does_not_exist_for_it(
    servers: Servers, database: Database
) -> None:
    async with opened(servers, database, aliases=("tiered", "default")) as bench:
        with pytest.raises(InvalidInput) as forbidden:
            bench.session("weighted")
        with pytest.raises(InvalidInput) as unknown:
            bench.session("nonsense")

        assert forbidden.value.message == unknown.value.message
        assert bench.gateway.aliases_for(bench.tenant_id) == ("tiered", "default")
        assert bench.session().alias == "tiered"


async def test_a_tenant_with_a_policy_of_its_own_is_not_under_everybodys(
    servers: Servers, database: Database
) -> None:
    async with opened(servers, database, aliases=("tiered",)) as bench:
        own = ModelAccess(aliases=("weighted",), when_down="extractive")
        config = replace(
            bench.gateway.config,
            tenants={**bench.gateway.config.tenants, str(bench.tenant_id): own},
        )
        session = replace(bench.gateway, config=config).session(bench.tenant_id)

        assert session.alias == "weighted"
        assert session.is_extractive_when_down
        assert not bench.session().is_extractive_when_down
