"""Values of each kind in a text: what is one, and what only looks like one."""

import pytest

from app.answering.question.answer_values import (
    has_shape,
    holds_amount,
    holds_cause,
    holds_measure,
    holds_new_name,
    holds_new_number,
    holds_new_time,
    holds_place,
    holds_role,
    holds_time,
)

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "shape", "is_one"),
    [
        ("Ann: +49 30 123456", "phone", True),
        ("Ann sits in room 5.", "phone", False),
        ("ann@example.com", "email", True),
        ("at 5 @ 3", "email", False),
        ("see www.example.org", "web", True),
        ("12 Mill Road", "address", True),
        ("The pool has six lanes.", "address", False),
        ("dunkelblau", "colour", True),
        ("a reduced van", "colour", False),
    ],
)
def test_a_contact_or_colour_looks_like_nothing_else(
    text: str, shape: str, *, is_one: bool
) -> None:
    assert has_shape(text, shape) is is_one


@pytest.mark.parametrize(
    ("text", "dimension", "is_one"),
    [
        ("EUR 5", "money", True),
        ("a film of 5 \u00b5m", "length", True),
        ("a fuse of 5 \u00b5A", "current", True),
        ("It is free.", "money", True),
        ("Fr. 52.-", "money", True),
        ("120 g", "money", False),
        ("four weeks", "duration", True),
        ("from 1 May to 3 June", "duration", True),
        ("1 May", "duration", False),
        ("Rooms are 12 in all.", "count", True),
        ("It opens at 16:30 in 2024.", "count", False),
        ("none", "count", True),
        ("3 kg", "count", False),
        ("5 May", "count", False),
    ],
)
def test_a_measure_is_a_number_in_a_unit_of_the_dimension(
    text: str, dimension: str, *, is_one: bool
) -> None:
    assert holds_measure(text, "", dimension, NOTHING) is is_one


def test_a_column_may_tell_the_unit_or_what_is_measured() -> None:
    assert holds_measure("Cover | 5", "Price", "money", NOTHING)
    assert holds_measure("Cover | 5", "in EUR", "money", NOTHING)
    assert not holds_measure("Cover | 5", "Weight", "money", NOTHING)


@pytest.mark.parametrize(
    ("text", "by_clock", "is_one"),
    [
        ("on 2 May", False, True),
        ("in 1987", False, True),
        ("every year", False, True),
        ("at half past nine", True, True),
        ("in the morning", True, True),
        ("on 2 May", True, False),
        ("It has 12 gates.", False, False),
    ],
)
def test_a_time_is_told_by_a_date_a_period_or_the_clock(
    text: str, *, by_clock: bool, is_one: bool
) -> None:
    assert holds_time(text, NOTHING, by_clock=by_clock) is is_one


def test_what_the_question_says_itself_is_no_value() -> None:
    assert not holds_amount("room 12", frozenset({"12"}))
    assert not holds_new_number("room 12", frozenset({"12"}))
    assert not holds_new_time("in 1987", frozenset({"1987"}))
    assert not holds_new_name("It is Ann.", frozenset({"ann"}))
    assert not holds_role("the manager", frozenset({"manager"}))


@pytest.mark.parametrize("text", ["in May", "on Monday", "in 1987", "the 19th century"])
def test_a_calendar_word_or_year_is_a_new_time(text: str) -> None:
    assert holds_new_time(text, NOTHING)


@pytest.mark.parametrize("text", ["You may march.", "in 30 days", "room 12345"])
def test_verbs_and_other_numbers_are_no_new_time(text: str) -> None:
    assert not holds_new_time(text, NOTHING)


@pytest.mark.parametrize(("text", "is_one"), [("Then Ann came.", True), ("Then we came.", False)])
def test_a_name_has_a_capital_that_no_first_word_gives_it(text: str, *, is_one: bool) -> None:
    assert holds_new_name(text, NOTHING) is is_one


@pytest.mark.parametrize("text", ["Only Monday in May.", "The"])
def test_days_and_months_are_no_names(text: str) -> None:
    assert not holds_new_name(text, NOTHING)


def test_causes_and_places_are_told_by_small_words() -> None:
    assert holds_cause("It is closed because of mould.")
    assert holds_cause("Der Grund ist Schimmel.")
    assert not holds_cause("It is closed.")
    assert holds_place("on the second floor")
    assert not holds_place("It is closed.")
