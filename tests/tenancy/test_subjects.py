"""Subjects without an API key: what they ask and upload is theirs, and nobody else's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from app.policy.tenant_policy import TenantPolicies, TenantPolicy
from kb.ids import AnswerId, CredentialId, Subject, new_uuid
from kb.postgres.database import Viewer
from kb.store.answers import AnswerRecord, insert_answer, recent_statuses
from kb.store.audit import Actor
from kb.store.tables import answers, audit_events
from tests.fakes.authenticators import FakeAuthenticator
from tests.service import Person, Service

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOCUMENT = "# Leave policy\n\nEvery employee has 31 days of annual leave.\n"
QUESTION = "How many days of annual leave does every employee have?"
STREAMED = {"question": QUESTION, "stream": True}
SAME = "group:hr"
"""Both users have equal principals, so that only the subject tells them apart."""


@dataclass(frozen=True, kw_only=True)
class Users:
    """Two users of one tenant, at a service that knows no API keys."""

    service: Service
    ana: Person
    bo: Person


@pytest.fixture
async def users(service: Service) -> AsyncIterator[Users]:
    tenant_id = await service.new_tenant()
    fake = FakeAuthenticator()
    scopes = ("documents:write", "documents:read", "answers")
    fake.let_in("ana", tenant_id, SAME, scopes=scopes)
    fake.let_in("bo", tenant_id, SAME, scopes=scopes)
    resources = replace(service.resources, authenticator=fake)
    async with service.with_resources(resources) as keyless:
        ana, bo = (Person(service=keyless, tenant_id=tenant_id, key=name) for name in ("ana", "bo"))
        await ana.upload(DOCUMENT, external_id="leave", principals=[SAME])
        yield Users(service=keyless, ana=ana, bo=bo)


async def stored(person: Person, answer_id: str) -> tuple[str | None, UUID | None]:
    """The subject and the key that an answer is stored under."""
    query = select(answers.c.subject, answers.c.credential_id).where(
        answers.c.id == UUID(answer_id)
    )
    database = person.service.resources.database
    async with database.tenant(person.tenant_id, viewer=None) as scope:
        row = (await scope.connection.execute(query)).one()
    return row.subject, row.credential_id


async def test_an_answer_is_stored_under_the_subject_and_no_key(users: Users) -> None:
    answer = (await users.ana.ask(QUESTION)).json()

    assert answer["status"] == "answered"
    assert await stored(users.ana, answer["id"]) == ("user:ana", None)


async def test_an_answer_to_a_key_is_stored_under_both(service: Service) -> None:
    carl = await service.person(await service.new_tenant(), "user:carl")
    await carl.upload(DOCUMENT)

    answer = (await carl.ask(QUESTION)).json()

    subject, key = await stored(carl, answer["id"])
    assert key is not None
    assert subject == f"key:{key}"


async def test_the_audit_trail_names_the_subject(users: Users) -> None:
    answer = (await users.ana.ask(QUESTION)).json()

    query = select(audit_events.c.actor).where(audit_events.c.object_id == answer["id"])
    async with users.service.resources.database.tenant(users.ana.tenant_id, viewer=None) as scope:
        actor = (await scope.connection.execute(query)).scalar_one()
    assert actor.startswith("user:ana:")


async def test_an_unknown_user_is_nobody(users: Users) -> None:
    stranger = replace(users.ana, key="mallory")

    refused = await stranger.ask(QUESTION)

    assert (refused.status_code, refused.json()["code"]) == (401, "credential_invalid")


async def test_a_users_scopes_bind(users: Users) -> None:
    refused = await users.ana.search(QUESTION)

    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


async def test_a_stream_is_resumed_by_its_subject_only(users: Users) -> None:
    resuming = {"Last-Event-ID": "1"}
    assert (await users.ana.request("POST", "/v1/answers", json=STREAMED)).status_code == 200

    own = await users.ana.request("POST", "/v1/answers", resuming, json=STREAMED)
    others = await users.bo.request("POST", "/v1/answers", resuming, json=STREAMED)

    assert own.status_code == 200
    assert "answer.completed" in own.text
    assert (others.status_code, others.json()["code"]) == (404, "answer_not_found")


async def test_an_idempotency_key_is_the_subjects_own(users: Users) -> None:
    once = {"Idempotency-Key": "same"}

    first, again, others = [
        (await user.request("POST", "/v1/answers", once, json={"question": QUESTION})).json()
        for user in (users.ana, users.ana, users.bo)
    ]

    assert again["id"] == first["id"] != others["id"]


async def test_an_upload_is_managed_by_its_subject_only(users: Users) -> None:
    hidden = await users.ana.upload(
        DOCUMENT, external_id="given away", principals=["user:somebody"]
    )

    path = f"/v1/documents/{hidden}"
    assert (await users.ana.request("GET", path)).status_code == 200
    assert (await users.bo.request("GET", path)).status_code == 404
    assert (await users.bo.request("DELETE", path)).status_code == 404
    assert (await users.ana.request("DELETE", path)).status_code == 200


async def test_failures_in_a_row_are_counted_for_each_subject(users: Users) -> None:
    policies = TenantPolicies(default=TenantPolicy(escalate_after_failures=2))
    answerer = replace(users.service.resources.answerer, policies=policies)
    resources = replace(users.service.resources, answerer=answerer)
    async with users.service.with_resources(resources) as strict:
        ana, bo = replace(users.ana, service=strict), replace(users.bo, service=strict)

        statuses = [
            (await user.ask("zyxwv qponm?")).json()["status"] for user in (ana, bo, ana, ana)
        ]

    assert statuses == ["unsupported", "unsupported", "escalate", "unsupported"]


def record(key: CredentialId, status: str, principals: tuple[str, ...]) -> AnswerRecord:
    return AnswerRecord(
        id=AnswerId(new_uuid()),
        subject=Subject(f"key:{key}"),
        principals=principals,
        request={},
        response={},
        status=status,
        generation=1,
        created_at=NOW,
        cited_document_ids=frozenset(),
    )


async def test_answers_of_an_earlier_release_count_for_their_key(service: Service) -> None:
    tenant_id = await service.new_tenant()
    key, principals = CredentialId(new_uuid()), ("tenant:*",)
    async with service.resources.database.tenant(
        tenant_id, viewer=Viewer(principals=principals)
    ) as scope:
        await insert_answer(
            scope,
            record(key, "unsupported", principals),
            Actor(name="x", principals=(), request_id=None),
        )
        async with scope.whole_tenant() as whole:
            await whole.connection.execute(
                answers.update().where(answers.c.credential_id == key).values(subject=None)
            )

        found = {
            subject: await recent_statuses(
                scope, subject=Subject(subject), principals=principals, limit=5
            )
            for subject in (f"key:{key}", f"key:{new_uuid()}", f"user:{key}")
        }

    assert list(found.values()) == [["unsupported"], [], []]
