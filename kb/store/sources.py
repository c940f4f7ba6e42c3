"""Sources of a tenant: where they lie, who may read what comes from them, when they are due.

All of this is for whoever manages the tenant: it needs a whole-tenant scope.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypedDict
from uuid import UUID

import regex  # type: ignore[import-untyped]  # ships no type information
from sqlalchemy import Row, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import AlreadyExists, InvalidInput, SourceBusy, SourceNotFound
from kb.ids import JobId, SourceId, TenantId, new_uuid
from kb.postgres.database import SystemSession, TenantSession
from kb.principals import validate_principals
from kb.schedule import validate_cron
from kb.source_uris import parse_source_uri
from kb.store.job_kinds import SYNC_SOURCE, JobPriority
from kb.store.jobs import FINISHED, TenantWork, enqueue_job, find_job
from kb.store.tables import sources

MAX_RULES: Final = 500
MAX_PATTERNS: Final = 100
MAX_PATTERN_LENGTH: Final = 500
"""Bounds for what a source's files are each compared with."""

DEFAULT_VANISH_SHARE: Final = 0.2
"""A fifth of the files may go between two runs before somebody is asked."""

RUN_LEASE: Final = timedelta(seconds=60)
"""A run that has not been heard of for so long has died."""

_NAME: Final = regex.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The readers of the files whose path fits the pattern."""

    pattern: str
    principals: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """The choices of whoever manages the source.

    The first rule that fits a file names its readers; where none does, `principals` are.
    """

    uri: str
    collection: str = "default"
    principals: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    cron: str | None = None
    max_vanish_share: float = DEFAULT_VANISH_SHARE


class HeldSource(TypedDict):
    """Deletions that wait for confirmation: so many of the known files were still listed."""

    name: str
    listed: int
    known: int
    reason: str


class ItemFailure(TypedDict):
    """A file that stayed as it was, and the reason."""

    item: str
    code: str
    message: str


class SourceRun(TypedDict):
    """The end of the last run; `counts` are those of its report, `error` ended it early."""

    finished_at: str
    status: str
    counts: dict[str, int]
    failures: list[ItemFailure]
    error: dict[str, str] | None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A stored source; with `is_operators` an operator named its address, else a tenant."""

    id: SourceId
    name: str
    settings: SourceSettings
    is_operators: bool
    has_rule_file: bool
    last_run: SourceRun | None
    held: HeldSource | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class ScheduledSource:
    """A source with a schedule, and the last time that it was due and was seen to."""

    tenant_id: TenantId
    name: str
    cron: str
    scheduled_for: datetime


def checked_settings(settings: SourceSettings) -> SourceSettings:
    """The settings in canonical form; InvalidInput, SourceUriRefused or InvalidPrincipal."""
    if not settings.principals and not settings.rules:
        raise InvalidInput(
            "Say who may read what comes from the source: 'principals', 'rules' or both."
        )
    if len(settings.rules) > MAX_RULES:
        raise InvalidInput(f"A source has at most {MAX_RULES} rules.")
    patterns = [*settings.include, *settings.exclude]
    if len(patterns) > MAX_PATTERNS:
        raise InvalidInput(f"A source has at most {MAX_PATTERNS} patterns.")
    for pattern in [*patterns, *(rule.pattern for rule in settings.rules)]:
        if not 0 < len(pattern) <= MAX_PATTERN_LENGTH or "\x00" in pattern:
            raise InvalidInput(f"A pattern has 1 to {MAX_PATTERN_LENGTH} characters.")
    if not 0 <= settings.max_vanish_share <= 1:
        raise InvalidInput("max_vanish_share is a share between 0 and 1.")
    if settings.cron is not None:
        validate_cron(settings.cron)
    rules = [
        Rule(pattern=rule.pattern, principals=tuple(validate_principals(rule.principals)))
        for rule in settings.rules
    ]
    return replace(
        settings,
        uri=str(parse_source_uri(settings.uri)),
        principals=tuple(validate_principals(settings.principals)),
        rules=tuple(rules),
    )


async def create_source(
    scope: TenantSession, name: str, settings: SourceSettings, *, is_operators: bool, now: datetime
) -> Source:
    """The new source, first due at its next time; AlreadyExists, or as `checked_settings`."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "A source's name has 1 to 63 lowercase letters, digits, dots, hyphens and underscores "
            "and begins with a letter or a digit."
        )
    statement = insert(sources).values(
        tenant_id=scope.tenant_id,
        id=new_uuid(),
        name=name,
        is_operators=is_operators,
        scheduled_for=now,
        created_at=now,
        updated_at=now,
        **_values(checked_settings(settings)),
    )
    try:
        async with scope.connection.begin_nested():
            await scope.connection.execute(statement)
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", "") != "sources_name_key":
            raise
        raise AlreadyExists(f"A source with the name {name!r} exists already.") from error
    return await get_source(scope, name)


async def get_source(scope: TenantSession, name: str) -> Source:
    """The source; SourceNotFound when there is none of that name."""
    query = select(sources).where(sources.c.tenant_id == scope.tenant_id, sources.c.name == name)
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None:
        raise SourceNotFound
    return _source(row)


async def list_sources(scope: TenantSession, *, after: UUID | None, limit: int) -> list[Source]:
    """The tenant's sources, oldest first, after the given id."""
    query = (
        select(sources)
        .where(sources.c.tenant_id == scope.tenant_id)
        .order_by(sources.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sources.c.id > after)
    return [_source(row) for row in await scope.connection.execute(query)]


async def change_source(
    scope: TenantSession, name: str, settings: SourceSettings, *, is_operators: bool, now: datetime
) -> Source:
    """The source with these settings; SourceNotFound, or as `checked_settings`.

    A changed schedule is first due at its next time. Changed readers do without the rule file that
    the source had.
    """
    source = await get_source(scope, name)
    checked = checked_settings(settings)
    statement = _update(scope, source.id).values(
        updated_at=now, is_operators=is_operators, **_values(checked)
    )
    if checked.cron != source.settings.cron:
        statement = statement.values(scheduled_for=now)
    if (checked.principals, checked.rules) != (source.settings.principals, source.settings.rules):
        statement = statement.values(has_rule_file=False)
    await scope.connection.execute(statement)
    return await get_source(scope, name)


async def delete_source(scope: TenantSession, source_id: SourceId) -> None:
    """Forgets the source and its files; their documents stay."""
    await scope.connection.execute(
        delete(sources).where(sources.c.tenant_id == scope.tenant_id, sources.c.id == source_id)
    )


async def begin_source_run(
    scope: TenantSession, name: str, token: UUID, *, now: datetime
) -> Source:
    """The source, which the run with this token now has to itself.

    SourceNotFound, and SourceBusy while another run lives.
    """
    source = await get_source(scope, name)
    statement = (
        _update(scope, source.id)
        .where(sources.c.run_token.is_(None) | (sources.c.run_expires_at <= now))
        .values(run_token=token, run_expires_at=now + RUN_LEASE)
        .returning(sources.c.id)
    )
    if (await scope.connection.execute(statement)).one_or_none() is None:
        raise SourceBusy
    return source


async def keep_source_run(
    scope: TenantSession, source_id: SourceId, token: UUID, *, now: datetime
) -> None:
    """Keeps the source for this run for another while; SourceBusy when another run has it."""
    statement = (
        _of_run(scope, source_id, token)
        .values(run_expires_at=now + RUN_LEASE)
        .returning(sources.c.id)
    )
    if (await scope.connection.execute(statement)).one_or_none() is None:
        raise SourceBusy


async def hold_source_run(scope: TenantSession, source_id: SourceId, token: UUID) -> None:
    """Until the transaction ends no other run begins; SourceBusy when one has."""
    query = (
        select(sources.c.id)
        .where(sources.c.tenant_id == scope.tenant_id, sources.c.id == source_id)
        .where(sources.c.run_token == token)
        .with_for_update(read=True)
    )
    if (await scope.connection.execute(query)).one_or_none() is None:
        raise SourceBusy


async def end_source_run(
    scope: TenantSession, source_id: SourceId, token: UUID, *, run: SourceRun | None = None
) -> None:
    """Frees the source; with a run, that one is shown as its last."""
    statement = _of_run(scope, source_id, token).values(run_token=None, run_expires_at=None)
    if run is not None:
        statement = statement.values(last_run=run)
    await scope.connection.execute(statement)


async def note_rule_file(scope: TenantSession, source_id: SourceId) -> None:
    """Remembers that the source has a rule file: without it nothing may be read from now on."""
    await scope.connection.execute(_update(scope, source_id).values(has_rule_file=True))


async def set_held(scope: TenantSession, source_id: SourceId, held: HeldSource | None) -> None:
    """Says which deletions wait for confirmation; None: none."""
    await scope.connection.execute(_update(scope, source_id).values(held=held))


async def scheduled_sources(system: SystemSession) -> list[ScheduledSource]:
    """The sources of all tenants that have a schedule."""
    table = sources.c
    query = select(table.tenant_id, table.name, table.cron, table.scheduled_for)
    rows = await system.connection.execute(query.order_by(table.tenant_id, table.name))
    return [
        ScheduledSource(
            tenant_id=TenantId(row.tenant_id),
            name=row.name,
            cron=row.cron,
            scheduled_for=row.scheduled_for,
        )
        for row in rows
    ]


async def enqueue_sync(
    scope: TenantSession, name: str, *, owner: str, priority: JobPriority
) -> JobId:
    """The job that synchronises the source next: one that waits already, or a new one.

    SourceNotFound when there is no source of that name.
    """
    query = (
        select(sources.c.id, sources.c.last_job_id)
        .where(sources.c.tenant_id == scope.tenant_id, sources.c.name == name)
        .with_for_update()
    )
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None:
        raise SourceNotFound
    waiting = await find_job(scope, JobId(row.last_job_id)) if row.last_job_id else None
    if waiting is not None and waiting.status == "queued":
        return waiting.id
    work = TenantWork(lock=f"source:{row.id}", arguments={"source": name})
    job_id = await enqueue_job(scope, SYNC_SOURCE, owner=owner, work=work, priority=priority)
    await scope.connection.execute(_update(scope, row.id).values(last_job_id=job_id))
    return job_id


async def enqueue_due_sync(
    scope: TenantSession, name: str, *, due: datetime, owner: str
) -> JobId | None:
    """The new job of a source that was due then; None when a run had seen to it, or is about to."""
    query = (
        select(sources.c.id, sources.c.last_job_id)
        .where(sources.c.tenant_id == scope.tenant_id, sources.c.name == name)
        .where(sources.c.cron.is_not(None), sources.c.scheduled_for < due)
        .with_for_update()
    )
    row = (await scope.connection.execute(query)).one_or_none()
    if row is None:
        return None
    await scope.connection.execute(_update(scope, row.id).values(scheduled_for=due))
    last = await find_job(scope, JobId(row.last_job_id)) if row.last_job_id else None
    if last is not None and last.status not in FINISHED:
        return None
    return await enqueue_sync(scope, name, owner=owner, priority="background")


def _update(scope: TenantSession, source_id: SourceId) -> Update:
    return update(sources).where(sources.c.tenant_id == scope.tenant_id, sources.c.id == source_id)


def _of_run(scope: TenantSession, source_id: SourceId, token: UUID) -> Update:
    return _update(scope, source_id).where(sources.c.run_token == token)


def _values(settings: SourceSettings) -> dict[str, object]:
    return {
        **asdict(settings),
        "rules": [asdict(rule) for rule in settings.rules],
        "principals": list(settings.principals),
        "include": list(settings.include),
        "exclude": list(settings.exclude),
    }


def _source(row: Row[tuple[object, ...]]) -> Source:
    return Source(
        id=SourceId(row.id),
        name=row.name,
        settings=SourceSettings(
            uri=row.uri,
            collection=row.collection,
            principals=tuple(row.principals),
            rules=tuple(
                Rule(pattern=rule["pattern"], principals=tuple(rule["principals"]))
                for rule in row.rules
            ),
            include=tuple(row.include),
            exclude=tuple(row.exclude),
            cron=row.cron,
            max_vanish_share=row.max_vanish_share,
        ),
        is_operators=row.is_operators,
        has_rule_file=row.has_rule_file,
        last_run=row.last_run,
        held=row.held,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
