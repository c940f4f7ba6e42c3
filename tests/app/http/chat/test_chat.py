"""The OpenAI-compatible door, through the official client."""

import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import openai
import pytest
from markdown_it import MarkdownIt
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionUserMessageParam

from tests.service import Person, Service

DOCUMENT = """# Leave policy

Every employee has 31 days of annual leave. Unused leave does not expire before March 2027.
"""
QUESTION = "How many days of annual leave does every employee have?"
MODEL = "footnote/handbook"


@pytest.fixture
async def ana(service: Service) -> Person:
    person = await service.person(await service.new_tenant(), "user:ana")
    await person.upload(DOCUMENT, collection="handbook", source_uri="https://intranet/leave")
    return person


@asynccontextmanager
async def client_of(person: Person) -> AsyncIterator[openai.AsyncOpenAI]:
    base_url = f"{person.service.http.base_url}/v1"
    async with openai.AsyncOpenAI(base_url=base_url, api_key=person.key, max_retries=0) as client:
        yield client


def user(text: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": text}]


async def test_an_answer_comes_with_markers_annotations_and_proof(ana: Person) -> None:
    async with client_of(ana) as client:
        completion = await client.chat.completions.create(model=MODEL, messages=user(QUESTION))

    choice = completion.choices[0]
    content = choice.message.content or ""
    assert choice.finish_reason == "stop"
    assert "31 days of annual leave. [1]" in content
    assert choice.message.annotations
    for annotation in choice.message.annotations:
        cited = annotation.url_citation
        assert content[cited.start_index : cited.end_index] in {"[1]", "[2]", "[3]"}
        assert cited.url == "https://intranet/leave"
    proof = completion.model_dump()["footnote"]
    assert proof["status"] == "answered"
    assert proof["citations"][0]["quote"] in DOCUMENT
    stored = await ana.request("GET", f"/v1/answers/{proof['answer_id']}")
    assert stored.json()["answer"] == content


async def test_a_stream_adds_up_to_the_whole_and_ends_with_the_proof(ana: Person) -> None:
    async with client_of(ana) as client:
        whole = await client.chat.completions.create(model=MODEL, messages=user(QUESTION))
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=user(QUESTION),
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]

    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    last = chunks[-1].model_dump()
    assert last["usage"]["total_tokens"] == 0
    assert last["footnote"]["citations"] == whole.model_dump()["footnote"]["citations"]


async def test_what_the_documents_do_not_say_is_said_to_be_missing(ana: Person) -> None:
    async with client_of(ana) as client:
        completion = await client.chat.completions.create(
            model=MODEL,
            messages=user("zyxwv qponm?"),
        )

    assert completion.choices[0].message.content == (
        "The documents that you may read do not answer this question."
    )
    assert completion.choices[0].message.annotations == []
    assert completion.model_dump()["footnote"]["status"] == "unsupported"


async def test_earlier_turns_are_history_and_text_parts_are_joined(ana: Person) -> None:
    messages = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": "What about annual leave?"},
        {"role": "assistant", "content": "What about it?"},
        {"role": "user", "content": [{"type": "text", "text": "How many days are there?"}]},
    ]

    response = await ana.request(
        "POST", "/v1/chat/completions", json={"model": MODEL, "messages": messages}
    )

    assert response.status_code == 200
    assert "31 days" in response.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [{"type": "function", "function": {"name": "pay"}}]},
        {"functions": [{"name": "pay"}]},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "pay"}}},
        {"n": 2},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
        {"logprobs": True},
        {"top_logprobs": 3},
        {"logit_bias": {"50256": -100}},
        {"modalities": ["text", "audio"]},
        {"audio": {"voice": "alloy", "format": "wav"}},
        {"web_search_options": {}},
        {"moderation": {"model": "guard"}},
        {"nobody_knows_this": 1},
        {"messages": [{"role": "assistant", "content": "Hello."}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": []},
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_refused_and_the_client_says_why(
    ana: Person, change: dict[str, object]
) -> None:
    body = {"model": MODEL, "messages": user(QUESTION), **change}

    async with client_of(ana) as client:
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            await client.post("/chat/completions", cast_to=object, body=body)

    (field,) = change
    error = refused.value
    assert (error.code, error.type) == ("invalid_request", "invalid_request_error")
    assert error.message in str(error)
    if "must be the user's question" not in error.message:
        assert (error.param or "").startswith(field)
        assert field in str(error)
        assert "'errors'" not in str(error)


HABITS: dict[str, Any] = {
    "temperature": 0,
    "top_p": 1,
    "stop": ["\n\n"],
    "tools": [],
    "tool_choice": "none",
    "parallel_tool_calls": False,
    "response_format": {"type": "text"},
    "logprobs": False,
    "logit_bias": {},
    "store": False,
    "reasoning_effort": "low",
    "service_tier": "auto",
    "verbosity": "low",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
    "modalities": ["text"],
    "user": "ana",
    "seed": 7,
    "metadata": {"app": "chat"},
    "prediction": {"type": "content", "content": "31"},
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
}


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_what_cannot_matter_is_accepted_and_named(ana: Person, *, is_streamed: bool) -> None:
    async with client_of(ana) as client:
        plain = await client.chat.completions.create(model=MODEL, messages=user(QUESTION))
        response = await client.chat.completions.with_raw_response.create(
            model=MODEL, messages=user(QUESTION), n=1, stream=is_streamed, **HABITS
        )
        bare = await client.chat.completions.with_raw_response.create(
            model=MODEL, messages=user(QUESTION), max_tokens=100
        )

    named = response.headers["footnote-ignored-parameters"]
    assert set(named.split(", ")) == HABITS.keys()
    assert "footnote-ignored-parameters" not in bare.headers
    assert "31 days" in (plain.choices[0].message.content or "")


async def test_each_habit_is_accepted_alone_and_as_null(ana: Person) -> None:
    for name, value in HABITS.items():
        for sent in (value, None):
            body = {"model": MODEL, "messages": user(QUESTION), name: sent}
            response = await ana.request("POST", "/v1/chat/completions", json=body)

            assert response.status_code == 200, (name, sent)


async def test_an_answer_can_be_appended_to_the_conversation(ana: Person) -> None:
    messages: list[Any] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Look it up."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "nothing"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        *user(QUESTION),
    ]
    async with client_of(ana) as client:
        first = await client.chat.completions.create(model=MODEL, messages=messages)
        messages.append(first.choices[0].message)
        messages.append({"role": "user", "content": "And when does unused leave expire?"})
        second = await client.chat.completions.create(model=MODEL, messages=messages)

    assert first.choices[0].message.annotations
    assert "March 2027" in (second.choices[0].message.content or "")


async def test_the_client_s_own_helper_reads_the_stream(ana: Person) -> None:
    told: list[ChatCompletionMessageParam] = [*user(QUESTION)]
    async with (
        client_of(ana) as client,
        client.chat.completions.stream(model=MODEL, messages=told) as stream,
    ):
        completion = await stream.get_final_completion()

    assert "31 days of annual leave. [1]" in (completion.choices[0].message.content or "")


MARKED_UP = """# Notes

The *red* valve [opens](http://valve.example) at 5 bar, see snake_case and <b>bold</b> text.
"""


async def test_what_a_renderer_would_act_on_is_escaped(ana: Person) -> None:
    await ana.upload(MARKED_UP, "notes.txt", collection="notes")
    question = "At how many bar does the red valve open?"
    model = "footnote/notes"
    async with client_of(ana) as client:
        completion = await client.chat.completions.create(model=model, messages=user(question))
        stream = await client.chat.completions.create(
            model=model, messages=user(question), stream=True
        )
        chunks = [chunk async for chunk in stream]

    message = completion.choices[0].message
    content = message.content or ""
    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    answer_id = completion.model_dump()["footnote"]["answer_id"]
    stored = (await ana.request("GET", f"/v1/answers/{answer_id}")).json()["answer"]
    rendered = MarkdownIt("commonmark").render(content)
    assert "".join(pieces) == content
    assert html.unescape(rendered) == f"<p>{stored}</p>\n"
    assert "<b>" in stored
    assert message.annotations
    for annotation in message.annotations:
        cited = annotation.url_citation
        assert content[cited.start_index : cited.end_index] == "[1]"


async def test_a_model_is_shown_to_those_who_may_read_in_it(ana: Person, service: Service) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    await ana.upload("The budget is 7350 euros.", collection="top/secret", principals=["user:ana"])

    async with client_of(ana) as client:
        model = await client.models.retrieve("footnote/top/secret")
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.models.retrieve("footnote/nothing")
    async with client_of(bob) as client:
        with pytest.raises(openai.NotFoundError) as hidden:
            await client.models.retrieve("footnote/top/secret")

    assert (model.id, model.object, model.owned_by) == ("footnote/top/secret", "model", "footnote")
    assert hidden.value.body == unknown.value.body
    assert "There is no such model" in str(hidden.value)


async def test_every_error_has_openai_s_shape(ana: Person, service: Service) -> None:
    body = {"model": "footnote/nothing", "messages": user(QUESTION)}
    stranger = replace(ana, key="fn_wrong")
    unread = await service.person(ana.tenant_id, "user:ana", scopes=("search",))

    responses = [
        await stranger.request("GET", "/v1/models"),
        await unread.request("GET", "/v1/models/footnote/handbook"),
        await ana.request("POST", "/v1/chat/completions", json=body),
        await ana.request("POST", "/v1/chat/completions", content=b"{"),
        await ana.request("DELETE", "/v1/models"),
        await ana.request("GET", "/v1/chat/nothing"),
    ]

    shapes = [(each.status_code, *each.json()["error"].keys()) for each in responses]
    keys = ("message", "type", "param", "code")
    assert shapes == [(status, *keys) for status in (401, 403, 404, 422, 405, 404)]
    assert [each.json()["error"]["type"] for each in responses[:3]] == [
        "authentication_error",
        "permission_error",
        "invalid_request_error",
    ]


async def test_models_are_the_collections_that_hold_something_for_the_caller(
    ana: Person, service: Service
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    await ana.upload("The budget is 7350 euros.", collection="secret", principals=["user:ana"])

    async with client_of(ana) as client:
        of_ana = [model.id async for model in client.models.list()]
    async with client_of(bob) as client:
        of_bob = [model.id async for model in client.models.list()]

    assert of_ana == ["footnote/handbook", "footnote/secret"]
    assert of_bob == ["footnote/handbook"]


async def test_a_hidden_collection_is_like_one_that_does_not_exist(
    ana: Person, service: Service
) -> None:
    bob = await service.person(ana.tenant_id, "user:bob")
    await ana.upload("The budget is 7350 euros.", collection="secret", principals=["user:ana"])

    responses = [
        await bob.request(
            "POST", "/v1/chat/completions", json={"model": model, "messages": user("The budget?")}
        )
        for model in ("footnote/secret", "footnote/nothing", "gpt-4o", "footnote/")
    ]

    assert [response.status_code for response in responses] == [404] * 4
    first, second = (response.json() for response in responses[:2])
    assert first == second
