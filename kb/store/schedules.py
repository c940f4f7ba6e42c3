"""The times for which scheduled work was done, so that a missed one is seen and done once."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from kb.postgres.database import SystemSession
from kb.store.tables import schedules


async def last_done(system: SystemSession, name: str, *, first: datetime) -> datetime:
    """The due time that was done last; `first` when there is none yet, which is then stored.

    Nothing was missed before somebody looked for the first time.
    """
    await system.connection.execute(
        insert(schedules).values(name=name, due_at=first).on_conflict_do_nothing()
    )
    query = select(schedules.c.due_at).where(schedules.c.name == name)
    due_at: datetime = (await system.connection.execute(query)).scalar_one()
    return due_at


async def mark_done(system: SystemSession, name: str, due_at: datetime) -> None:
    """Stores that this due time is done, and with it all earlier ones."""
    statement = insert(schedules).values(name=name, due_at=due_at)
    await system.connection.execute(
        statement.on_conflict_do_update(
            index_elements=[schedules.c.name],
            set_={"due_at": statement.excluded.due_at},
            where=schedules.c.due_at < statement.excluded.due_at,
        )
    )
