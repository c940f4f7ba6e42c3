"""A language model that reads several claims in one call."""

from collections.abc import Sequence

import pytest

from app.answering.review.judge import Judge
from app.answering.verify.read import ToRead
from app.gateway.chat import Completion, Message
from tests.fakes.judges import closest_sentence, shown_claims, verdicts


class Scripted:
    """Answers by a script: the verdict on each claim, by its number."""

    name = "reader"

    def __init__(self, told: Sequence[tuple[int, str, str | None]]) -> None:
        self.told = told
        self.asked: list[Sequence[Message]] = []

    async def complete(
        self,
        messages: Sequence[Message],
        **_settings: object,
    ) -> Completion:
        self.asked.append(messages)
        return Completion(
            text=verdicts(self.told),
            finish_reason="stop",
            model="scripted",
            input_tokens=1,
            output_tokens=1,
        )


CLAIMS = tuple(
    ToRead(claim=claim, evidence=evidence, background="Handbook")
    for claim, evidence in (
        ("Staff have 31 days.", "Every employee has 31 days of leave."),
        ("Leave lapses in March.", "Unused days expire in March."),
    )
)


async def supported(told: Sequence[tuple[int, str, str | None]]) -> list[bool]:
    judge = Judge(model=Scripted(told), seconds=5)  # type: ignore[arg-type]  # it never streams
    return [opinion.is_supported for opinion in await judge.read(CLAIMS)]


async def test_all_claims_are_read_in_one_call() -> None:
    model = Scripted([(1, "supported", CLAIMS[0].evidence), (2, "unsupported", None)])
    judge = Judge(model=model, seconds=5)  # type: ignore[arg-type]  # it never streams

    found = await judge.read(CLAIMS)

    assert [opinion.is_supported for opinion in found] == [True, False]
    assert judge.name == "judge:reader"
    (messages,) = model.asked
    shown = shown_claims([message.content for message in messages])
    assert [(each.number, each.claim, each.cited) for each in shown] == [
        (1, CLAIMS[0].claim, CLAIMS[0].evidence),
        (2, CLAIMS[1].claim, CLAIMS[1].evidence),
    ]
    assert closest_sentence(shown[1]) == CLAIMS[1].evidence


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([(1, "supported", CLAIMS[0].evidence)], [True, False]),  # silent on the second
        ([(1, "supported", CLAIMS[1].evidence)], [False, False]),  # another claim's evidence
        ([(3, "supported", CLAIMS[0].evidence)], [False, False]),
        (
            [(1, "supported", CLAIMS[0].evidence), (1, "unsupported", None)],
            [False, False],
        ),
        ([], [False, False]),
    ],
)
async def test_what_it_does_not_plainly_prove_is_not_supported(
    told: Sequence[tuple[int, str, str | None]], found: list[bool]
) -> None:
    assert await supported(told) == found


async def test_nothing_is_asked_about_nothing() -> None:
    model = Scripted([])

    assert await Judge(model=model, seconds=5).read([]) == []  # type: ignore[arg-type]
    assert model.asked == []
