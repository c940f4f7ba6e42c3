"""Which sentences give two answers to one question, in whatever words."""

import numpy as np
import pytest

from app.answering.evidence.ranking import SentenceEvidence
from app.answering.other_values import answer_otherwise
from app.answering.question.parts import read_question
from tests.fakes.sources import sentence_piece

NEAR, ALSO_NEAR, FAR = (
    np.asarray(vector, np.float32) for vector in ([1.0, 0.0], [0.8, 0.6], [0.0, 1.0])
)


def telling(text: str, vector: np.ndarray | None = NEAR, cosine: float = 0.7) -> SentenceEvidence:
    return SentenceEvidence(
        source_id="abcdef",
        piece=sentence_piece(text),
        coverage=1.0,
        cosine=cosine,
        passage_score=1.0,
        passage_rank=0,
        vector=vector,
    )


CLEANED = "On which day is the ward fridge cleaned?"
EXPORT = "For how many days can the data still be exported?"


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            CLEANED,
            "The ward fridge is cleaned by the housekeeper on the last Friday of the month.",
            "Ward fridges are cleaned on a Tuesday, with a neutral detergent.",
        ),
        # A name on one side alone is no case of its own.
        (
            CLEANED,
            "The ward fridge is cleaned by the housekeeper on the last Friday of the month.",
            "Ward fridges are cleaned on the first Tuesday with the neutral detergent Pursol 3.",
        ),
        (
            EXPORT,
            "If you leave, your data can be exported for 90 days.",
            "The data of a closed account can be exported for sixty days.",
        ),
        (
            "When is the reception staffed?",
            "The reception is staffed from 08:00 to 17:00.",
            "Staffed hours of the reception: 07:30 to 16:00.",
        ),
    ],
)
def test_other_values_for_the_same_question(question: str, one: str, other: str) -> None:
    assert answer_otherwise(read_question(question), telling(one), telling(other, ALSO_NEAR))
    assert answer_otherwise(read_question(question), telling(other), telling(one, ALSO_NEAR))


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        pytest.param(
            EXPORT,
            "Your data can be exported for 90 days.",
            "After the end, the data can be exported for 90 days.",
            id="the same value",
        ),
        pytest.param(
            EXPORT,
            "Your data can be exported for 90 days.",
            "The minimum term is 12 months.",
            id="another thing",
        ),
        pytest.param(
            "How many days of parental leave are there?",
            "There are 28 days of annual leave.",
            "There are 90 days of parental leave for everybody.",
            id="a word of the question on one side alone",
        ),
        pytest.param(
            "What do the gauges bring in 2025?",
            "The gauges bring 5,920 euros in 2025.",
            "The gauges bring 40 jobs in 2025.",
            id="another unit",
        ),
        pytest.param(
            EXPORT,
            "Your data can be exported for some days.",
            "The data can be exported for 60 days.",
            id="no value",
        ),
        pytest.param(
            EXPORT,
            "The data can be exported for 1, 2, 3, 4 or 5 days.",
            "The data can be exported for 60 days.",
            id="a list of cases",
        ),
        pytest.param(
            "When does the branch open?",
            "The Harbour branch opens at 8:00.",
            "The Airport branch opens at 6:30.",
            id="each names its own case",
        ),
    ],
)
def test_no_two_answers(question: str, one: str, other: str) -> None:
    assert not answer_otherwise(read_question(question), telling(one), telling(other, ALSO_NEAR))


@pytest.mark.parametrize("vector", [FAR, None])
def test_sentences_that_are_not_near_each_other(vector: np.ndarray | None) -> None:
    one = telling("The data can be exported for 90 days.")
    other = telling("The data can be exported for 60 days.", vector)

    assert not answer_otherwise(read_question(EXPORT), one, other)


def test_a_special_case_is_farther_from_the_question() -> None:
    one = telling("Employees have 28 days of annual leave.", cosine=0.9)
    other = telling("Employees on night shifts have 31 days of annual leave.", cosine=0.7)

    assert not answer_otherwise(
        read_question("How many days of annual leave do employees have?"), one, other
    )
