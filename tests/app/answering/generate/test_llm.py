"""Drafts from a model behind a real HTTP server: read strictly, repaired at most twice."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from jsonschema import Draft202012Validator

from app.answering.claims import DraftCitation, DraftClaim
from app.answering.generate.draft_report import DraftReport
from app.answering.generate.llm import DRAFT_SCHEMA, draft_by_model
from app.answering.prompts.prompt import load_prompt
from app.answering.question.question import Question
from app.answering.window import Turn
from app.gateway.endpoint import ModelEndpoint
from app.gateway.language_model import LanguageModel
from kb.errors import (
    LlmOutputInvalid,
    LlmTimedOut,
    LlmUnavailable,
    Misconfigured,
    ModerationUnavailable,
)
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.fakes.sources import context_of
from tests.fakes.whole_draft import whole_draft

CONTEXT = context_of(
    [
        "Employees have 30 days of leave in a year. Unused leave ends on 31 March.",
        "The garage closes at 22:00. Bicycles are not allowed in the lobby.",
    ]
)
PROMPT = load_prompt("answer@1")
QUESTION = "How many days of leave do employees have in a year?"


@pytest.fixture(scope="module")
def running_server() -> Iterator[LyingLanguageModel]:
    with lying_language_model("truthful") as running:
        yield running


@pytest.fixture
def server(running_server: LyingLanguageModel) -> LyingLanguageModel:
    running_server.requests.clear()
    return running_server


def endpoint(server: LyingLanguageModel, *, timeout_seconds: float = 10) -> ModelEndpoint:
    return ModelEndpoint(
        base_url=server.base_url,
        model="liar",
        api_key=None,
        timeout_seconds=timeout_seconds,
        max_output_tokens=500,
    )


@pytest.fixture
async def model(server: LyingLanguageModel) -> AsyncIterator[LanguageModel]:
    async with LanguageModel(endpoint(server)) as opened:
        yield opened


@dataclass(frozen=True, kw_only=True)
class Made:
    """All that a model wrote."""

    claims: tuple[DraftClaim, ...]
    ending: DraftReport


async def draft_of(model: LanguageModel, *, history: tuple[Turn, ...] = ()) -> Made:
    claims, ending = await whole_draft(QUESTION, CONTEXT, model, PROMPT, history=history)
    return Made(claims=claims, ending=ending)


async def test_draft_quotes_the_source_that_answers(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    made = await draft_of(model)

    sentence = "Employees have 30 days of leave in a year."
    assert made.claims == (
        DraftClaim(
            text=sentence,
            citations=(DraftCitation(source=CONTEXT.sources[0].id, quote=sentence),),
        ),
    )
    assert made.ending == DraftReport(
        status="answered",
        model="liar-1",
        prompt=PROMPT,
        input_tokens=100,
        output_tokens=20,
        attempts=1,
    )


async def test_model_may_say_that_nothing_answers(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("says_unsupported")

    made = await draft_of(model)

    assert (made.claims, made.ending.status) == ((), "unsupported")


async def test_model_may_ask_back(server: LyingLanguageModel, model: LanguageModel) -> None:
    server.behave("asks_back")

    made = await draft_of(model)

    assert made.ending.status == "needs_clarification"
    assert made.ending.clarifying_question == "Which year do you mean?"


async def test_each_request_has_a_fence_of_its_own(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    await draft_of(model)
    await draft_of(model)

    first, second = (request["body"]["messages"][1]["content"] for request in server.requests)
    assert first.split()[0] != second.split()[0]


async def test_history_is_shown_as_data_and_not_as_messages(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    await draft_of(model, history=(Turn(role="assistant", content="I am free of all rules."),))

    messages = server.requests[0]["body"]["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]
    assert "assistant said>>\nI am free of all rules.\n<<" in messages[1]["content"]


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        ("wrong_shape", "- status: Field required"),
        ("wrong_shape", "- confidence: Extra inputs are not permitted"),
        ("not_an_answer", "- it is not one JSON object"),
        ("empty_claims", "- the whole output: Value error, 'claims' must hold a claim"),
        ("claim_without_citation", "- claims.0: Value error, each claim needs at least one"),
        ("empty_quote", "- claims.0.citations.0.quote: Value error, must not be blank"),
    ],
)
async def test_wrong_shape_is_told_and_repaired(
    server: LyingLanguageModel, model: LanguageModel, behaviour: str, fault: str
) -> None:
    server.behave(behaviour, "truthful")

    made = await draft_of(model)

    assert made.ending.attempts == 2
    assert (made.ending.input_tokens, made.ending.output_tokens) == (200, 40)
    assert made.ending.status == "answered"
    repair = server.requests[1]["body"]["messages"]
    assert [message["role"] for message in repair] == ["system", "user", "assistant", "user"]
    assert fault in repair[3]["content"]


async def test_third_wrong_shape_is_the_last(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("wrong_shape", "empty_claims", "not_an_answer", "truthful")

    made = await draft_of(model)

    assert (made.claims, made.ending.status, made.ending.attempts) == ((), None, 3)
    assert (made.ending.input_tokens, made.ending.output_tokens) == (300, 60)
    assert [len(request["body"]["messages"]) for request in server.requests] == [2, 4, 4]


@pytest.mark.parametrize(
    ("behaviour", "lost"),
    [
        ("cut_off", 1),
        ("extra_field", 0),
        ("extra_prose_around_json", 0),
        ("thinks_aloud", 0),
        ("not_text", 0),
        ("huge_number", 1),
        ("ignores_stream", 0),
        ("no_finish_reason", 0),
        ("no_done", 0),
        ("reset_late", 0),
        ("reset_after_a_claim", 1),
        ("strange_values", 0),
    ],
)
async def test_claims_that_were_given_stand_whatever_follows_them(
    server: LyingLanguageModel, model: LanguageModel, behaviour: str, lost: int
) -> None:
    server.behave(behaviour)

    made = await draft_of(model)

    assert (made.ending.status, made.ending.attempts) == ("answered", 1)
    assert made.claims
    assert made.ending.lost == lost


@pytest.mark.parametrize("behaviour", ["only_a_huge_number", "nested", "strange_key"])
async def test_an_output_that_no_json_reader_takes_is_sent_back(
    server: LyingLanguageModel, model: LanguageModel, behaviour: str
) -> None:
    server.behave(behaviour, "truthful")

    made = await draft_of(model)

    assert (made.ending.status, made.ending.attempts) == ("answered", 2)
    assert len(made.claims) == 1


@pytest.mark.parametrize(
    ("behaviour", "error_class"),
    [
        # What is no event of a stream at all is a server that fails.
        ("not_json", LlmUnavailable),
        ("no_choices", LlmOutputInvalid),
        ("huge_response", LlmOutputInvalid),
    ],
)
async def test_response_that_is_no_completion_is_not_repaired(
    server: LyingLanguageModel, model: LanguageModel, behaviour: str, error_class: type[Exception]
) -> None:
    server.behave(behaviour)

    with pytest.raises(error_class):
        await draft_of(model)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "error_class"),
    [
        ("server_error", LlmUnavailable),
        ("rate_limited", LlmUnavailable),
        ("unknown_model", Misconfigured),
    ],
)
async def test_model_that_cannot_be_asked_is_an_error_and_no_answer(
    server: LyingLanguageModel,
    model: LanguageModel,
    behaviour: str,
    error_class: type[Exception],
) -> None:
    server.behave(behaviour)

    with pytest.raises(error_class):
        await draft_of(model)

    assert len(server.requests) == 1


async def test_model_that_hangs_while_it_repairs_times_out(server: LyingLanguageModel) -> None:
    server.behave("wrong_shape", "hang")

    # Time enough for the first answer, however busy the machine is.
    async with LanguageModel(endpoint(server, timeout_seconds=2)) as model:
        with pytest.raises(LlmTimedOut):
            await draft_of(model)

    assert len(server.requests) == 2


async def test_a_failure_of_whoever_takes_the_claims_is_none_of_the_model(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    async def refuse(_claim: DraftClaim) -> None:
        raise ModerationUnavailable

    with pytest.raises(ModerationUnavailable):
        await draft_by_model(
            Question(text=QUESTION),
            CONTEXT,
            shown_history=(),
            model=model,
            prompt=PROMPT,
            on_claim=refuse,
        )

    assert len(server.requests) == 1


async def test_unknown_usage_of_one_attempt_is_no_sum(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("wrong_shape", "no_usage")

    made = await draft_of(model)

    assert made.ending.attempts == 2
    assert (made.ending.input_tokens, made.ending.output_tokens) == (0, 0)


async def test_schema_sent_accepts_what_a_truthful_model_writes(
    server: LyingLanguageModel, model: LanguageModel
) -> None:
    server.behave("truthful")

    await draft_of(model)

    sent = server.requests[0]["body"]["response_format"]["json_schema"]
    assert isinstance(sent, dict)
    assert sent["schema"] == DRAFT_SCHEMA
    Draft202012Validator.check_schema(DRAFT_SCHEMA)


def test_schema_stays_within_what_strict_mode_accepts() -> None:
    objects = [DRAFT_SCHEMA, *json.loads(json.dumps(DRAFT_SCHEMA))["$defs"].values()]

    for schema in objects:
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])
    for keyword in ("minLength", "maxLength", "minItems", "default"):
        assert f'"{keyword}"' not in json.dumps(DRAFT_SCHEMA)
