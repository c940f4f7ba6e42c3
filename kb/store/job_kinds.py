"""The kinds of background work, each described once for those who queue, run and show jobs.

A further kind is an entry here, and a function that runs it, registered in `ingest.worker`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

JobPriority = Literal["single", "bulk", "background"]
"""An upload that somebody waits for, one of many, and what nobody waits for."""

PRIORITIES: Final[dict[JobPriority, int]] = {"single": 20, "bulk": 10, "background": 0}
"""procrastinate's numbers, the highest first; room is left between them."""

JobVisibility = Literal["document", "owner"]
"""A job is seen by its owner and, with 'document', by those who may know of its upload."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The delay before a job whose dependencies failed runs again, doubled with each attempt."""

    first_delay: timedelta
    most_doublings: int

    def delay(self, attempts: int) -> timedelta:
        """The time to wait after so many earlier attempts."""
        doubled: int = 2 ** min(attempts, self.most_doublings)
        return self.first_delay * doubled


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """One kind of job; `name` is stored and shown, `task` and `queue` are procrastinate's."""

    name: str
    task: str
    queue: str
    progress_unit: str
    retry: RetryPolicy
    visibility: JobVisibility


INGEST: Final = JobKind(
    name="ingest",
    task="ingest_document",
    queue="ingest",
    progress_unit="chunks",
    # 2, 4, 8, 16 s with the default of five attempts. A minute at last, for a job of which not even
    # its failure could be written down.
    retry=RetryPolicy(first_delay=timedelta(seconds=2), most_doublings=5),
    visibility="document",
)

REREAD: Final = JobKind(
    name="reread",
    task="reread_document",
    # Workers of the previous release do not look into this queue: they lack the tasks.
    queue="background",
    progress_unit="chunks",
    retry=INGEST.retry,
    visibility="document",
)
"""Reads the served version's bytes again, with the parser and the chunker of today."""

REINDEX: Final = JobKind(
    name="reindex",
    task="reindex_tenant",
    queue="background",
    progress_unit="documents",
    retry=INGEST.retry,
    visibility="owner",
)

SYNC_SOURCE: Final = JobKind(
    name="sync_source",
    task="sync_source",
    queue="sources",
    progress_unit="files",
    # 30, 60, 120, 240 s: a place that was away may be back, and a run that died has been noticed.
    retry=RetryPolicy(first_delay=timedelta(seconds=30), most_doublings=4),
    visibility="owner",
)

JOB_KINDS: Final[dict[str, JobKind]] = {
    kind.name: kind for kind in (INGEST, REREAD, REINDEX, SYNC_SOURCE)
}
"""Every kind by its name."""
