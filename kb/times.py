"""Times as they are written for others."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """The aware time in UTC, with a Z, as response schemas write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
