"""Words in another form, and those of a question as its sources spell them."""

import pytest

from app.answering.question.spelling import (
    corrected,
    folded_word,
    holds_any,
    is_like,
    is_like_any,
    spelled_stems,
)

TEXTS = ["The Hover plan has 60 GB of storage.", "Prescriptions cost nothing."]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("how much storrage has the Hovver plan", "how much storage has the hover plan"),
        ("What does a prescription cost?", "What does a prescription cost?"),
        ("how much storage for 70 GB", "how much storage for 70 GB"),
        ("a zeppelin", "a zeppelin"),
        ("", ""),
    ],
)
def test_a_slip_is_written_as_the_sources_write_it(written: str, meant: str) -> None:
    assert corrected(written, TEXTS) == meant


def test_a_slip_of_two_words_is_left_as_it_is() -> None:
    assert corrected("the stocks", ["The stacks and the stacks.", "A sticks."]) == "the stocks"
    assert (
        corrected("the storks", ["The stocks are here.", "The storms are there."]) == "the storks"
    )


def test_words_that_only_ask_are_not_what_it_is_about() -> None:
    known = frozenset({"plan", "storag"})

    words = ["Tell", "me", "everything", "about", "the", "Hover", "plan"]
    assert spelled_stems(words, {None}, known) == {None: ["hover", "plan"]}
    assert spelled_stems(["Please", "tell", "me", "everything"], {None}, known) == {
        None: ["pleas", "tell", "everyth"]
    }


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("balcony", "balconies"),
        ("waranty", "warranty"),
        ("frist", "kündigungsfrist"),
        ("héberger", "hébergement"),
        ("employees'", "employee"),
    ],
)
def test_a_word_is_known_in_another_form(word: str, known: str) -> None:
    assert holds_any([word], frozenset({known}))


@pytest.mark.parametrize(
    ("word", "known"), [("price", "cost"), ("car", "carpet"), ("licence", "lid"), ("calories", "")]
)
def test_another_word_is_no_form(word: str, known: str) -> None:
    assert not holds_any([word], frozenset({known}))


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ("storage", "storrage", True),
        ("storage", "sotrage", True),
        ("storage", "storages", True),
        ("storage", "stopages", False),
        ("cat", "cats", False),
        ("book", "look", False),
        ("contract", "contractually", False),
    ],
)
def test_one_slip_or_a_short_ending_is_alike(one: str, other: str, *, is_alike: bool) -> None:
    assert is_like(one, other) is is_alike
    assert is_like(other, one) is is_alike
    assert is_like_any(one, ["Kilimanjaro", other]) is is_alike
    assert is_like_any(other, [one, "Kilimanjaro"]) is is_alike
    assert not is_like_any(one, [])


@pytest.mark.parametrize(
    ("word", "folded"),
    [
        ("L’état", "etat"),
        ("Ann's", "ann"),
        ("U.K", "uk"),
        ("Straße", "strasse"),
        ("Билет", "билет"),
    ],
)
def test_a_folded_word_has_no_accents_and_no_article(word: str, folded: str) -> None:
    assert folded_word(word) == folded
