"""What the gateway writes down: every call, what it did cost, and what was left of the budgets."""

import asyncio

import pytest

from app.gateway.chat import Completion
from kb.errors import BudgetExhausted, LlmUnavailable, RequestBudgetExceeded
from kb.postgres.database import Database
from tests.app.gateway.bench import (
    COST,
    PATIENCE_SECONDS,
    PROMPT,
    PURPOSE,
    SCHEMA,
    Bench,
    Servers,
    dollars,
    opened,
)
from tests.fakes.gateways import one_model, running_gateway


async def test_a_call_goes_to_the_first_target_with_its_key_and_is_recorded(bench: Bench) -> None:
    completion = await bench.ask()

    assert completion.cost_microdollars == COST
    assert bench.first.requests[0]["headers"]["authorization"] == "Bearer sk-secret"
    (row,) = await bench.rows()
    assert (row.feature, row.operation, row.alias) == ("answer", "chat", "default")
    assert (row.provider, row.model, row.attempt) == ("here", "small-1", 1)
    assert (row.prompt_name, row.prompt_version) == ("answer", 3)
    assert (row.input_tokens, row.cached_tokens, row.output_tokens) == (100, 40, 20)
    assert (row.cost_microdollars, row.price_version) == (COST, "2026-11")
    assert (row.outcome, row.is_streamed, row.is_estimated) == ("completed", False, False)
    assert row.latency_ms >= 0
    assert row.first_token_ms is None


async def test_a_stream_is_recorded_like_the_same_call_unstreamed(bench: Bench) -> None:
    unstreamed = await bench.ask()
    async with bench.session().model(PURPOSE).stream(PROMPT, json_schema=SCHEMA) as stream:
        pieces = [piece async for piece in stream]
        streamed = stream.completion

    assert streamed == unstreamed
    assert "".join(pieces) == unstreamed.text
    first, second = [row._asdict() for row in await bench.rows()]
    assert second["first_token_ms"] <= second["latency_ms"]
    differing = {"id", "session_id", "created_at", "latency_ms", "first_token_ms", "is_streamed"}
    assert {name for name in first if first[name] != second[name]} <= differing
    assert bench.metric("footnote_llm_cost_dollars_total", target="small") == 2 * COST / 1_000_000
    assert bench.metric("footnote_llm_tokens_total", target="small", kind="input") == 200


@pytest.mark.parametrize("behaviour", ["no_finish_reason", "reset_late", "ignores_stream"])
async def test_a_complete_text_is_no_outage(bench: Bench, behaviour: str) -> None:
    bench.first.behave(behaviour)

    for _ in range(4):
        async with bench.session().model(PURPOSE).stream(PROMPT, json_schema=SCHEMA) as stream:
            text = ""
            async for piece in stream:
                text += piece
                if text.endswith("}"):
                    stream.need_no_more()

    assert [(row.outcome, row.attempt) for row in await bench.rows()] == [("completed", 1)] * 4
    assert len(bench.second.requests) == 0


async def test_tokens_that_are_not_reported_are_estimated_alike(bench: Bench) -> None:
    bench.first.behave("no_usage")

    await bench.ask()
    async with bench.session().model(PURPOSE).stream(PROMPT, json_schema=SCHEMA) as stream:
        async for _ in stream:
            pass

    first, second = await bench.rows()
    assert first.is_estimated
    assert first.input_tokens == -(-len(PROMPT[0].content) // 4)
    assert (first.input_tokens, first.output_tokens) == (second.input_tokens, second.output_tokens)
    assert first.cost_microdollars == second.cost_microdollars > 0


async def test_a_stream_that_is_left_is_cancelled_and_paid_for_what_came(bench: Bench) -> None:
    bench.first.behave("endless")

    async with bench.session().model(PURPOSE).stream(PROMPT, json_schema=SCHEMA) as stream:
        async for _ in stream:
            break

    assert await asyncio.to_thread(bench.first.hung_up_on.wait, PATIENCE_SECONDS)
    (row,) = await bench.rows()
    assert (row.outcome, row.is_estimated) == ("cancelled", True)
    assert row.output_tokens < 10
    assert bench.metric("footnote_llm_breaker_state", target="small") == 0


async def test_a_cancelled_call_is_recorded_though_nobody_waits(bench: Bench) -> None:
    bench.first.behave("hang")
    asking = asyncio.create_task(bench.ask())
    await asyncio.to_thread(bench.first.received.wait, PATIENCE_SECONDS)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await bench.gateway.ledger.finish()

    (row,) = await bench.rows()
    # The model may have written all it was allowed to.
    assert (row.outcome, row.output_tokens, row.is_estimated) == ("cancelled", 100, True)


async def test_a_fault_of_the_reader_is_not_held_against_the_target(bench: Bench) -> None:
    with pytest.raises(LlmUnavailable):
        async with bench.session().model(PURPOSE).stream(PROMPT, json_schema=SCHEMA):
            raise LlmUnavailable("another model, asked while this one writes")

    assert [outcome for _, _, outcome in await bench.attempts()] == ["cancelled"]


async def test_the_day_is_over_when_its_money_is_spent(
    servers: Servers, database: Database
) -> None:
    # A call may cost a token for each of its 132 + 16 + 18 + 16 bytes and twice its 100 tokens of
    # output, 382, and does cost 104: after two calls no third fits.
    async with opened(servers, database, dollars_per_day=dollars(2 * COST + 300)) as bench:
        await bench.ask()
        await bench.ask()

        session = bench.session()
        with pytest.raises(BudgetExhausted) as raised:
            await session.model(PURPOSE).complete(PROMPT, json_schema=SCHEMA)

        assert 0 < raised.value.retry_after_seconds <= 24 * 3600
        assert session.spent_microdollars == 0
        assert len(bench.first.requests) == 2
        (day,) = await bench.rows("budget_days")
        assert (day.spent_microdollars, day.reserved_microdollars) == (2 * COST, 0)
        assert await bench.rows("budget_reservations") == []


async def test_an_answer_may_cost_no_more_than_its_budget(
    servers: Servers, database: Database
) -> None:
    async with opened(servers, database, dollars_per_request=dollars(COST + 300)) as bench:
        session = bench.session()
        await session.model(PURPOSE).complete(PROMPT, json_schema=SCHEMA)

        with pytest.raises(RequestBudgetExceeded):
            await session.model(PURPOSE).complete(PROMPT, json_schema=SCHEMA)

        assert session.spent_microdollars == COST
        await bench.ask()


async def test_what_a_model_without_a_price_costs_is_unknown(
    bench: Bench, database: Database
) -> None:
    config = one_model(bench.first.base_url)
    async with running_gateway(config, database) as gateway:
        session = gateway.session(bench.tenant_id)

        completion = await session.model(PURPOSE).complete(PROMPT, json_schema=SCHEMA)

    assert completion.cost_microdollars is None
    assert (session.cost_microdollars, session.spent_microdollars) == (None, 0)
    (row,) = await bench.rows()
    assert (row.cost_microdollars, row.price_version, row.input_tokens) == (None, None, 100)


async def test_a_call_that_is_too_dear_tells_the_breaker_nothing(
    servers: Servers, database: Database
) -> None:
    async with opened(servers, database, dollars_per_request=dollars(1)) as bench:
        breaker = bench.gateway.targets["small"].breaker

        with pytest.raises(RequestBudgetExceeded):
            await bench.ask()

        assert breaker.state == "closed"
        assert bench.gateway.targets["small"].places._value == 2
        assert bench.first.requests == []


async def test_what_failed_before_it_began_costs_nothing(
    servers: Servers, database: Database
) -> None:
    async with opened(servers, database, dollars_per_day=dollars(1_000)) as bench:
        bench.first.behave("server_error")

        await bench.ask()

        (day,) = await bench.rows("budget_days")
        assert (day.spent_microdollars, day.reserved_microdollars) == (COST, 0)


async def test_many_answers_at_once_keep_to_the_day(servers: Servers, database: Database) -> None:
    async with opened(servers, database, dollars_per_day=dollars(20 * COST)) as bench:
        asked = [bench.ask("weighted") for _ in range(60)]

        told = await asyncio.gather(*asked, return_exceptions=True)

        refused = [each for each in told if isinstance(each, BudgetExhausted)]
        served = [each for each in told if isinstance(each, Completion)]
        assert len(refused) + len(served) == 60
        assert 1 <= len(served) <= 20
        (day,) = await bench.rows("budget_days")
        assert (day.spent_microdollars, day.reserved_microdollars) == (len(served) * COST, 0)
        assert await bench.rows("budget_reservations") == []
