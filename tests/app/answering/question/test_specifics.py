"""Identifiers, times, numbered things and numbers, in whatever way they are written."""

import pytest

from app.answering.question.specifics import (
    identifier_kind,
    identifiers,
    read_specifics,
    without_identifiers,
)


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("in 2024", "year", {"2024"}),
        ("from 2019 to 2021", "year", {"2019", "2020", "2021"}),
        ("2019-21, the 1990s", "year", {"2019", *map(str, range(1990, 2000))}),
        ("season 2024/25", "year", {"2024", "2025"}),
        ("FY25", "year", {"2025"}),
        ("in 1850", "centuri", {"19"}),
        ("Q3 was weak", "quarter", {"3"}),
        ("im 1. Quartal", "quarter", {"1"}),
        ("the third quarter", "quarter", {"3"}),
        ("H2 2025", "half", {"2"}),
        ("on 2025-03-04", "day", {"3-4", "4-3"}),
        ("le 3 avril", "day", {"4-3"}),
        ("am 24.12.2025", "day", {"12-24"}),
        ("by May 2025", "month", {"5"}),
        ("every Monday", "weekday", {"1"}),
        ("daily", "weekday", {"1", "2", "3", "4", "5", "6", "7"}),
        ("Room 12", "floor", None),
        ("room no. 12", "room", {"12"}),
        ("im zweiten Stock", "floor", {"2"}),
        ("grades 5 to 7", "grade", {"5", "6", "7"}),
        ("§ 4.2", "section", {"4.2"}),
        ("World War II", "war", {"2"}),
        ("the 3rd floor", "floor", {"3"}),
    ],
)
def test_a_text_names_its_times_and_numbered_things(
    text: str, kind: str, values: set[str] | None
) -> None:
    assert read_specifics(text).values.get(kind) == (None if values is None else frozenset(values))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("You may march on.", "month"),
        ("the first year", "year"),
        ("5,000 people", "year"),
        ("I am here", "i"),
        ("the second", "second"),
    ],
)
def test_what_only_looks_like_one_is_spared(text: str, kind: str) -> None:
    assert kind not in read_specifics(text).values


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5.000", {5.0, 5000.0}),
        ("1,234.50", {1234.5}),
        ("5k", {5.0, 5000.0}),
        ("two thousand", {2.0, 2000.0}),
        ("the third", {3.0}),
        ("none", set()),
    ],
)
def test_a_number_is_read_in_each_way_that_it_can_be(text: str, numbers: set[float]) -> None:
    assert read_specifics(text).numbers == numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SP-4217 and TQ-42/b", ["sp 4217", "tq 42 b"]),
        ("order 00123", ["00123"]),
        ("3rd, 5kg, 3-year-old, 2024, Q1, FY25, May-2025, follow-up", []),
    ],
)
def test_identifiers_are_told_from_measures_and_times(text: str, found: list[str]) -> None:
    assert list(identifiers(text)) == found


def test_identifiers_that_begin_alike_are_of_one_kind() -> None:
    assert identifier_kind("sp 4217") == identifier_kind("sp 4218") == "id sp"
    assert identifier_kind("00123") == "id "


def test_a_text_without_its_identifiers_is_as_long() -> None:
    assert without_identifiers("a SP-1 b") == "a \n\n\n\n b"


def test_runs_and_their_gaps_are_the_text() -> None:
    text = "3rd floor, § 4.2"

    runs = read_specifics(text).runs

    assert "".join(run.text + run.gap for run in runs) == text


def test_nothing_names_nothing() -> None:
    specifics = read_specifics("")

    assert not specifics.values
    assert not specifics.runs


def test_a_month_beside_endless_digits_has_no_day() -> None:
    specifics = read_specifics(f"In May {'9' * 5_000}")

    assert specifics.values["month"] == {"5"}
    assert "day" not in specifics.values
