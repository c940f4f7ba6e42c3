"""Serving: everything in one process tree."""

import os
import sys

import uvloop

from footnote.announcements import Announcements
from footnote.garbage import rare_collections
from footnote.listening import Listener, bound_to
from footnote.one_up import only_one_up
from footnote.service_process import database_parts, service, started
from footnote.supervisor import Child, Part, Supervisor
from kb.process_metrics import listening_socket
from kb.settings import Settings
from migrations.run import upgrade


def up(host: str, port: int) -> None:
    """Run everything: database (embedded unless configured), migrations, API and a worker."""
    with bound_to(host, port) as listener:
        told = Announcements(listener)
        with (
            told.end_told(),
            service() as settings,
            only_one_up(settings.home_path, listener.url),
        ):
            _run_everything(settings, listener, told)


def _run_everything(settings: Settings, listener: Listener, told: Announcements) -> None:
    told.step(
        f"starting the database in {str(settings.home_path)!r}"
        if settings.database_url is None
        else "reaching the database"
    )

    def prepare_schema(url: str) -> None:
        told.step("bringing the schema up to date")
        upgrade(url)

    with started("api", settings, prepare_schema) as server:
        told.step("starting the worker")
        command = [sys.executable, "-m", "footnote", "worker", "--exit-with", str(os.getpid())]
        with listening_socket() as shown_at:
            descriptor = shown_at.fileno()
            command += ["--metrics-at", str(descriptor)]
            child = Child("worker", command, descriptors=[descriptor])
            parts: list[Part] = [*database_parts(server), child]
            with Supervisor(parts, home=settings.home_path) as supervisor:
                # Beside the worker, which loads its modules meanwhile.
                with rare_collections():
                    from footnote.commands import serve
                uvloop.run(
                    serve.serve(settings, server.url, listener, told, others={"worker": shown_at})
                )
            told.cut_off += [f"the {name} did not end in time" for name in supervisor.killed]
