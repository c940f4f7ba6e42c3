"""The times for which scheduled work was done, so that a missed one is seen and done once."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from kb.postgres.database import SystemSession
from kb.store.tables import schedules

LONGEST_AHEAD: Final = timedelta(days=1)
"""Clocks of machines are seconds apart; what lies further ahead was noted by a wrong one."""


async def is_to_do(system: SystemSession, name: str, due: datetime, *, now: datetime) -> bool:
    """True when that due time is still to be done.

    Nothing was missed before somebody looked for the first time. And a time far ahead of now was
    noted by a clock that was wrong: nothing would be due until then.
    """
    await system.connection.execute(
        insert(schedules).values(name=name, due_at=due).on_conflict_do_nothing()
    )
    query = select(schedules.c.due_at).where(schedules.c.name == name)
    done: datetime = (await system.connection.execute(query)).scalar_one()
    return done < due or done > now + LONGEST_AHEAD


async def mark_done(system: SystemSession, name: str, due_at: datetime, *, now: datetime) -> None:
    """Stores that this due time is done, and with it all earlier ones."""
    stored = schedules.c.due_at
    statement = insert(schedules).values(name=name, due_at=due_at)
    await system.connection.execute(
        statement.on_conflict_do_update(
            index_elements=[schedules.c.name],
            set_={"due_at": statement.excluded.due_at},
            where=(stored < statement.excluded.due_at) | (stored > now + LONGEST_AHEAD),
        )
    )
