"""Serving the API with several processes on one port; this one watches them, and loads no model."""

from footnote.api_group import run_group
from footnote.listening import bound_to
from footnote.service_process import service, started


def api(host: str, port: int, processes: int) -> None:
    """Run so many processes of the API; the schema must be up to date."""
    with (
        bound_to(host, port) as listener,
        service() as settings,
        started("api", settings) as server,
    ):
        run_group(processes, settings, server, listener)
