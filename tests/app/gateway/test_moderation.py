"""Moderation at the gateway: asked at its own door, metered, and never taken on trust."""

from collections.abc import AsyncIterator

import pytest

from app.policy.model_access import ModelAccess
from kb.errors import KnowledgeBaseError, LlmOutputInvalid, LlmTimedOut, LlmUnavailable
from kb.postgres.database import Database
from tests.app.gateway.bench import Bench, Servers, opened

TEXT = "How do I pick a lock?"


@pytest.fixture
async def moderated(servers: Servers, database: Database) -> AsyncIterator[Bench]:
    async with opened(servers, database, moderation="small") as bench:
        bench.first.flagged, bench.first.moderation = "lock", "honest"
        yield bench


async def moderate(bench: Bench, text: str = TEXT) -> bool:
    moderation = bench.session().moderation()
    assert moderation is not None
    return await moderation.moderate(text)


async def test_text_is_sent_and_the_flag_comes_back(moderated: Bench) -> None:
    assert await moderate(moderated) is True
    assert await moderate(moderated, "How long is leave?") is False

    request = moderated.first.requests[0]
    assert request["path"] == "/v1/moderations"
    assert request["body"] == {"input": TEXT, "model": "small-1"}
    assert request["headers"]["authorization"] == "Bearer sk-secret"


async def test_call_is_metered_by_its_own_operation(moderated: Bench) -> None:
    await moderate(moderated)

    (row,) = await moderated.rows()
    assert (row.feature, row.operation, row.outcome) == ("moderation", "moderation", "completed")
    assert (row.alias, row.model) == ("small", "small-1")
    # 21 characters are 6 tokens of 4, which cost a micro-dollar each; nothing is written.
    assert (row.input_tokens, row.output_tokens, row.is_estimated) == (6, 0, True)
    assert row.cost_microdollars == 6


async def test_failure_that_passes_is_tried_again(moderated: Bench) -> None:
    moderated.first.moderation = "overloaded"

    with pytest.raises(LlmUnavailable):
        await moderate(moderated)

    assert [row.outcome for row in await moderated.rows()] == ["unavailable", "unavailable"]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("not_json", LlmOutputInvalid),
        ("no_choices", LlmOutputInvalid),
        ("hangs_up", LlmUnavailable),
    ],
)
async def test_whatever_else_comes_is_an_error(
    moderated: Bench, failure: str, error: type[KnowledgeBaseError]
) -> None:
    moderated.first.moderation = failure

    with pytest.raises(error):
        await moderate(moderated)


async def test_a_server_that_hangs_is_given_up(servers: Servers, database: Database) -> None:
    async with opened(servers, database, small_seconds=1, moderation="small") as hasty:
        hasty.first.moderation = "hang"

        with pytest.raises(LlmTimedOut):
            await moderate(hasty)


async def test_without_a_policy_nobody_is_asked(bench: Bench) -> None:
    assert ModelAccess(aliases=("default",)).moderation is None
    assert bench.session().moderation() is None
