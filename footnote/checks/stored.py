"""What is checked in the database: the server, the schema, row security, what runs and waits."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from app.answering.abstention import REFIT, fitted_model, is_fitted_to
from footnote.checks.check import Check, skipped, tried, tried_async
from footnote.connection_demand import WAYS_OUT, connections_of_api, connections_of_worker
from kb.errors import KnowledgeBaseError
from kb.postgres.connection_limit import connection_limit
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.postgres.reaching import fit_versions
from kb.postgres.row_security import is_login_powerful, probe_row_security
from kb.settings import Settings
from kb.store.api_processes import count_living
from kb.store.queue import count_workers
from kb.store.queue_state import documents_by_status, queue_states
from kb.store.spaces import SpaceTuning, StoredSpace, stored_spaces
from migrations.run import require_current, upgrade

LONG_SECONDS: Final = 900.0
"""A job that waits longer is not simply next: the largest documents take minutes."""

AFTER_THE_SCHEMA: Final = (
    "row security",
    "embedding space",
    "evidence floor",
    "api",
    "worker",
    "connections",
    "queue",
    "failed documents",
)
UPGRADE: Final = "Run 'footnote db upgrade'."
START: Final = "Start it with 'footnote up', or 'footnote api' and 'footnote worker'."


def check_database(settings: Settings, *, has_home: bool) -> list[Check]:
    """The checks of the database, in a fixed order; those that need what is missing are skipped."""
    rest = ("pgvector", "schema", *AFTER_THE_SCHEMA)
    is_embedded = settings.database_url is None
    if is_embedded and not has_home:
        return skipped(("database", *rest), without="a home")
    try:
        with database_url(settings) as url:
            kind = "embedded" if is_embedded else "configured"
            return [
                Check(name="database", status="ok", detail=f"{kind}, can be reached"),
                *_check_inside(settings, url),
            ]
    except KnowledgeBaseError as error:
        found = Check(
            name="database",
            status="failed",
            detail=f"{error.message} [{error.code}]",
            mend="Free space, or read 'postgres/log' in the home."
            if is_embedded
            else "Check FOOTNOTE_DATABASE_URL and that the server runs.",
        )
        return [found, *skipped(rest, without="a database")]


def _check_inside(settings: Settings, url: str) -> list[Check]:
    def look_at_server() -> Check:
        return Check(name="pgvector", status="ok", detail=fit_versions(url))

    def look_at_schema() -> Check:
        if settings.database_url is None:
            upgrade(url)
        require_current(url)
        return Check(name="schema", status="ok", detail="up to date")

    server = tried("pgvector", look_at_server, mend="Install it on the database's machine.")
    schema = tried("schema", look_at_schema, mend=UPGRADE)
    if schema.status != "ok":
        return [
            server,
            schema,
            *skipped(AFTER_THE_SCHEMA, without="the schema"),
        ]
    return [server, schema, *asyncio.run(_check_content(settings, url))]


async def _check_content(settings: Settings, url: str) -> list[Check]:
    database = Database(url, pool_size=2)
    looks: dict[str, tuple[Callable[[], Awaitable[Check]], str]] = {
        "row security": (
            lambda: _row_security(database, settings),
            "Run 'footnote db upgrade'; then see docs/how-to/install.md, 'The database'.",
        ),
        "embedding space": (lambda: _space(database), UPGRADE),
        "evidence floor": (lambda: _floor(database, settings), UPGRADE),
        "api": (lambda: _api(database), UPGRADE),
        "worker": (lambda: _worker(database, settings), UPGRADE),
        "connections": (lambda: _connections(database, settings), UPGRADE),
        "queue": (lambda: _queue(database, settings), UPGRADE),
        "failed documents": (lambda: _failed_documents(database), UPGRADE),
    }
    assert tuple(looks) == AFTER_THE_SCHEMA  # noqa: S101  # one order, whatever is skipped
    try:
        return [await tried_async(name, look, mend=mend) for name, (look, mend) in looks.items()]
    finally:
        await database.close()


async def _row_security(database: Database, settings: Settings) -> Check:
    name, detail = "row security", "forced on every table of a tenant; a stranger sees nothing"
    await probe_row_security(database)
    if settings.database_url is not None and await is_login_powerful(database):
        return Check(
            name=name,
            status="warning",
            detail=detail + ", but the login is a superuser or bypasses row security",
            mend="Give Footnote a login as docs/how-to/install.md says in 'The database'.",
        )
    return Check(name=name, status="ok", detail=detail)


async def _active_space(database: Database) -> StoredSpace | None:
    async with database.system() as system:
        return next((each for each in await stored_spaces(system) if each.is_current), None)


async def _space(database: Database) -> Check:
    active = await _active_space(database)
    detail = "none yet: made at the first start"
    if active is not None:
        detail = f"{active.space.name} ({active.space.dimension} dimensions)"
    return Check(name="embedding space", status="ok", detail=detail)


async def _floor(database: Database, settings: Settings) -> Check:
    active = await _active_space(database)
    model = active.space.model if active else settings.embedding_model
    tuning = active.tuning if active else SpaceTuning()
    fitted = fitted_model(tuning)["embedding_model"]
    is_fitted = is_fitted_to(model, tuning)
    return Check(
        name="evidence floor",
        # Answers are as safe as ever, only more or fewer than they should be.
        status="ok" if is_fitted else "warning",
        detail=f"fitted with {fitted}"
        if is_fitted
        else f"WARNING: fitted with {fitted}, not with {model}",
        mend=REFIT,
    )


async def _api(database: Database) -> Check:
    async with database.system() as system:
        count = await count_living(system)
    return Check(
        name="api",
        status="ok" if count else "warning",
        detail=f"{count} running" if count else "none runs",
        mend=START,
    )


async def _worker(database: Database, settings: Settings) -> Check:
    count = await _count_workers(database, settings)
    return Check(
        name="worker",
        status="ok" if count else "warning",
        detail="running" if count else "none runs: what is uploaded waits",
        mend=START,
    )


async def _connections(database: Database, settings: Settings) -> Check:
    """What all processes that run may open, by these settings, beside what the server allows."""
    async with database.system() as system:
        apis = await count_living(system)
    workers = await _count_workers(database, settings)
    limit = await asyncio.to_thread(connection_limit, database.database_url)
    would, apis, workers = ("", apis, workers) if apis or workers else ("would ", 1, 1)
    wanted = apis * connections_of_api(settings) + workers * connections_of_worker(settings)
    return Check(
        name="connections",
        status="ok" if wanted <= limit.connections else "warning",
        detail=f"API processes ({apis}) and workers ({workers}) {would}open up to {wanted} of "
        f"{limit.connections} ({limit.set_by})",
        mend=WAYS_OUT,
    )


async def _count_workers(database: Database, settings: Settings) -> int:
    silent_after = timedelta(seconds=settings.stalled_job_seconds)
    return await count_workers(database, silent_after=silent_after)


async def _queue(database: Database, settings: Settings) -> Check:
    async with database.system() as system:
        states = await queue_states(system)
    waiting = sum(state.waiting for state in states)
    running = sum(state.running for state in states)
    oldest = max((state.oldest_seconds for state in states), default=0.0)
    detail = f"{waiting} jobs wait, {running} run"
    if waiting:
        detail += f"; the oldest has waited {timedelta(seconds=round(oldest))}"
    is_slow = bool(waiting) and oldest > LONG_SECONDS
    is_worked_on = await _count_workers(database, settings) > 0
    return Check(
        name="queue",
        status="ok" if not is_slow else "warning" if is_worked_on else "failed",
        detail=detail,
        mend="Start a further 'footnote worker', or look at the worker's log."
        if is_worked_on
        else START,
    )


async def _failed_documents(database: Database) -> Check:
    async with database.system() as system:
        count = (await documents_by_status(system)).get("failed", 0)
    return Check(
        name="failed documents",
        status="warning" if count else "ok",
        detail=f"{count} could not be read" if count else "none",
        mend="List them with 'footnote job list --status failed', and retry one with 'footnote job "
        "retry JOB', or upload it again.",
    )
