"""Sources: add, look at, change, synchronise, confirm, remove. All for the scope `admin`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query, Response

from app.http.dependencies import Administers, ResourcesDep
from app.http.idempotency import IdempotencyKey, change_once, request_digest
from app.http.jobs.present import job_out
from app.http.paging import DEFAULT_LIMIT, CursorParam, LimitParam, Page, page_of, read_id_cursor
from app.http.sources.present import source_out
from app.http.sources.schemas import NewSource, Source, SourceDeleted, SourceJob, SourcePatch
from app.http.sources.schemas import Rule as WrittenRule
from app.identity import Caller
from app.resources import Resources
from kb.errors import NothingHeld
from kb.postgres.database import TenantSession, retried
from kb.source_uris import parse_source_uri, require_allowed
from kb.store.audit import record_event
from kb.store.idempotency import StoredResponse
from kb.store.jobs import get_job
from kb.store.source_items import confirm_held_items
from kb.store.source_runs import enqueue_removal, enqueue_sync
from kb.store.sources import (
    Rule,
    SourceSettings,
    change_source,
    create_source,
    delete_source,
    get_source,
    list_sources,
    lock_source,
)

router = APIRouter(tags=["sources"])

ONE = "/sources/{name}"
NameInPath = Annotated[
    str, Path(max_length=100, description="The source's name.", examples=["intranet"])
]
REACH = frozenset({"uri", "include", "exclude"})
"""The properties that say which files are read."""

Result = TypeVar("Result")


@router.post("/sources", status_code=201, response_model=Source)
async def add_source(
    body: NewSource,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Add a source: on the web, or below an address that the operator allows."""

    async def add(scope: TenantSession) -> StoredResponse:
        require_allowed(parse_source_uri(body.uri), resources.source_uri_prefixes, caller.tenant_id)
        settings = SourceSettings(
            uri=body.uri,
            collection=body.collection,
            principals=tuple(body.principals or ()),
            rules=_rules(body.rules),
            include=tuple(body.include),
            exclude=tuple(body.exclude),
            cron=body.cron,
            max_vanish_share=body.max_vanish_share,
        )
        source = await create_source(
            scope, body.name, settings, is_operators=False, now=resources.clock()
        )
        await record_event(scope, caller.actor, "source.create", str(source.id))
        return StoredResponse(status_code=201, body=source_out(source).model_dump(mode="json"))

    digest = request_digest("POST /v1/sources", body.model_dump(mode="json"))
    return await change_once(
        resources.database, caller, key=idempotency_key, digest=digest, change=add
    )


@router.get("/sources")
async def list_all(
    resources: ResourcesDep,
    caller: Administers,
    limit: LimitParam = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[Source]:
    """The tenant's sources, oldest first."""
    after = read_id_cursor(cursor)
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        found = await list_sources(scope, after=after, limit=limit + 1)
    return page_of(found, limit=limit, show=source_out, place=attrgetter("id"))


@router.get(ONE)
async def get_one(name: NameInPath, resources: ResourcesDep, caller: Administers) -> Source:
    """One source, with its last run and the deletions that it holds."""
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        return source_out(await get_source(scope, name))


@router.patch(ONE)
async def patch_one(
    name: NameInPath, patch: SourcePatch, resources: ResourcesDep, caller: Administers
) -> Source:
    """Change a source; its next run applies that, rights that shrink first.

    Changed readers do without a rule file that has vanished. Which files an operator's source
    reads, only the operator changes, unless the tenant may name its address.
    """
    sent = {field: getattr(patch, field) for field in patch.model_fields_set}
    for field in {"principals", "include", "exclude"} & sent.keys():
        sent[field] = tuple(sent[field] or ())
    if patch.rules is not None:
        sent["rules"] = _rules(patch.rules)

    async def change(scope: TenantSession) -> Source:
        await lock_source(scope, name)
        source = await get_source(scope, name)
        settings = replace(source.settings, **sent)
        is_reach_changed = bool(REACH & sent.keys())
        if is_reach_changed:
            require_allowed(
                parse_source_uri(settings.uri), resources.source_uri_prefixes, caller.tenant_id
            )
        changed = await change_source(
            scope,
            name,
            settings,
            is_operators=source.is_operators and not is_reach_changed,
            now=resources.clock(),
        )
        await record_event(
            scope, caller.actor, "source.update", str(source.id), {"fields": sorted(sent)}
        )
        return source_out(changed)

    return await _in_transaction(resources, caller, change)


@router.delete(
    ONE,
    responses={202: {"model": SourceDeleted, "description": "A job deletes its documents first."}},
)
async def delete_one(
    name: NameInPath,
    response: Response,
    resources: ResourcesDep,
    caller: Administers,
    delete_documents: Annotated[  # noqa: FBT002  # a query parameter has a name
        bool,
        Query(
            description="Delete its documents too; unset: they stay as they are.", examples=[False]
        ),
    ] = False,
) -> SourceDeleted:
    """Remove a source: at once, or with its documents by a job (202)."""

    async def remove(scope: TenantSession) -> SourceDeleted:
        source = await get_source(scope, name)
        await record_event(scope, caller.actor, "source.delete", str(source.id))
        if not delete_documents:
            await delete_source(scope, source.id)
            return SourceDeleted(name=name, job=None)
        job_id = await enqueue_removal(scope, name, owner=caller.owner)
        return SourceDeleted(name=name, job=job_out(await get_job(scope, job_id)))

    removed = await _in_transaction(resources, caller, remove)
    response.status_code = 202 if removed.job else 200
    return removed


@router.post(f"{ONE}:sync", status_code=202, response_model=SourceJob)
async def synchronise(
    name: NameInPath,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Synchronise a source now; a run of the same caller that still waits is the same."""

    async def queue(scope: TenantSession) -> StoredResponse:
        return await _queued(scope, caller, name, "source.sync")

    digest = request_digest("POST /v1/sources/{name}:sync", {"name": name})
    return await change_once(
        resources.database, caller, key=idempotency_key, digest=digest, change=queue
    )


@router.post(f"{ONE}:confirm", status_code=202, response_model=SourceJob)
async def confirm(
    name: NameInPath,
    resources: ResourcesDep,
    caller: Administers,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Carry out the deletions that are held now, of what is still gone when the job looks."""

    async def queue(scope: TenantSession) -> StoredResponse:
        source = await get_source(scope, name)
        if not await confirm_held_items(scope, source.id, now=resources.clock()):
            raise NothingHeld
        return await _queued(scope, caller, name, "source.confirm")

    digest = request_digest("POST /v1/sources/{name}:confirm", {"name": name})
    return await change_once(
        resources.database, caller, key=idempotency_key, digest=digest, change=queue
    )


async def _queued(scope: TenantSession, caller: Caller, name: str, action: str) -> StoredResponse:
    job_id = await enqueue_sync(scope, name, owner=caller.owner, priority="bulk")
    source = await get_source(scope, name)
    await record_event(scope, caller.actor, action, str(source.id))
    body = SourceJob(job=job_out(await get_job(scope, job_id)))
    return StoredResponse(status_code=202, body=body.model_dump(mode="json"))


async def _in_transaction(
    resources: Resources, caller: Caller, act: Callable[[TenantSession], Awaitable[Result]]
) -> Result:
    async def transaction() -> Result:
        async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
            return await act(scope)

    return await retried(transaction)


def _rules(rules: Sequence[WrittenRule]) -> tuple[Rule, ...]:
    return tuple(Rule(pattern=rule.pattern, principals=tuple(rule.principals)) for rule in rules)
