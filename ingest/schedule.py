"""Cron expressions in a time zone."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from kb.errors import InvalidInput


def validate_cron(expression: str) -> str:
    """The expression; InvalidInput unless it has five fields that a clock can reach."""
    if len(expression.split()) != 5 or not croniter.is_valid(expression):  # noqa: PLR2004  # cron's
        raise InvalidInput(
            f"{expression!r} is no cron expression: minute, hour, day, month and weekday, such as "
            "'0 2 * * *' for two o'clock every night."
        )
    return expression


def validate_timezone(name: str) -> str:
    """The name; InvalidInput unless the time zone is known, such as 'Europe/Berlin'."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"{name!r} is no time zone, such as 'Europe/Berlin' or 'UTC'."
        ) from error
    return name


def latest_due(expression: str, timezone: str, *, now: datetime) -> datetime:
    """The last time, up to now, at which the expression was due in the time zone."""
    local = now.astimezone(ZoneInfo(timezone))
    if croniter.match(expression, local):
        return local.replace(second=0, microsecond=0).astimezone(now.tzinfo)
    previous: datetime = croniter(expression, local).get_prev(datetime)
    return previous.astimezone(now.tzinfo)
