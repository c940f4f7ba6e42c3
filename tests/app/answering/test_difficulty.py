"""Questions that go to the stronger tier of an alias."""

import pytest

from app.answering.difficulty import difficulties


@pytest.mark.parametrize(
    ("question", "rules"),
    [
        ("Is plan A better than plan B?", ("compares",)),
        ("Why is vinegar forbidden?", ("explains",)),
        ("What does it cost and when does it open?", ("asks_twice",)),
        ("Is it open? Is it free?", ("asks_twice",)),
        ("Explain what it costs and why.", ("explains", "asks_twice")),
        ("Is it " + "very " * 39 + "cold?", ("long",)),
        ("What does the cover cost?", ()),
        ("Where do children and adults meet?", ()),
        ("", ()),
    ],
)
def test_a_question_is_difficult_by_rules_with_names(question: str, rules: tuple[str, ...]) -> None:
    assert difficulties(question) == rules
