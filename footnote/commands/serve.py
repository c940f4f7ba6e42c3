"""Serving: the API, alone, as one of several or beside a worker."""

import asyncio
import gc
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import structlog
import uvloop

from app.http.main import build_app
from app.resources import Resources
from footnote.announcements import Announcements
from footnote.api_group import Inherited
from footnote.compose import open_resources
from footnote.http_server import Moments, http_server
from footnote.listening import Listener, address_failure, bound_to
from footnote.on_database import COMMAND_LINE
from footnote.service_process import (
    database_parts,
    group_ended_without,
    service,
    started,
    stop_with,
)
from footnote.supervisor import Supervisor
from footnote.warm_up import warm_up
from kb.errors import DependencyFailed
from kb.process_metrics import show_metrics
from kb.settings import DEFAULT_EMBEDDING_MODEL, Settings
from kb.store.audit import record_system_event
from kb.store.credentials import create_key
from kb.store.queue_state import queue_states
from kb.store.tenants import create_tenant, generations

log = structlog.get_logger(__name__)

FIRST_TENANT = "default"
FIRST_KEY_SCOPES = ("documents:write", "documents:read", "search", "answers", "feedback", "act_as")

LOOK_SECONDS = 0.5
"""Of a stop's time, for looking what it cuts off."""

FOLLOW_INTERVAL_SECONDS = 0.5
"""The interval at which lexical indexes catch up; searches are right in between, and stay fast."""

PURGE_INTERVAL_SECONDS = 1.0
"""The interval at which this process looks for copies to purge."""

TURN_SECONDS = 0.0005
"""For which a thread may go on while another waits for the interpreter: a tenth of what Python has.
Questions are embedded and answers proved in threads, which take turns with the requests. Two
searching clients beside two who ask waited 53 to 78 ms instead of 98 to 160 (p95, busy machine)."""


def api(host: str, port: int) -> None:
    """Run the API alone; the schema must be up to date."""
    with (
        bound_to(host, port) as listener,
        service() as settings,
        started("api", settings) as server,
        Supervisor(database_parts(server), home=settings.home_path),
    ):
        uvloop.run(serve(settings, server.url, listener))


def one_of_several(host: str, port: int, from_parent: str) -> None:
    """Run one of the processes that share the address; their parent watches the database."""
    inherited = Inherited.read(from_parent)
    with (
        inherited.listener(host, port) as listener,
        inherited.others() as others,
        service(is_child=True) as settings,
        group_ended_without(inherited.parent),
        started(inherited.name, settings) as server,
    ):
        asyncio.run(serve(settings, server.url, listener, others=others, inherited=inherited))


async def serve(
    settings: Settings,
    url: str,
    listener: Listener,
    told: Announcements | None = None,
    *,
    others: Mapping[str, socket.socket] | None = None,
    inherited: Inherited | None = None,
) -> None:
    """Serves the API; one that is `told` of is beside a worker of its own.

    `others` are those whose metrics stand beside its own; `inherited` is what one of several has.
    """
    sys.setswitchinterval(TURN_SECONDS)
    if told is not None:
        model = settings.embedding_model
        once = "" if model == DEFAULT_EMBEDDING_MODEL else "; the first time it is converted"
        told.step(f"loading the embedding model {model}{once}")
    async with open_resources(settings, url, serves=True) as opened:
        name = None if inherited is None else inherited.name
        resources = replace(opened, process_name=name, metrics_of_others=others or {})
        server = http_server(
            build_app(resources),
            host=listener.host,
            port=listener.port,
            moments=_moments(resources, listener, told, inherited),
        )
        await warm_up(resources)
        # What start-up has made stays: collecting garbage would look through it each time, for a
        # tenth of a second in which nobody is answered.
        gc.freeze()
        beside = [
            asyncio.create_task(resources.lexical.follow(interval_seconds=FOLLOW_INTERVAL_SECONDS)),
            asyncio.create_task(resources.spaces.follow(resources.database)),
            asyncio.create_task(resources.purger.run(interval_seconds=PURGE_INTERVAL_SECONDS)),
        ]
        if inherited is not None:
            await show_metrics(resources.metrics, inherited.shown_at[inherited.number - 1])
            beside.append(asyncio.create_task(stop_with(inherited.parent)))
        try:
            await server.serve(sockets=listener.sockets)
        except OSError as error:
            raise address_failure(listener.host, listener.port, error) from error
        finally:
            if told is not None and server.cut_off:
                told.cut_off.append(f"{server.cut_off} requests")
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


def _moments(
    resources: Resources,
    listener: Listener,
    told: Announcements | None,
    inherited: Inherited | None,
) -> Moments:
    async def on_listening() -> None:
        if inherited is not None:
            # Its parent says so, once for all.
            inherited.say_that_it_listens()
            return
        log.info("api.listening", host=listener.host, port=listener.port, processes=1)
        if told is not None:
            told.listening()
            key = await _first_key(resources)
            if key is None:
                told.other_start(FIRST_TENANT)
            else:
                told.first_key(FIRST_TENANT, key)

    async def on_stopping() -> None:
        if told is None:
            return
        with suppress(DependencyFailed, TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS), resources.database.system() as system:
                running = sum(state.running for state in await queue_states(system))
            if running:
                told.cut_off.append(f"{running} jobs, which begin anew at the next start")

    return Moments(on_listening=on_listening, on_stopping=on_stopping)


async def _first_key(resources: Resources) -> str | None:
    """The key of the first tenant, which is made with it at the very first start; None later."""
    async with resources.database.system() as system:
        if await generations(system):
            return None
        tenant = await create_tenant(system, FIRST_TENANT)
        key = await create_key(
            system, tenant.id, scopes=FIRST_KEY_SCOPES, principals=[], expires_at=None
        )
        await record_system_event(system, tenant.id, COMMAND_LINE, "key.create", str(key.id))
    return key.key
