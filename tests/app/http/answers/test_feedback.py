"""Feedback on answers: one of each author, for those it concerns, gone with its answer."""

import pytest
from sqlalchemy import func, select

from kb.store.tables import answer_feedback, audit_events, idempotency_keys
from tests.service import EVERY_SCOPE, Person, Service

QUESTION = "How many days of annual leave does everyone have?"
PUBLIC = ("documents:write", "documents:read", "search", "answers", "feedback")
"""Scopes of somebody who manages nothing."""


async def somebody(service: Service, tenant: Person, *principals: str) -> Person:
    """A colleague who is no administrator."""
    return await service.person(tenant.tenant_id, *principals, scopes=PUBLIC)


@pytest.fixture
async def ana(service: Service) -> Person:
    """Somebody who is no administrator, in a tenant with one document."""
    ana = await service.person(await service.new_tenant(), "user:ana", scopes=PUBLIC)
    await ana.upload("Everyone has 31 days of annual leave.")
    return ana


async def asked(person: Person, question: str = QUESTION) -> str:
    """The id of an answer that quotes a document."""
    response = await person.ask(question)
    assert response.json()["citations"], response.text
    return str(response.json()["id"])


async def rate(person: Person, answer_id: str, **body: object) -> int:
    """The status of the response."""
    path = f"/v1/answers/{answer_id}/feedback"
    return (await person.request("POST", path, json=body)).status_code


async def seen(person: Person, answer_id: str) -> list[object]:
    """The ratings and comments in the record, as this person sees it."""
    record = await person.request("GET", f"/v1/answers/{answer_id}")
    assert record.status_code == 200, record.text
    return [(each["rating"], each["comment"]) for each in record.json()["feedback"]]


async def test_feedback_is_stored_and_shown_on_the_record(ana: Person) -> None:
    answer_id = await asked(ana)

    response = await ana.request(
        "POST",
        f"/v1/answers/{answer_id}/feedback",
        json={"rating": -1, "reason_code": "outdated", "comment": "It is 33 now."},
    )

    assert response.status_code == 200
    feedback = response.json()
    assert feedback | {"created_at": "", "updated_at": ""} == {
        "answer_id": answer_id,
        "rating": -1,
        "reason_code": "outdated",
        "comment": "It is 33 now.",
        "created_at": "",
        "updated_at": "",
    }
    record = (await ana.request("GET", f"/v1/answers/{answer_id}")).json()
    assert record["feedback"] == [feedback]


async def test_an_answer_that_nobody_rated_has_an_empty_list(ana: Person) -> None:
    answer = (await ana.ask(QUESTION)).json()

    assert answer["feedback"] == []
    assert (await ana.request("GET", f"/v1/answers/{answer['id']}")).json() == answer


async def test_a_second_feedback_takes_the_place_of_the_first(
    service: Service, ana: Person
) -> None:
    answer_id = await asked(ana)
    with_another_key = await somebody(service, ana, "user:ana", "group:staff")
    await rate(ana, answer_id, rating=-1, reason_code="wrong", comment="No.")

    await rate(with_another_key, answer_id, rating=1)

    assert await seen(ana, answer_id) == []
    assert await seen(with_another_key, answer_id) == [(1, None)]
    record = (await with_another_key.request("GET", f"/v1/answers/{answer_id}")).json()
    assert record["feedback"][0]["reason_code"] is None
    assert record["feedback"][0]["created_at"] < record["feedback"][0]["updated_at"]


async def test_a_comment_is_for_who_asked_for_admins_and_for_its_author(
    service: Service, ana: Person
) -> None:
    bob = await somebody(service, ana, "user:ana", "user:bob")
    hr = await somebody(service, ana, "user:ana", "user:eva", "group:hr")
    admin = await service.person(ana.tenant_id, "user:ana", "user:root", scopes=EVERY_SCOPE)
    key_alone = await somebody(service, ana)
    other_key = await somebody(service, ana)
    answer_id = await asked(key_alone)

    for person, comment in ((key_alone, "mine"), (other_key, "other"), (hr, "of hr"), (bob, "bob")):
        await rate(person, answer_id, rating=1, comment=comment)

    # Who asked sees what was said by callers with no principals but its own.
    assert await seen(key_alone, answer_id) == [(1, "other"), (1, "mine")]
    assert await seen(other_key, answer_id) == [(1, "other")]
    assert await seen(hr, answer_id) == [(1, "of hr")]
    assert await seen(admin, answer_id) == [(1, "bob"), (1, "of hr"), (1, "other"), (1, "mine")]
    assert await seen(ana, answer_id) == []


async def test_only_who_may_read_the_answer_may_rate_it(service: Service, ana: Person) -> None:
    bob = await somebody(service, ana, "user:bob")
    stranger = await service.person(await service.new_tenant(), "user:ana")
    document_id = await ana.upload("The desk is paid 900 euros.", principals=["user:ana"])
    answer_id = await asked(ana, "How much is the desk paid?")
    assert await rate(ana, answer_id, rating=1) == 200

    assert await rate(bob, answer_id, rating=1) == 404
    assert await rate(stranger, answer_id, rating=1) == 404
    admin = await service.person(ana.tenant_id, "user:ana", scopes=EVERY_SCOPE)
    await admin.request("PATCH", f"/v1/documents/{document_id}", json={"principals": ["user:bob"]})
    assert await rate(ana, answer_id, rating=-1) == 404


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "rating"),
        ({"rating": 0}, "rating"),
        ({"rating": 2}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": 0.5}, "rating"),
        ({"rating": "1"}, "rating"),
        ({"rating": 1, "reason_code": "Not a code"}, "reason_code"),
        ({"rating": 1, "reason_code": "a\n"}, "reason_code"),
        ({"rating": 1, "reason_code": "a" * 65}, "reason_code"),
        ({"rating": 1, "comment": " "}, "comment"),
        ({"rating": 1, "comment": "a" * 4_001}, "comment"),
        ({"rating": 1, "comment": "\0"}, "comment"),
        ({"rating": 1, "reason": "wrong"}, "reason"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_malformed_feedback_is_refused(
    ana: Person, body: dict[str, object], place: str
) -> None:
    answer_id = await asked(ana)

    path = f"/v1/answers/{answer_id}/feedback"
    response = await ana.request("POST", path, json=body)

    assert response.status_code == 422, response.text
    problem = response.json()
    assert place in {error["loc"][-1] for error in problem.get("errors", [])} or "\0" in str(body)
    assert await seen(ana, answer_id) == []


async def test_it_is_deleted_with_the_answer_and_no_word_of_it_is_left(ana: Person) -> None:
    document_id = await ana.upload("The daily allowance is 61 euros.")
    answer_id = await asked(ana, "What is the daily allowance?")
    path, keyed = f"/v1/answers/{answer_id}/feedback", {"Idempotency-Key": "once"}
    body = {"rating": -1, "reason_code": "zanzibar_17", "comment": "zanzibar-17"}
    first = await ana.request("POST", path, keyed, json=body)
    again = await ana.request("POST", path, keyed, json=body)
    assert first.json() == again.json()

    await ana.request("DELETE", f"/v1/documents/{document_id}")

    async with ana.service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        count = await scope.connection.execute(select(func.count()).select_from(answer_feedback))
        kept = await scope.connection.execute(select(idempotency_keys.c.response))
        details = await scope.connection.execute(select(audit_events.c.detail))
        assert count.scalar_one() == 0
        assert "zanzibar" not in str([*kept.scalars(), *details.scalars()])
    assert (await ana.request("POST", path, json=body)).status_code == 404


async def test_it_is_audited_and_counted(service: Service, ana: Person) -> None:
    answer_id = await asked(ana)
    before = service.resources.metrics.registry.get_sample_value(
        "footnote_answer_feedback_total", {"rating": "-1"}
    )

    await rate(ana, answer_id, rating=-1, reason_code="wrong", comment="zanzibar")

    after = service.resources.metrics.registry.get_sample_value(
        "footnote_answer_feedback_total", {"rating": "-1"}
    )
    assert (after or 0) - (before or 0) == 1
    async with service.resources.database.tenant(ana.tenant_id, viewer=None) as scope:
        events = await scope.connection.execute(
            select(audit_events.c.object_id, audit_events.c.detail).where(
                audit_events.c.tenant_id == ana.tenant_id,
                audit_events.c.action == "answer.feedback",
            )
        )
        assert [tuple(row) for row in events] == [(answer_id, {"rating": -1})]
