"""SQLAlchemy's connections for asyncio, without its ORM, which nothing here uses.

Its package imports the ORM for sessions: 38 of the 410 ms of processor time of a command.
"""

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from typing import Final

import sqlalchemy.ext

PACKAGE: Final = "sqlalchemy.ext.asyncio"


def _put_off() -> None:
    """Leaves the package to whoever asks it for something; its modules can be imported now.

    Source: https://docs.python.org/3/library/importlib.html#implementing-lazy-imports
    """
    if PACKAGE in sys.modules:
        return
    spec = find_spec(PACKAGE)
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101  # of SQLAlchemy
    package = module_from_spec(spec)
    sys.modules[PACKAGE] = package
    sqlalchemy.ext.asyncio = package
    # Before the package is lazy: the import of a module looks at its package, which would load it.
    import_module(f"{PACKAGE}.engine")
    LazyLoader(spec.loader).exec_module(package)


_put_off()

from sqlalchemy.ext.asyncio.engine import (  # noqa: E402  # by way of the package that is put off
    AsyncConnection,
    AsyncEngine,
    create_async_engine,
)

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
