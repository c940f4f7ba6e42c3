from collections.abc import Sequence

import pytest

from app.answering.window import Turn, budget_for, estimated_tokens, recent_turns

TURNS = [
    Turn(role="user", content="one two three four"),
    Turn(role="assistant", content="five six"),
    Turn(role="user", content="seven"),
    Turn(role="assistant", content="eight nine"),
]


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.mark.parametrize(
    ("text", "estimate"),
    [
        # 11 words of 1 token each: 1.1 * 11 = 12.1, and 21 / 3 = 7 is less.
        ("a b c d e f g h i j k", 13),
        # One word of 30 characters: 1.1 * 30 / 3 = 11.
        ("x" * 30, 12),
        # Five characters of 3 bytes: 1.1 * 15 / 1.5 = 11.
        ("出張の規定", 12),
    ],
)
def test_the_estimate_is_the_larger_of_words_and_length(text: str, estimate: int) -> None:
    assert estimated_tokens([text], count_words) == [estimate]


def test_no_texts_have_no_estimates() -> None:
    assert estimated_tokens([], count_words) == []


def test_sources_get_what_prompt_and_output_leave() -> None:
    assert budget_for(8000, prompt_tokens=1500, output_tokens=1000) == 5500
    assert budget_for(1000, prompt_tokens=1500, output_tokens=1000) == 0


@pytest.mark.parametrize(
    ("budget", "kept"),
    [(9, TURNS), (5, TURNS[2:]), (3, TURNS[2:]), (2, []), (0, [])],
)
def test_the_newest_turns_are_kept_from_a_question_on(budget: int, kept: list[Turn]) -> None:
    assert recent_turns(TURNS, budget_tokens=budget, count_tokens=count_words) == kept


def test_a_turn_that_does_not_fit_hides_all_before_it() -> None:
    turns = [TURNS[2], Turn(role="user", content="word " * 50), TURNS[3], TURNS[2]]

    kept = recent_turns(turns, budget_tokens=20, count_tokens=count_words)

    assert kept == [TURNS[2]]


def test_no_conversation_stays_empty() -> None:
    assert recent_turns([], budget_tokens=9, count_tokens=count_words) == []
