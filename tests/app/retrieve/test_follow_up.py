"""A follow-up finds what the conversation is about, for those who may read it."""

import pytest

from app.answering.question.question import MAX_TURN_CHARS
from tests.service import Person, Service

HISTORY = [
    {"role": "user", "content": "How many weeks of parental leave do employees get?"},
    {"role": "assistant", "content": "Employees get 16 weeks of parental leave."},
]
NOTES = {
    "parental": "Parental leave of contractors lasts 4 weeks, unpaid.",
    "badges": "Contractors wear a yellow badge.",
    "invoices": "Contractors send invoices monthly.",
    "kitchen": "The kitchen is cleaned on Fridays.",
}


@pytest.fixture(scope="module")
async def people(service: Service) -> dict[str, Person]:
    tenant_id = await service.new_tenant()
    ana = await service.person(tenant_id, "user:ana")
    hr = await service.person(tenant_id, "group:hr")
    for name, text in NOTES.items():
        readers = ["group:hr"] if name == "parental" else ["tenant:*"]
        await hr.upload(text, f"{name}.txt", title=name, principals=readers)
    return {"ana": ana, "hr": hr}


async def retrieved(person: Person, question: str, **body: object) -> list[str]:
    response = await person.ask(question, include_retrieved=True, **body)
    assert response.status_code == 200, response.text
    return [hit["document"]["title"] for hit in response.json()["retrieved"]]


async def test_what_the_question_leans_on_decides(people: dict[str, Person]) -> None:
    alone = await retrieved(people["hr"], "And for contractors?", top_k=1)
    following = await retrieved(people["hr"], "And for contractors?", top_k=1, history=HISTORY)

    assert following == ["parental"]
    assert alone != following


async def test_a_conversation_shows_nobody_what_they_may_not_read(
    people: dict[str, Person],
) -> None:
    found = await retrieved(people["ana"], "And for contractors?", history=HISTORY)

    assert "parental" not in found
    assert set(found) == {"badges", "invoices", "kitchen"}


async def test_what_a_turn_says_beyond_its_bound_is_not_searched_for(
    people: dict[str, Person],
) -> None:
    padding = ("yellow badge " * MAX_TURN_CHARS)[:MAX_TURN_CHARS]
    long = [{"role": "user", "content": f"{padding} parental leave"}]
    cut = [{"role": "user", "content": padding}]

    assert await retrieved(people["hr"], "And for contractors?", history=long) == await retrieved(
        people["hr"], "And for contractors?", history=cut
    )


async def test_a_new_topic_is_searched_for_as_if_it_came_first(people: dict[str, Person]) -> None:
    question = "Which weekday sees cleaning staff visit our shared kitchen downstairs?"

    assert await retrieved(people["hr"], question, history=HISTORY) == await retrieved(
        people["hr"], question
    )
