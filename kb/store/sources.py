"""Sources of a tenant: where they lie, who may read what comes from them, when they are due.

All of this is for whoever manages the tenant: it needs a whole-tenant scope.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final, TypedDict
from uuid import UUID

import regex  # type: ignore[import-untyped]  # ships no type information
from sqlalchemy import Row, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import AlreadyExists, InvalidInput, SourceNotFound
from kb.ids import SourceId, new_uuid
from kb.postgres.database import TenantSession, constraint_of
from kb.principals import validate_principals
from kb.schedule import validate_cron
from kb.source_uris import parse_source_uri
from kb.store.choices import DEFAULT_VANISH_SHARE
from kb.store.tables import sources

MAX_RULES: Final = 500
MAX_PATTERNS: Final = 100
MAX_PATTERN_LENGTH: Final = 500
"""Bounds for what a source's files are each compared with."""

NAME_PATTERN: Final = "[a-z0-9][a-z0-9._-]{0,62}"
"""Of a source: it stands in paths and commands without quotes."""
_NAME: Final = regex.compile(NAME_PATTERN)


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
        if constraint_of(error) != "sources_name_key":
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


async def lock_source(scope: TenantSession, name: str) -> None:
    """Makes other changes of the source wait."""
    await scope.connection.execute(
        select(sources.c.id)
        .where(sources.c.tenant_id == scope.tenant_id, sources.c.name == name)
        .with_for_update()
    )


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


def _update(scope: TenantSession, source_id: SourceId) -> Update:
    return update(sources).where(sources.c.tenant_id == scope.tenant_id, sources.c.id == source_id)


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
