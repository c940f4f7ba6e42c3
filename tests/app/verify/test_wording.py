import pytest

from app.verify.claim_text import whole_statement
from app.verify.wording import check_wording, has_like
from kb.text import stem

EVIDENCE = "The committee approved the annual budget in the spring meeting."


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        ("The committee approved the annual zeppelin in the spring meeting.", "zeppelin"),
        ("The committee approved the secret annual budget in the spring meeting.", "secret"),
        ("The committee approved the annual budget in the spring meeting.", None),
        ("The committee approved the annual budget.", None),
        ("In spring, the board met and approved a budget for the year.", None),
    ],
    ids=["exchanged", "added", "same", "shorter", "retold"],
)
def test_one_strange_word_in_a_repetition_is_named(claim: str, word: str | None) -> None:
    reason = check_wording(whole_statement(claim), whole_statement(EVIDENCE))

    assert (reason.detail if reason else None) == word


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("lawyer", "attorney", True),
        ("amalgamated", "amalgamation", True),
        ("computer", "compare", False),
        ("budget", "zeppelin", False),
    ],
)
def test_words_of_one_family_or_meaning_are_alike(one: str, other: str, *, alike: bool) -> None:
    assert has_like(stem(one), frozenset({stem(other)})) is alike
