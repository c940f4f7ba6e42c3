"""Cron expressions, in UTC or in the time zone that they begin with."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter

from kb.errors import InvalidInput

ZONE_PREFIX = "CRON_TZ="
"""As other implementations of cron have it: `CRON_TZ=Europe/Berlin 0 2 * * *`."""

FIELDS = 5
HOUR = 1


def validate_cron(expression: str) -> str:
    """The expression; InvalidInput unless it can be read and is ever due."""
    _zone, fields = _parts(expression)
    if len(fields.split()) != FIELDS or not croniter.is_valid(fields):
        raise InvalidInput(
            f"{expression!r} is no cron expression: minute, hour, day, month and weekday, such as "
            "'0 2 * * *' for two o'clock UTC every night, or 'CRON_TZ=Europe/Berlin 0 2 * * *'."
        )
    try:
        latest_due(expression, now=datetime.now(UTC))
    except CroniterBadDateError as error:
        raise InvalidInput(f"{expression!r} is never due: no such day exists.") from error
    return expression


def latest_due(expression: str, *, now: datetime) -> datetime:
    """The last time, up to now, at which a valid expression was due; in UTC.

    An expression of fixed hours is due once a day whatever the clocks do: an hour that comes twice
    counts the first time, and the hour after counts for one that is left out. One of every hour,
    or every few, is due by the time that passes.
    """
    zone, fields = _parts(expression)
    local = now.astimezone(zone)
    if fields.split()[HOUR].startswith("*"):
        offset = local.utcoffset() or timedelta()
        return _previous(fields, local.astimezone(timezone(offset))).astimezone(UTC)
    wall_clock = _previous(fields, local.replace(tzinfo=None, fold=0))
    due = wall_clock.replace(tzinfo=zone).astimezone(UTC)
    if due > now:
        # The hour is left out tonight, and the one that counts for it is not yet over.
        wall_clock = _previous(fields, wall_clock - timedelta(minutes=1))
        due = wall_clock.replace(tzinfo=zone).astimezone(UTC)
    return due


def _previous(fields: str, moment: datetime) -> datetime:
    """The last time up to and including the minute of the moment."""
    after = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    previous: datetime = croniter(fields, after).get_prev(datetime)
    return previous


def _parts(expression: str) -> tuple[tzinfo, str]:
    if not expression.startswith(ZONE_PREFIX):
        return UTC, expression
    name, _, fields = expression.removeprefix(ZONE_PREFIX).partition(" ")
    try:
        return ZoneInfo(name), fields
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"{name!r} is no time zone, such as 'Europe/Berlin'.") from error
