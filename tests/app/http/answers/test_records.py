"""What is stored of an answer: no word of what the assistant said before."""

import hashlib

import pytest
from sqlalchemy import text

from tests.app.http.answers.test_answer_streams import read_stream
from tests.service import Person, Service

SAID = "The bonus of the travel desk is 731 euros. [1]"
HISTORY = [
    {"role": "user", "content": "How much is the bonus of the travel desk?"},
    {"role": "assistant", "content": SAID},
]
QUESTION = "How many days of annual leave does every employee have?"


async def stored(person: Person) -> str:
    """All rows of the person's answers and of their events, as text."""
    async with person.service.resources.database.tenant(person.tenant_id, viewer=None) as scope:
        found = await scope.connection.execute(
            text(
                "SELECT to_jsonb(answers)::text FROM answers"
                " UNION ALL SELECT to_jsonb(answer_events)::text FROM answer_events"
            )
        )
        return "\n".join(found.scalars())


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_what_the_assistant_said_before_is_not_stored(
    service: Service,
    is_streamed: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")
    await ana.upload("Every employee has 31 days of annual leave.")

    if is_streamed:
        await read_stream(ana, {"question": QUESTION, "history": HISTORY, "stream": True})
    else:
        await ana.ask(QUESTION, history=HISTORY)

    rows = await stored(ana)
    assert "31 days" in rows
    assert HISTORY[0]["content"] in rows
    assert "731 euros" not in rows
    assert hashlib.sha256(SAID.encode()).hexdigest() in rows
