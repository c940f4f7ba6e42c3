"""Every door takes the same principals and refuses the same ones."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from app.identity import recognise
from footnote.caller import command_line_caller
from footnote.commands.run_ingest import readers_of
from kb.errors import InvalidPrincipal
from kb.store.credentials import create_key
from tests.principals import REFUSED, REFUSED_IN_TEXT, TAKEN
from tests.service import EVERY_SCOPE, Person, Service

Door = Callable[[Person, str], Awaitable[list[str]]]
"""Gives what was understood; InvalidPrincipal when it was refused."""


@pytest.fixture
async def ana(service: Service) -> Person:
    scopes = (*EVERY_SCOPE, "act_as")
    return await service.person(await service.new_tenant(), "user:ana", scopes=scopes)


def understood(response: httpx.Response) -> list[str]:
    body = response.json()
    if response.status_code == 422:
        assert body["code"] == "invalid_principal", body
        raise InvalidPrincipal
    assert response.is_success, body
    return list(body.get("document", body)["principals"])


async def json_upload(ana: Person, sent: str) -> list[str]:
    body = json.dumps({"text": "A note.", "principals": [sent]})
    headers = {"Content-Type": "application/json"}
    return understood(await ana.request("POST", "/v1/documents", headers, content=body))


async def form_upload(ana: Person, sent: str) -> list[str]:
    return understood(await ana.post_file("A note.", principals=sent))


async def form_list(ana: Person, sent: str) -> list[str]:
    return understood(await ana.post_file("A note.", principals=json.dumps([sent])))


async def patch(ana: Person, sent: str) -> list[str]:
    document_id = (await ana.post_file("A note.")).json()["document"]["id"]
    path = f"/v1/documents/{document_id}"
    return understood(await ana.request("PATCH", path, json={"principals": [sent]}))


async def header(ana: Person, sent: str) -> list[str]:
    acting = {"Footnote-Principals": sent.encode()}
    response = await ana.request("GET", "/v1/documents", acting)  # type: ignore[arg-type]  # bytes
    if response.status_code == 422:
        assert response.json()["code"] == "invalid_principal"
        raise InvalidPrincipal
    assert response.status_code == 200, response.text
    caller = await recognise(
        ana.service.resources.authenticator,
        authorization=f"Bearer {ana.key}",
        acting_principals=sent.encode().decode("latin-1"),
        request_id="request",
        now=datetime.now(UTC),
    )
    return list(caller.principals)


async def key_create(ana: Person, sent: str) -> list[str]:
    async with ana.service.resources.database.system() as system:
        key = await create_key(
            system, ana.tenant_id, scopes=["search"], principals=[sent], expires_at=None
        )
        query = text("SELECT principals FROM credentials WHERE id = :id")
        return list((await system.connection.execute(query, {"id": key.id})).scalar_one())


async def command_line(ana: Person, sent: str) -> list[str]:
    name = text("SELECT name FROM tenants WHERE id = :id")
    database = ana.service.resources.database
    async with database.system() as system:
        tenant = (await system.connection.execute(name, {"id": ana.tenant_id})).scalar_one()
    return list((await command_line_caller(database, tenant, [sent])).principals)


async def command_line_ingest(_ana: Person, sent: str) -> list[str]:
    return readers_of(sent)


DOORS: Mapping[str, Door] = {
    "JSON": json_upload,
    "form": form_upload,
    "list in a form": form_list,
    "PATCH": patch,
    "header": header,
    "key create": key_create,
    "search and ask": command_line,
    "ingest": command_line_ingest,
}
every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@every_door
async def test_every_door_understands_the_same_principals(ana: Person, door: Door) -> None:
    for sent, stored in TAKEN.items():
        assert set(await door(ana, sent)) - {"tenant:*"} == {stored} - {"tenant:*"}


@every_door
async def test_every_door_refuses_the_same_principals(ana: Person, door: Door) -> None:
    for sent in REFUSED:
        with pytest.raises(InvalidPrincipal):
            await door(ana, sent)


@pytest.mark.parametrize("door", [json_upload, patch, form_list], ids=["JSON", "PATCH", "form"])
async def test_what_only_json_can_say_is_refused(ana: Person, door: Door) -> None:
    for sent in REFUSED_IN_TEXT:
        with pytest.raises(InvalidPrincipal):
            await door(ana, sent)


async def test_who_is_named_in_a_header_reads_what_json_named(ana: Person) -> None:
    document_id = await ana.upload("# Leave\n\n31 days.", principals=["user:\u00e0na"])

    for name in ("user:\u00e0na", "user:a\u0300na"):
        acting = {"Footnote-Principals": name.encode()}
        found = await ana.request("POST", "/v1/search", acting, json={"query": "leave"})  # type: ignore[arg-type]  # bytes
        assert [hit["document"]["id"] for hit in found.json()["data"]] == [document_id]


async def test_a_header_in_another_encoding_is_refused(ana: Person) -> None:
    acting = {"Footnote-Principals": "user:\u00e0na".encode("latin-1")}

    response = await ana.request("GET", "/v1/documents", acting)  # type: ignore[arg-type]  # bytes

    assert (response.status_code, response.json()["code"]) == (422, "invalid_principal")


async def test_principals_stored_by_an_earlier_release_are_still_read(ana: Person) -> None:
    document_id = await ana.upload("# Leave\n\n31 days.")
    old = ["group:*", "tenant:globex", "user:a\u0300na", "user:ana", "user:zero\u200bwidth"]
    async with ana.service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        for table in ("documents", "chunks"):
            update = text(f"UPDATE {table} SET principals = :old")  # noqa: S608  # names of ours
            await scope.connection.execute(update, {"old": old})

    response = await ana.request("GET", f"/v1/documents/{document_id}")
    renamed = await ana.request("PATCH", f"/v1/documents/{document_id}", json={"title": "Rules"})

    assert (response.status_code, response.json()["principals"]) == (200, old)
    assert (renamed.status_code, renamed.json()["principals"]) == (200, old)
    assert len((await ana.search("leave", mode="lexical")).json()["data"]) == 1


async def test_no_readers_on_the_command_line_does_not_mean_everybody() -> None:
    assert readers_of(None) == ["tenant:*"]
    for sent in ("", " , "):
        with pytest.raises(InvalidPrincipal):
            readers_of(sent)
