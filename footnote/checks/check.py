"""One check, and how checks are run so that none keeps the others from their turn."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from kb.errors import KnowledgeBaseError

Status = Literal["ok", "warning", "failed", "skipped"]
"""Skipped: what it needs is missing, so that it says nothing."""

REPORT: Final = "Report it, with what `FOOTNOTE_LOG_LEVEL=debug footnote doctor` logs."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at; `mend` says what to do unless it is well."""

    name: str
    status: Status
    detail: str
    mend: str | None = None


def skipped(names: tuple[str, ...], *, without: str) -> list[Check]:
    """Checks that could not be made without that."""
    return [Check(name=name, status="skipped", detail=f"not without {without}") for name in names]


def tried(name: str, look: Callable[[], Check], *, mend: str = REPORT) -> Check:
    """The check, failed with its reason when it raises."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001  # the other checks are made all the same
        return _failed(name, error, mend)


async def tried_async(name: str, look: Callable[[], Awaitable[Check]], *, mend: str) -> Check:
    """The same of one that waits."""
    try:
        return await look()
    except Exception as error:  # noqa: BLE001  # as above
        return _failed(name, error, mend)


def _failed(name: str, error: Exception, mend: str) -> Check:
    log.debug("check.failed", check=name, exc_info=error)
    if isinstance(error, KnowledgeBaseError):
        return Check(
            name=name, status="failed", detail=f"{error.message} [{error.code}]", mend=mend
        )
    said = error.strerror if isinstance(error, OSError) else type(error).__name__
    return Check(name=name, status="failed", detail=str(said), mend=mend)
