"""The times at which a cron expression is due, in its time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from kb.errors import InvalidInput
from kb.schedule import latest_due, validate_cron


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        # Berlin is one hour ahead of UTC in winter, two in summer.
        ("2026-01-10T00:59", "2026-01-09T01:00"),
        ("2026-01-10T01:00", "2026-01-10T01:00"),
        ("2026-01-10T01:00:59", "2026-01-10T01:00"),
        ("2026-07-10T00:00", "2026-07-10T00:00"),
        ("2026-07-10T00:30", "2026-07-10T00:00"),
        # Clocks go forward on March 29th: the hour of two does not exist, and three comes for it.
        ("2026-03-29T12:00", "2026-03-29T01:00"),
    ],
)
def test_two_in_the_morning_in_berlin(now: str, due: str) -> None:
    assert latest_due("CRON_TZ=Europe/Berlin 0 2 * * *", now=at(now)) == at(due)


def dues(expression: str, day: str) -> list[datetime]:
    """All due times that somebody sees who looks every minute of a day, in order."""
    minutes = [at(f"{day}T{hour:02}:{minute:02}") for hour in range(24) for minute in range(60)]
    return sorted({latest_due(expression, now=now) for now in minutes})


def test_an_hour_that_comes_twice_is_due_once() -> None:
    # Clocks go back on October 25th at 01:00 UTC.
    assert dues("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-25") == [
        at("2026-10-24T00:30"),
        at("2026-10-25T00:30"),
    ]


def test_an_hour_that_is_left_out_is_due_once() -> None:
    # Clocks go forward on March 29th at 01:00 UTC, from two to three.
    assert dues("CRON_TZ=Europe/Berlin 30 2 * * *", "2026-03-29") == [
        at("2026-03-28T01:30"),
        at("2026-03-29T01:30"),
    ]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_every_quarter_of_an_hour_is_due_whatever_the_clocks_do(day: str) -> None:
    found = dues("CRON_TZ=Europe/Berlin */15 * * * *", day)

    assert found == [at(f"{day}T00:00") + timedelta(minutes=15 * step) for step in range(96)]


def test_no_due_time_lies_ahead() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        for minute in range(24 * 60):
            now = at(f"{day}T00:00") + timedelta(minutes=minute)
            for expression in ("30 2 * * *", "15 1,2,3 * * *", "0 */2 * * *", "* * * * *"):
                assert latest_due(f"CRON_TZ=Europe/Berlin {expression}", now=now) <= now


def test_without_a_time_zone_it_is_utc() -> None:
    assert latest_due("0 2 * * *", now=at("2026-07-10T01:59")) == at("2026-07-09T02:00")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "61 * * * *",
        "nightly",
        "* * * * * *",
        "CRON_TZ=Europe/Berlin",
        "CRON_TZ=Mars/Olympus 0 2 * * *",
        "CRON_TZ= 0 2 * * *",
        "CRON_TZ=../etc/passwd 0 2 * * *",
        "CRON_TZ=/etc/passwd 0 2 * * *",
        "0 0 31 2 *",
    ],
)
def test_what_is_no_cron_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidInput):
        validate_cron(expression)


@pytest.mark.parametrize("expression", ["0 2 * * 1-5", "CRON_TZ=Europe/Berlin 0 2 * * *"])
def test_what_is_right_comes_back(expression: str) -> None:
    assert validate_cron(expression) == expression
