"""Scopes and events are those that the API's description names."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from app.http.api_description import operations_of
from kb.store.choices import SCOPES
from tests.service import Person, Service

Json = Any

URI = "urn:description"
QUESTION = "How long is parental leave?"


async def tried(person: Person, method: str, path: str) -> httpx.Response:
    """The response to a request for something that does not exist."""
    filled = re.sub(r"\{[a-z_]+\}", str(uuid4()), path)
    body: dict[str, object] | None = {} if method in {"POST", "PATCH"} else None
    return await person.request(method, filled, json=body)


async def test_the_scopes_that_are_named_are_those_that_are_needed(
    service: Service, document: Json
) -> None:
    tenant_id = await service.new_tenant()
    with_one = {scope: await service.person(tenant_id, scopes=[scope]) for scope in SCOPES}
    for method, path, operation in operations_of(document):
        named = {scope for each in operation["security"] for scope in each["bearer"]}
        for scope, person in with_one.items():
            response = await tried(person, method, path)

            told = f"{scope}: {method} {path}: {response.status_code} {response.text[:200]}"
            is_refused = response.status_code == 403 and "scope_missing" in response.text
            assert is_refused == (bool(named) and scope not in named), told


def events_of(stream: str) -> Iterator[dict[str, str]]:
    """The events of a stream, as the specification of server-sent events has them."""
    for block in stream.split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if not line.startswith(":")]
        fields = {name: value for name, _, value in lines if name}
        if fields:
            yield {"event": "message", **fields}


def must_be_described(document: Json, union: str, stream: str) -> list[dict[str, str]]:
    """The events, each of which one member of the union describes."""
    registry = Registry().with_resource(URI, DRAFT202012.create_resource(document))
    schemas = document["components"]["schemas"]
    members = schemas[union].get("oneOf", schemas[union].get("anyOf"))
    events = list(events_of(stream))
    for event in events:
        described = []
        for member in members:
            name = member["$ref"].rpartition("/")[2]
            place = f"{URI}#/components/schemas/{name}"
            if not Draft202012Validator({"$ref": place}, registry=registry).is_valid(event):
                continue
            if "contentSchema" in schemas[name]["properties"]["data"]:
                inside = {"$ref": f"{place}/properties/data/contentSchema"}
                is_json = event["data"].startswith("{")
                if not is_json or not Draft202012Validator(inside, registry=registry).is_valid(
                    json.loads(event["data"])
                ):
                    continue
            described.append(name)
        assert len(described) == 1, (described, event)
    return events


async def test_events_are_as_described(service: Service, document: Json) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    accepted = await ana.post_file("# Leave\n\nParental leave is 16 weeks at full pay.")
    job_id = accepted.json()["job"]["id"]
    await service.run_job(ana.tenant_id, job_id)
    messages = [{"role": "user", "content": QUESTION}]

    followed = await ana.request("GET", f"/v1/jobs/{job_id}/events")
    answered = await ana.ask(QUESTION, stream=True)
    chatted = await ana.request(
        "POST",
        "/v1/chat/completions",
        json={"model": "footnote/default", "messages": messages, "stream": True},
    )

    job = must_be_described(document, "JobStreamEvent", followed.text)
    answer = must_be_described(document, "AnswerStreamEvent", answered.text)
    chat = must_be_described(document, "ChatStreamEvent", chatted.text)
    assert [event["event"] for event in job] == ["job.finished"]
    assert [event["event"] for event in answer] == [
        "answer.created",
        "retrieval.completed",
        "claim.verified",
        "answer.completed",
    ]
    assert len(chat) >= 3
    assert chat[-1]["data"] == "[DONE]"
