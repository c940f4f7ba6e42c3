"""Searches that memory answers: the same as those of the database, and never more than is allowed.

Each is compared with what the database says, or asked right after a change.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.http.rate_limit import RateLimiter
from app.retrieve import from_memory
from kb.ids import TenantId
from kb.passages import Passage
from kb.postgres.database import Database
from kb.store.credentials import KeyClaim, revoke_key
from kb.store.settled_search import Settled, settle_search
from tests.service import Person, Service

Body = dict[str, Any]

PATIENCE_SECONDS = 30
LANTERNS = ("The lantern is green.", "The lantern hangs in the harbour.", "Cranes are grey.")
SECRET = "The cellar key hangs behind the lantern."


def counted(service: Service) -> dict[str, float]:
    """The searches so far, by the reason that memory could not answer; "" when it has."""
    registry = service.resources.metrics.registry
    return {
        sample.labels["reason"]: sample.value
        for metric in registry.collect()
        if metric.name == "footnote_searches"
        for sample in metric.samples
    }


async def how(service: Service, asking: Awaitable[httpx.Response]) -> tuple[str, Body]:
    """Why memory could not answer, "" when it has; and the body of the response."""
    before = counted(service)
    response = await asking
    assert response.status_code == 200, response.text
    after = counted(service)
    (reason,) = [each for each in after if after[each] > before.get(each, 0)]
    return reason, response.json()


async def warm(person: Person, **body: object) -> Body:
    """The body of the last search by words of all, which memory has answered."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        # As the service does every second.
        await person.service.resources.lexical.catch_up(person.tenant_id)
        reason, found = await how(person.service, person.search("lantern", **body))
        if reason == "":
            return found
        assert asyncio.get_running_loop().time() < deadline, reason
        await asyncio.sleep(0.05)


async def take_up(person: Person) -> None:
    """Makes memory answer again, without a look at more than one passage."""
    reasons = {"not yet"}
    while reasons != {""}:
        await person.service.resources.lexical.catch_up(person.tenant_id)
        reasons = {
            (await how(person.service, person.search("green", mode=mode, top_k=1)))[0]
            for mode in ("lexical", "vector")
        }


def texts(found: Body) -> set[str]:
    return {hit["text"] for hit in found["data"]}


@pytest.fixture
async def ana(service: Service) -> Person:
    person = await service.person(await service.new_tenant(), "user:ana")
    for number, each in enumerate(LANTERNS):
        await person.upload(each, external_id=f"{number}", title=f"Note {number}")
    await person.upload(SECRET, external_id="secret", principals=["user:ana"])
    return person


@pytest.fixture
async def bo(ana: Person, service: Service) -> Person:
    return await service.person(ana.tenant_id, "user:bo")


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "vector"])
async def test_memory_answers_as_the_database_does(
    ana: Person, bo: Person, service: Service, mode: str
) -> None:
    for person in (ana, bo):
        remembered = await warm(person, mode=mode, explain=True)
        # Every collection there is: only the database knows them.
        reason, found = await how(
            service,
            person.search("lantern", mode=mode, explain=True, collections=["default"]),
        )
        assert reason == "unsuited"
        for each in (remembered, found):
            del each["timings_ms"], each["request_id"]
        assert remembered == found


async def test_each_sees_what_is_theirs(ana: Person, bo: Person, service: Service) -> None:
    stranger = await service.person(await service.new_tenant(), "user:ana")
    await stranger.upload("The lantern of others is blue.")

    of_ana, of_bo, of_stranger = [await warm(person) for person in (ana, bo, stranger)]

    assert texts(of_ana) == {*LANTERNS, SECRET}
    assert texts(of_bo) == {*LANTERNS}
    assert texts(of_stranger) == {"The lantern of others is blue."}


async def test_an_application_sees_what_those_see_for_whom_it_acts(
    ana: Person, service: Service
) -> None:
    application = await service.person(ana.tenant_id, scopes=["search", "act_as"])

    async def acting(principals: str) -> Body:
        headers = {"Footnote-Principals": principals}
        body = {"query": "lantern"}
        await application.request("POST", "/v1/search", headers=headers, json=body)
        reason, found = await how(
            service, application.request("POST", "/v1/search", headers=headers, json=body)
        )
        assert reason == ""
        return found

    await warm(application)
    assert SECRET in texts(await acting("user:ana"))
    assert SECRET not in texts(await acting("user:bo"))


async def test_acting_for_others_needs_its_scope(ana: Person, service: Service) -> None:
    await warm(ana)

    refused = await ana.request(
        "POST", "/v1/search", headers={"Footnote-Principals": "user:bo"}, json={"query": "lantern"}
    )

    assert refused.status_code == 403


async def document_id(person: Person, external_id: str) -> str:
    listed = (await person.request("GET", "/v1/documents")).json()["data"]
    return str(next(each["id"] for each in listed if each["external_id"] == external_id))


async def test_a_change_takes_effect_with_the_very_next_search(ana: Person, bo: Person) -> None:
    secret = f"/v1/documents/{await document_id(ana, 'secret')}"
    await warm(bo)

    shown = {"principals": ["tenant:*"]}
    assert (await ana.request("PATCH", secret, json=shown)).status_code == 200
    assert SECRET in texts((await bo.search("lantern")).json())
    await warm(bo)

    hidden = {"principals": ["user:ana"]}
    assert (await ana.request("PATCH", secret, json=hidden)).status_code == 200
    assert SECRET not in texts((await bo.search("lantern")).json())
    await warm(ana)

    assert (await ana.request("DELETE", secret)).status_code == 200
    assert SECRET not in texts((await ana.search("lantern")).json())
    await warm(ana)

    await ana.upload("A lantern fell.")
    assert "A lantern fell." in texts((await ana.search("lantern")).json())


async def test_an_upload_that_waits_shows_when_the_document_was_changed(ana: Person) -> None:
    def updated_at(found: Body) -> object:
        return next(
            hit["document"]["updated_at"] for hit in found["data"] if hit["text"] == LANTERNS[0]
        )

    first = updated_at(await warm(ana))
    await ana.post_file("Not read yet.", external_id="0", title="Note 0")

    reason, found = await how(ana.service, ana.search("lantern"))

    assert reason == ""
    document = await ana.request("GET", f"/v1/documents/{await document_id(ana, '0')}")
    assert updated_at(found) == document.json()["updated_at"] != first


async def test_a_revoked_key_is_refused_with_the_very_next_search(
    ana: Person, bo: Person, service: Service
) -> None:
    await warm(bo)
    prefix = "_".join(bo.key.split("_")[:2])
    async with service.resources.database.system() as system:
        await revoke_key(system, ana.tenant_id, prefix, now=datetime.now(UTC))

    # Whatever is wrong with it: nothing else is told.
    bodies: list[dict[str, object]] = [{"query": "lantern"}, {"query": 5}, {}]
    for body in bodies:
        refused = await bo.request("POST", "/v1/search", json=body)
        assert (refused.status_code, refused.json()["code"]) == (401, "credential_invalid")


async def test_a_key_that_has_expired_is_refused_with_the_very_next_search(
    bo: Person, service: Service
) -> None:
    await warm(bo)
    async with service.resources.database.system() as system:
        await system.connection.execute(
            text("UPDATE credentials SET expires_at = :at WHERE prefix = :prefix"),
            {
                "at": datetime.now(UTC) - timedelta(seconds=1),
                "prefix": "_".join(bo.key.split("_")[:2]),
            },
        )

    assert (await bo.search("lantern")).status_code == 401


async def test_a_key_that_has_lost_the_scope_is_refused(bo: Person, service: Service) -> None:
    await warm(bo)
    async with service.resources.database.system() as system:
        await system.connection.execute(
            text("UPDATE credentials SET scopes = '{documents:read}' WHERE prefix = :prefix"),
            {"prefix": "_".join(bo.key.split("_")[:2])},
        )

    assert (await bo.search("lantern")).status_code == 403


async def test_a_wrong_key_is_not_taken_for_one_that_is_known(ana: Person) -> None:
    await warm(ana)

    wrong = replace(ana, key=ana.key[:-1] + ("a" if ana.key[-1] != "a" else "b"))

    assert (await wrong.search("lantern")).status_code == 401


async def test_what_is_wrong_with_a_request_is_told_as_ever(ana: Person) -> None:
    await warm(ana)

    assert (await ana.search("")).status_code == 422
    assert (await ana.search("lantern", top_k=0)).status_code == 422
    assert (await ana.search("lantern", top_k=1_000)).status_code == 422
    assert (await ana.search("lantern", rerank=True)).status_code == 422
    assert (await ana.search("x " * 5_000)).status_code == 422
    twice = await ana.service.http.post(
        "/v1/search",
        headers=[("Authorization", f"Bearer {ana.key}"), ("Authorization", f"Bearer {ana.key}")],
        json={"query": "lantern"},
    )
    assert twice.status_code == 422
    assert (await ana.request("POST", "/v1/search?a=b", json={"query": "x"})).status_code == 422


@pytest.mark.parametrize(
    "limit",
    [
        {"filter": {"language": "en"}},
        {"as_of": "2030-01-01T00:00:00Z"},
        {"collections": ["default"]},
    ],
)
async def test_limits_are_for_the_database(
    ana: Person, service: Service, limit: dict[str, object]
) -> None:
    await warm(ana)

    reason, _ = await how(service, ana.search("lantern", **limit))

    assert reason == "unsuited"


async def test_a_document_limited_in_time_ends_when_it_says(ana: Person, service: Service) -> None:
    end = datetime.now(UTC) + timedelta(seconds=PATIENCE_SECONDS)
    await ana.upload("The lantern is lent.", external_id="lent", expires_at=end.isoformat())
    await service.resources.lexical.catch_up(ana.tenant_id)
    assert "The lantern is lent." in texts((await ana.search("lantern")).json())
    reason, found = await how(service, ana.search("lantern"))
    assert "The lantern is lent." in texts(found)
    assert reason in {"unsuited", "not_held", "changed"}
    later = replace(service.resources, clock=lambda: end)

    async with service.with_resources(later) as then:
        found = (await replace(ana, service=then).search("lantern")).json()

    assert "The lantern is lent." not in texts(found)


@pytest.mark.parametrize("change", ["hide", "delete", "publish", "revoke"])
async def test_a_change_during_a_search_is_seen_by_it(
    ana: Person, bo: Person, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    secret = f"/v1/documents/{await document_id(ana, 'secret')}"
    await ana.request("PATCH", secret, json={"principals": ["tenant:*"]})
    await warm(bo)

    async def make_it() -> None:
        match change:
            case "hide":
                await ana.request("PATCH", secret, json={"principals": ["user:ana"]})
            case "delete":
                await ana.request("DELETE", secret)
            case "publish":
                await ana.upload("A lantern fell.")
            case _:
                async with ana.service.resources.database.system() as system:
                    prefix = "_".join(bo.key.split("_")[:2])
                    await revoke_key(system, ana.tenant_id, prefix, now=datetime.now(UTC))

    async def settle_after_it(
        database: Database,
        tenant_id: TenantId,
        principals: tuple[str, ...],
        chunks: Mapping[int, Passage | None],
        *,
        key: KeyClaim | None,
        now: datetime,
    ) -> Settled:
        monkeypatch.setattr(from_memory, "settle_search", settle_search)
        await make_it()
        return await settle_search(database, tenant_id, principals, chunks, key=key, now=now)

    monkeypatch.setattr(from_memory, "settle_search", settle_after_it)
    response = await bo.search("lantern")

    if change == "revoke":
        assert response.status_code == 401
        return
    found = texts(response.json())
    assert (SECRET in found) == (change == "publish")
    assert ("A lantern fell." in found) == (change == "publish")


async def restore(person: Person, *changes: str) -> None:
    """Makes the last change that of another transaction, and changes its document besides."""
    async with person.service.resources.database.owner() as connection:
        tenant = {"tenant_id": person.tenant_id}
        last = await connection.execute(
            text(
                "UPDATE index_changes SET document_id = document_id WHERE tenant_id = :tenant_id"
                " AND generation = (SELECT generation FROM tenants WHERE id = :tenant_id)"
                " RETURNING document_id"
            ),
            tenant,
        )
        of_document = {**tenant, "document_id": last.scalar_one()}
        for change in changes:
            await connection.execute(text(change), of_document)


async def test_a_restored_database_is_another_history(ana: Person, service: Service) -> None:
    await warm(ana)
    await restore(ana)

    reason, found = await how(service, ana.search("lantern"))

    assert reason == "changed"
    assert texts(found) == {*LANTERNS, SECRET}


async def test_a_connection_that_was_lost_is_not_missed(ana: Person, service: Service) -> None:
    await warm(ana)
    async with service.resources.database.owner() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND query LIKE '%footnote_settle_search%'"
            )
        )

    assert texts((await ana.search("lantern")).json()) == {*LANTERNS, SECRET}
    await warm(ana)


async def test_a_search_counts_once_against_the_rate_limit(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted: list[str] = []
    admit = RateLimiter.admit

    def noting(self: RateLimiter, subject: str) -> Mapping[str, str]:
        admitted.append(subject)
        return admit(self, subject)

    await warm(ana)
    monkeypatch.setattr(RateLimiter, "admit", noting)

    await ana.search("lantern")
    await ana.search("lantern", collections=["default"])

    assert len(admitted) == 2


async def test_an_idempotency_key_keeps_its_promise(ana: Person) -> None:
    await warm(ana)
    headers = {"Idempotency-Key": "lantern-1"}

    first, again = [
        await ana.request("POST", "/v1/search", headers=headers, json={"query": "lantern"})
        for _ in range(2)
    ]

    assert first.json() == again.json()


async def test_a_purge_forgets_the_passages(ana: Person, service: Service) -> None:
    await warm(ana)
    passages = service.resources.retriever._passages
    held = [key for key in passages._held if key[0] == ana.tenant_id]
    assert len(held) == len(LANTERNS) + 1

    await ana.request("DELETE", f"/v1/documents/{await document_id(ana, 'secret')}")
    await service.resources.purger.purge_once()

    assert [key for key in passages._held if key[0] == ana.tenant_id] == []


async def test_what_is_not_held_is_read_in_the_same_statement(
    ana: Person, service: Service
) -> None:
    expected = await warm(ana)
    service.resources.retriever._passages.forget(ana.tenant_id)

    reason, found = await how(service, ana.search("lantern"))

    assert reason == ""
    assert found["data"] == expected["data"]


async def test_who_has_no_valid_key_is_told_nothing_of_its_limit(
    ana: Person, bo: Person, service: Service
) -> None:
    limits = replace(service.resources.request_limits, rate_per_minute=3)
    async with service.with_resources(replace(service.resources, request_limits=limits)) as other:
        bo = replace(bo, service=other)
        await warm(replace(bo, service=service))
        assert (await bo.search("lantern")).headers["RateLimit-Remaining"] == "2"
        async with service.resources.database.system() as system:
            prefix = "_".join(bo.key.split("_")[:2])
            await revoke_key(system, ana.tenant_id, prefix, now=datetime.now(UTC))

        refused = await bo.search("lantern")

    assert refused.status_code == 401
    assert "RateLimit-Remaining" not in refused.headers


async def test_a_revoked_key_that_has_used_its_limit_up_is_revoked(
    ana: Person, bo: Person, service: Service
) -> None:
    await warm(bo)
    limits = replace(service.resources.request_limits, rate_per_minute=1)
    async with service.with_resources(replace(service.resources, request_limits=limits)) as other:
        bo = replace(bo, service=other)
        assert (await bo.search("lantern")).status_code == 200
        limited = await bo.search("lantern")
        async with service.resources.database.system() as system:
            prefix = "_".join(bo.key.split("_")[:2])
            await revoke_key(system, ana.tenant_id, prefix, now=datetime.now(UTC))

        refused = await bo.search("lantern")

    assert (limited.status_code, limited.headers["RateLimit-Remaining"]) == (429, "0")
    assert refused.status_code == 401


async def test_a_revoked_key_is_told_nothing_of_the_reranker(ana: Person, bo: Person) -> None:
    await warm(bo)
    async with ana.service.resources.database.system() as system:
        prefix = "_".join(bo.key.split("_")[:2])
        await revoke_key(system, ana.tenant_id, prefix, now=datetime.now(UTC))

    assert (await bo.search("lantern", rerank=True)).status_code == 401


async def test_a_new_title_counts_whoever_has_read_the_passage_before(
    ana: Person, service: Service
) -> None:
    await warm(ana)
    named = f"/v1/documents/{await document_id(ana, '2')}"
    assert (await ana.request("PATCH", named, json={"title": "Harbour lantern"})).is_success
    await take_up(ana)

    reason, remembered = await how(service, ana.search("harbour lantern"))
    _, found = await how(service, ana.search("harbour lantern", collections=["default"]))

    assert reason == ""
    assert remembered["data"] == found["data"]


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
async def test_what_a_restored_database_says_is_shown(
    ana: Person, service: Service, mode: str
) -> None:
    """Its ids and revisions are given a second time, to what was uploaded after the backup."""
    await warm(ana)
    await restore(
        ana,
        "UPDATE chunks SET text = 'The lantern is new.'"
        " WHERE tenant_id = :tenant_id AND document_id = :document_id",
        "UPDATE documents SET updated_at = updated_at + interval '1 day'"
        " WHERE tenant_id = :tenant_id AND id = :document_id",
    )
    await take_up(ana)

    reason, remembered = await how(service, ana.search("lantern", mode=mode))
    _, found = await how(service, ana.search("lantern", mode=mode, collections=["default"]))

    assert reason == ""
    assert remembered["data"] == found["data"]
    assert "The lantern is new." in texts(found)


async def test_a_restored_database_says_anew_what_is_limited_in_time(
    ana: Person, service: Service
) -> None:
    await warm(ana)
    await restore(
        ana,
        "UPDATE documents SET expires_at = now() - interval '1 day'"
        " WHERE tenant_id = :tenant_id AND id = :document_id",
    )

    assert texts((await ana.search("lantern")).json()) == {*LANTERNS}
