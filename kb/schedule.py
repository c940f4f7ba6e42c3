"""Cron expressions, in UTC or in the time zone that they begin with."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from kb.errors import InvalidInput

ZONE_PREFIX = "CRON_TZ="
"""As other implementations of cron have it: `CRON_TZ=Europe/Berlin 0 2 * * *`."""

FIELDS = 5


def validate_cron(expression: str) -> str:
    """The expression; InvalidInput unless its five fields and its time zone can be read."""
    _zone, fields = _parts(expression)
    if len(fields.split()) != FIELDS or not croniter.is_valid(fields):
        raise InvalidInput(
            f"{expression!r} is no cron expression: minute, hour, day, month and weekday, such as "
            "'0 2 * * *' for two o'clock UTC every night, or 'CRON_TZ=Europe/Berlin 0 2 * * *'."
        )
    return expression


def latest_due(expression: str, *, now: datetime) -> datetime:
    """The last time, up to now, at which a valid expression was due; in UTC."""
    zone, fields = _parts(expression)
    local = now.astimezone(zone)
    if croniter.match(fields, local):
        return local.replace(second=0, microsecond=0).astimezone(UTC)
    previous: datetime = croniter(fields, local).get_prev(datetime)
    return previous.astimezone(UTC)


def _parts(expression: str) -> tuple[tzinfo, str]:
    if not expression.startswith(ZONE_PREFIX):
        return UTC, expression
    name, _, fields = expression.removeprefix(ZONE_PREFIX).partition(" ")
    try:
        return ZoneInfo(name), fields
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"{name!r} is no time zone, such as 'Europe/Berlin'.") from error
