"""Numbers of all tenants together, for the metrics: the queue, failed jobs, documents by status."""

from dataclasses import dataclass
from typing import get_args

from sqlalchemy import func, select, text

from kb.postgres.database import SystemSession
from kb.store.documents import DocumentStatus
from kb.store.job_kinds import JOB_KINDS, PRIORITIES, JobPriority
from kb.store.tables import documents, jobs

OTHER = "other"
"""The kind of what another release queued and this one does not know."""


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """The jobs in the queue of one kind and class."""

    kind: str
    priority: JobPriority
    waiting: int
    running: int
    oldest_seconds: float
    """Since the one that waits longest was queued; 0 when none waits."""


async def queue_states(system: SystemSession) -> list[QueueState]:
    """The queue by kind and class, also where it is empty; Postgres looks at each job."""
    kind_by_task = {kind.task: kind.name for kind in JOB_KINDS.values()}
    rows = [
        (kind_by_task.get(row.task_name, OTHER), _class_of(row.priority), row)
        for row in await system.connection.execute(text("SELECT * FROM footnote_queue_state()"))
    ]
    states = []
    for kind in [*kind_by_task.values(), OTHER]:
        for priority in PRIORITIES:
            found = [row for *key, row in rows if key == [kind, priority]]
            states.append(
                QueueState(
                    kind=kind,
                    priority=priority,
                    waiting=sum(row.waiting for row in found),
                    running=sum(row.running for row in found),
                    oldest_seconds=max((row.oldest_seconds for row in found), default=0.0),
                )
            )
    return states


def _class_of(number: int) -> JobPriority:
    """The highest class that the number in the queue reaches."""
    return next((name for name, least in PRIORITIES.items() if number >= least), "background")


async def failed_jobs(system: SystemSession) -> dict[str, int]:
    """The number of failed jobs by kind."""
    query = select(jobs.c.kind, func.count()).where(jobs.c.status == "failed").group_by(jobs.c.kind)
    rows = await system.connection.execute(query)
    return dict.fromkeys(JOB_KINDS, 0) | {row.kind: row[1] for row in rows}


async def documents_by_status(system: SystemSession) -> dict[str, int]:
    """The number of documents in each status; Postgres looks at every one."""
    query = select(documents.c.status, func.count()).group_by(documents.c.status)
    rows = await system.connection.execute(query)
    return dict.fromkeys(get_args(DocumentStatus), 0) | {row.status: row[1] for row in rows}
