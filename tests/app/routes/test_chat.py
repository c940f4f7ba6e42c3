"""The OpenAI-compatible door, through the official client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

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
        {"tools": []},
        {"n": 2},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "assistant", "content": "Hello."}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": []},
    ],
    ids=["tools", "two choices", "a format", "no question", "a picture", "no message"],
)
async def test_what_cannot_be_done_is_refused(ana: Person, change: dict[str, object]) -> None:
    body = {"model": MODEL, "messages": user(QUESTION), **change}

    response = await ana.request("POST", "/v1/chat/completions", json=body)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


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
    assert first["detail"] == second["detail"]
