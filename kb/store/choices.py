"""The closed sets and bounds that callers choose from.

Whoever only describes an option, such as `footnote --help`, imports no database with them.
"""

from typing import Final, Literal, get_args

Scope = Literal[
    "documents:write", "documents:read", "search", "answers", "feedback", "admin", "act_as"
]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

UnfinishedStatus = Literal["queued", "running"]
FinishedStatus = Literal["succeeded", "completed_with_errors", "failed", "canceled"]
JobStatus = Literal[UnfinishedStatus, FinishedStatus]
JOB_STATUSES: Final[tuple[JobStatus, ...]] = get_args(JobStatus)

EventType = Literal[
    "document.ready",
    "document.failed",
    "document.deleted",
    "job.finished",
    "reindex.finished",
    "budget.threshold",
    "release.rolled_back",
]
"""The events that a webhook can ask for. Nothing sends `release.rolled_back` yet."""

EVENT_TYPES: Final[tuple[EventType, ...]] = get_args(EventType)

MAX_RETENTION_DAYS: Final = 36_500
"""A century; the table refuses more."""

DEFAULT_VANISH_SHARE: Final = 0.2
"""A fifth of a source's files may go between two runs before somebody is asked."""
