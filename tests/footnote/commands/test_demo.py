"""The demo fails on an answer that is wrong, incomplete, beside the question, or a heading."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from app.answering.outcome import AnswerStatus
from app.http.answers.schemas import Answer
from footnote.commands.demo import find_fault, next_steps
from footnote.samples.manifest import SampleQuestion, read_questions

PAID = "Invoices from Hollis Castings are paid 30 days after receipt of the goods."
ROW = "Part number: SP-4217 | Price EUR: 87.25 | Stock: 112"
QUESTIONS = read_questions()


def question(beginning: str) -> SampleQuestion:
    return next(each for each in QUESTIONS if each.question.startswith(beginning))


@dataclass(frozen=True, kw_only=True)
class Quoted:
    """The part of a citation that the demo looks at."""

    quote: str


@dataclass(frozen=True, kw_only=True)
class Given:
    """The part of an answer that the demo looks at."""

    status: AnswerStatus
    answer: str
    citations: tuple[Quoted, ...]


def answer(text: str, *quotes: str, status: AnswerStatus = "answered") -> Answer:
    given = Given(
        status=status, answer=text, citations=tuple(Quoted(quote=quote) for quote in quotes)
    )
    # The whole has twenty fields more.
    return cast("Answer", given)


@pytest.mark.parametrize(
    ("asked", "given", "fault"),
    [
        ("When are invoices", answer(f"{PAID} [1]", PAID), None),
        ("When are invoices", answer("Pay immediately. [1]", PAID), "it contains 'immediately'"),
        (
            "When are invoices",
            answer(f"Terms\n{PAID} [1]", PAID),
            "the heading 'Terms' is no sentence of an answer",
        ),
        (
            "When are invoices",
            answer(f"Terms [1] \n{PAID} [2]", "Terms", PAID),
            "the quote 'Terms' is beside the question",
        ),
        (
            "To which account",
            answer(f"{PAID} [1]", PAID),
            "the status should be 'unsupported'",
        ),
        ("To which account", answer("", status="unsupported"), None),
        (
            "To which account",
            answer("", PAID, status="unsupported"),
            "an unsupported answer says something",
        ),
        ("What is the price", answer("SP-4217: price EUR 87.25 [1]", ROW), None),
        ("What is the price", answer("SP-4217: stock 112 [1]", ROW), "it does not say '87.25'"),
        (
            "How long is the warranty",
            answer("24 months. [1]", "24 months from delivery", status="conflicting"),
            "no quote contains '36 months from delivery'",
        ),
    ],
)
def test_an_answer_that_is_not_as_expected_has_a_fault(
    asked: str, given: Answer, fault: str | None
) -> None:
    assert find_fault(question(asked), given) == fault


def test_every_question_that_is_answered_says_what_must_be_quoted() -> None:
    answered = [each for each in QUESTIONS if each.expect_status != "unsupported"]

    assert [each.question for each in answered if not each.expect_in_quotes] == []


def test_the_next_steps_are_commands_of_a_shell(tmp_path: Path) -> None:
    steps = next_steps(tmp_path / "it's" / "demo", tmp_path)

    commands = [line for line in steps.splitlines() if line.startswith("  ")]
    assert [shlex.split(command)[-1] for command in commands][-1] == "it's/demo"
