"""SQLAlchemy's package for asyncio, whose ORM is loaded when somebody wants it."""

import sys

from tests.footnote.processes import python

ASKED = """
import sys
from kb.postgres.asyncio_engine import AsyncConnection, create_async_engine
assert "sqlalchemy.orm" not in sys.modules
import sqlalchemy.ext.asyncio
assert sqlalchemy.ext.asyncio.AsyncConnection is AsyncConnection
assert sqlalchemy.ext.asyncio.create_async_engine is create_async_engine
assert "sqlalchemy.orm" in sys.modules
from sqlalchemy.ext.asyncio import AsyncSession
"""

ASKED_BEFORE = """
from sqlalchemy.ext.asyncio import AsyncConnection
from kb.postgres import asyncio_engine
assert asyncio_engine.AsyncConnection is AsyncConnection
"""


async def ended_well(program: str) -> bool:
    """True when the program ends without an error."""
    async with python(["-c", program], environment={}, is_heard=True) as process:
        _, stderr = await process.communicate()
    sys.stderr.write(stderr.decode())
    return process.returncode == 0


async def test_the_orm_is_there_for_whoever_asks_the_package_for_it() -> None:
    assert await ended_well(ASKED)


async def test_a_package_that_was_loaded_before_stays_what_it_is() -> None:
    assert await ended_well(ASKED_BEFORE)
