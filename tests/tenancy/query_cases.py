"""Every query on a tenant's rows: how to ask it for what is hidden."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kb.errors import StillRunning
from kb.ids import AnswerId, ChunkId, CredentialId, DocumentId, JobId, SourceId, Subject, new_uuid
from kb.index.candidate_vectors import read_candidate_vectors, read_nearest
from kb.index.follower import Follower, Turns
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.lexical.view import LexicalQuery
from kb.index.reached import Reached, changes_after, history_of, is_known
from kb.index.recall import check_recall, sample_recall
from kb.index.sketches.reading import read_sketches, visible_audiences
from kb.index.sketches.searching import search_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.vector_search import (
    Plan,
    VectorFilter,
    count_visible,
    exact_query,
    hnsw_query,
    search_exactly,
    search_vectors,
    signs_query,
)
from kb.passages import Location
from kb.postgres.database import Database, TenantSession
from kb.principals import key_subject
from kb.residue import traces_of
from kb.store import contradictions
from kb.store.admissible import (
    has_limited_documents,
    inadmissible_documents,
    languages,
    matching_documents,
)
from kb.store.answer_events import (
    StreamEvent,
    Told,
    append_events,
    begin_stream,
    complete_stream,
    fail_stream,
    find_stream,
    follow_stream,
    forget_streams,
    keep_alive,
    read_events,
)
from kb.store.answer_feedback import Opinion, list_feedback, store_feedback
from kb.store.answers import (
    AnswerRecord,
    count_answers,
    insert_answer,
    is_readable,
    read_answer,
    recent_statuses,
)
from kb.store.api_processes import ApiProcess, node_purged, note_purged, purged_everywhere
from kb.store.audit import Actor, record_event
from kb.store.budgets import Reservation, nothing_reserved, reserve, settle
from kb.store.changes import (
    change_fields,
    change_readers,
    delete_document,
    lock_document,
    lock_to_change,
    narrow_readers,
)
from kb.store.chunks import (
    NewChunk,
    count_chunks,
    delete_chunks,
    indexed_chunks,
    insert_chunks,
    list_chunks,
    read_neighbours,
    read_passages,
    read_table_passages,
    set_chunk_language,
    set_chunk_principals,
)
from kb.store.collections import (
    collection_ids,
    ensure_collection,
    get_retention,
    list_collections,
    readable_collections,
    set_retention,
)
from kb.store.contradictions import (
    chunk_ids,
    documents_of_chunks,
    find,
    vectors_with_other_readers,
)
from kb.store.deletions import (
    DocumentReceipt,
    NewDeletion,
    complete_deletions,
    files_to_discard,
    get_deletion,
    insert_deletion,
    note_discarded,
)
from kb.store.document_copies import delete_answers, delete_jobs, forget_queued, forget_responses
from kb.store.document_retention import delete_outlived, outlived_documents
from kb.store.document_writes import (
    Published,
    insert_document,
    new_upload,
    set_filename,
    set_published,
    set_status,
    set_waiting_principals,
    update_fields,
)
from kb.store.documents import (
    Document,
    Listing,
    find_by_external_id,
    find_named,
    find_own_upload,
    get_document,
    list_documents,
    lock_external_id,
)
from kb.store.drift import (
    delete_vectors_of,
    documents_of_files,
    lost_jobs,
    miscounted_documents,
    unread_documents,
    vectors_without_chunks,
)
from kb.store.failure_names import name_failures
from kb.store.idempotency import StoredResponse, claim_key, release_key, store_response
from kb.store.job_control import cancel_job, retry_job
from kb.store.job_documents import begin_jobs, jobs_of_ids, lock_documents_of
from kb.store.job_kinds import INGEST
from kb.store.job_lists import JobListing, last_changes, list_jobs
from kb.store.job_results import Success, succeed_jobs
from kb.store.jobs import (
    Job,
    count_jobs,
    enqueue_again,
    enqueue_job,
    find_job,
    finish_job,
    get_job,
    hold_attempt,
    is_running,
    is_wanted,
    latest_job,
    release_job,
    set_progress,
    shown_jobs,
    start_job,
)
from kb.store.mending import delete_orphans, restore_readers
from kb.store.model_calls import MeteredCall, insert_model_call
from kb.store.outdated import Among as RereadAmong
from kb.store.outdated import Reader, outdated_documents
from kb.store.reindex_runs import (
    EMPTY,
    Asked,
    Failure,
    ReindexRun,
    add_embedded,
    begin_run,
    end_run,
    end_step,
    get_run,
    link_jobs,
    link_uploads,
    list_runs,
    start_run,
    total_jobs,
)
from kb.store.retention import (
    prune_answer_events,
    prune_answers,
    prune_audiences,
    prune_model_calls,
    prune_requests,
    prune_webhook_deliveries,
)
from kb.store.source_items import (
    Item,
    confirm_held_items,
    documents_uploaded_as,
    forget_description,
    forget_items,
    known_items,
    prune_deleted_items,
    set_item_states,
    store_items,
)
from kb.store.source_runs import (
    begin_source_run,
    end_source_run,
    enqueue_due_sync,
    enqueue_removal,
    enqueue_sync,
    hold_source_run,
    keep_source_run,
    note_rule_file,
    set_held,
)
from kb.store.sources import (
    Source,
    SourceSettings,
    change_source,
    create_source,
    delete_source,
    get_source,
    list_sources,
    lock_source,
)
from kb.store.space_backfill import (
    MissingChunk,
    count_missing,
    count_rows,
    enqueue_backfill,
    insert_missing,
    missing_chunks,
    sample_chunks,
)
from kb.store.spaces import Space, all_spaces, current_space, find_space, hold_spaces, stored_spaces
from kb.store.stale import Chosen, count_documents, stale_documents
from kb.store.stored_files import lock_file, named_files, needed_files
from kb.store.tenant_deletion import delete_tenant
from kb.store.tenants import (
    advance_generation,
    advance_generations,
    change_at,
    changed_documents,
    current_generation,
    read_generations,
)
from kb.store.vectors import (
    Embedded,
    NewVectors,
    delete_vectors,
    find_vectors,
    insert_vectors,
    set_vector_principals,
)
from kb.store.versions import (
    NewVersion,
    get_version,
    insert_versions,
    list_versions,
    read_content,
    read_slice,
)
from kb.store.webhook_deliveries import (
    Delivery,
    StoredAttempt,
    add_test_delivery,
    give_back,
    list_deliveries,
    record_attempt,
    record_health,
    retry_delivery,
    take_next,
)
from kb.store.webhook_events import Event, emit
from kb.store.webhooks import (
    Webhook,
    change_webhook,
    create_webhook,
    delete_webhook,
    disable_webhook,
    enable_webhook,
    get_webhook,
    list_webhooks,
    new_secret,
    rotate_secret,
)
from tests.tenancy.names import Names

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AFTER_THE_SECRET_EXPIRED = datetime(2200, 1, 1, tzinfo=UTC)
LOCATION = Location(
    section=[], page=None, slide=None, sheet=None, row=None, char_start=0, char_end=1
)


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """What HR of tenant one has; all but `document` are stages of ingestion cut off."""

    names: Names
    document: Document
    chunk_id: ChunkId
    embedded_sha256: str
    unread: Document
    unread_job: JobId
    unsplit: Document
    unembedded: Document
    unembedded_chunk: ChunkId
    deleted: DocumentId
    request: StoredResponse
    claimed_at: datetime
    stream_sha256: str
    running_answer: AnswerId
    webhook: Webhook
    delivery: Delivery
    space: Space
    question: NDArray[np.float32]
    source: Source
    lexical: LexicalIndexes
    database: Database

    @property
    def owner(self) -> str:
        """Who uploaded the documents, and sent `request` under REQUEST_KEY."""
        return self.document.owned_by.name

    @property
    def answer_id(self) -> AnswerId:
        """The answer that quotes the document, which was streamed."""
        return AnswerId(UUID(self.names.answer))

    @property
    def missing(self) -> MissingChunk:
        """The chunk without a vector."""
        return MissingChunk(
            id=self.unembedded_chunk, document_id=self.unembedded.id, embedded_text="x"
        )

    @property
    def filter(self) -> VectorFilter:
        """What restricts a search to the document."""
        return VectorFilter(collection_ids=[self.document.collection_id])

    @property
    def parameters(self) -> Mapping[str, object]:
        """Those of the vector queries."""
        return {"question": self.question, "limit_rows": 10}


OPINION = Opinion(rating=1, reason_code=None, comment=None)
EVENT = StreamEvent(number=99, name="claim.rejected", data={})
CALL = MeteredCall(
    session_id=new_uuid(),
    feature="answer",
    alias="default",
    provider="default",
    model="x",
    prompt_name=None,
    prompt_version=None,
    attempt=1,
    outcome="completed",
    is_streamed=False,
    input_tokens=1,
    output_tokens=1,
    cached_tokens=0,
    is_estimated=False,
    cost_microdollars=None,
    price_version=None,
    latency_ms=1,
    first_token_ms=None,
)

SHOWN_IN_RESPONSE = UUID(int=7)
DELETED_FILE = "d" * 64
LONG_AFTER = datetime(2200, 1, 1, tzinfo=UTC)
PROCESS = ApiProcess(id=UUID(int=8), node=UUID(int=9))


def new_deletion(document_id: DocumentId, owner: str) -> NewDeletion:
    """The deletion of a document that HR could read."""
    receipt = DocumentReceipt(
        document_id=str(document_id),
        content_sha256=DELETED_FILE,
        reason="request",
        documents=1,
        versions=1,
        chunks=1,
        vectors=1,
        answers=0,
        jobs=1,
        files=1,
        generation=1,
    )
    return NewDeletion(
        receipt=receipt,
        owner=owner,
        principals=("group:hr",),
        generation=1,
        sha256s=(),
        deleted_at=NOW,
    )


RUN = new_uuid()
ELSEWHERE = SourceSettings(uri="https://example.com/list", principals=("user:ana",))
ATTEMPT = StoredAttempt(at=NOW.isoformat(), status_code=500, error=None, milliseconds=1)
FOR_ADMINS = "shown only to keys with the scope admin, which manage the tenant's webhooks"

REQUEST_KEY, REQUEST_SHA256 = "nightly import", "0" * 64
RUNNING_KEY = "running import"
ACTOR = Actor(name="somebody", principals=(), request_id=None, is_admin=True)
SOMEBODY = ACTOR.uploader

Effect = Literal["finds", "changes", "adds", "nothing"]


@dataclass(frozen=True, kw_only=True)
class QueryCase:
    """What a query does where it is allowed to.

    `finds`: its result is of what is hidden. `changes`: rows that are there. `adds`: rows only.
    `nothing`: neither, which the reason explains. `tenant_wide` says why every member of the
    tenant may get the result.
    """

    call: Callable[[TenantSession, Hidden], Awaitable[object]]
    effect: Effect
    reason: str = ""
    tenant_wide: str = ""
    is_for_managers: bool = False
    """Readers have no right to the table: only a scope with the whole tenant in view finds it."""


def finds(
    call: Callable[[TenantSession, Hidden], Awaitable[object]], *, tenant_wide: str = ""
) -> QueryCase:
    return QueryCase(call=call, effect="finds", tenant_wide=tenant_wide)


def finds_for_managers(
    call: Callable[[TenantSession, Hidden], Awaitable[object]],
) -> QueryCase:
    return QueryCase(call=call, effect="finds", is_for_managers=True)


def changes(call: Callable[[TenantSession, Hidden], Awaitable[object]]) -> QueryCase:
    return QueryCase(call=call, effect="changes")


def adds(
    call: Callable[[TenantSession, Hidden], Awaitable[object]], *, tenant_wide: str = ""
) -> QueryCase:
    return QueryCase(call=call, effect="adds", tenant_wide=tenant_wide)


def nothing(call: Callable[[TenantSession, Hidden], Awaitable[object]], reason: str) -> QueryCase:
    return QueryCase(call=call, effect="nothing", reason=reason)


async def _unnamed(given: Awaitable[object]) -> None:
    """Without the result, which repeats what it was given."""
    await given


async def _published(scope: TenantSession, hidden: Hidden) -> None:
    published = Published(document=hidden.document, chunk_count=0, parsed_title=None, warnings=[])
    await set_published(scope, [published])


async def _sampled(scope: TenantSession, hidden: Hidden) -> bool:
    return hidden.chunk_id in await sample_chunks(scope, limit=10_000)


async def _if_running(
    scope: TenantSession,
    hidden: Hidden,
    question: Callable[[TenantSession, JobId, int], Awaitable[bool]],
) -> None:
    """Makes the job run and ends it, which only works where the answer is true."""
    job_id = JobId(UUID(hidden.names.job))
    attempt = await start_job(scope, job_id, is_alone=False, now=NOW)
    assert await question(scope, job_id, attempt)
    await finish_job(scope, job_id, "canceled", error=None, now=NOW)


async def _progressed(scope: TenantSession, job_id: JobId, attempt: int) -> bool:
    await set_progress(scope, job_id, attempt, done=7, total=9, now=NOW)
    return (await get_job(scope, job_id)).progress_done == 7


async def _retry(scope: TenantSession, hidden: Hidden) -> None:
    """Runs a job again that waits, which changes nothing, and once more when it was canceled."""
    await retry_job(scope, hidden.unread_job, actor=ACTOR, now=NOW)
    await cancel_job(scope, hidden.unread_job, actor=ACTOR, now=NOW)
    await retry_job(scope, hidden.unread_job, actor=ACTOR, now=NOW)


async def _listed_job(scope: TenantSession, hidden: Hidden) -> list[Job]:
    listed = await list_jobs(scope, JobListing(), before=None, limit=100)
    return [job for job in listed if job.id == hidden.unread_job]


async def _queue_again(scope: TenantSession, hidden: Hidden) -> None:
    await enqueue_again(scope, await get_job(scope, hidden.unread_job))


async def _begun_run(scope: TenantSession) -> JobId:
    return await begin_run(scope, Asked(), trigger="api", owner="test")


async def _with_run(
    scope: TenantSession, act: Callable[[TenantSession, JobId], Awaitable[object]]
) -> None:
    await act(scope, await _begun_run(scope))


def _run_ended(scope: TenantSession, run_id: JobId) -> Awaitable[object]:
    return end_run(scope, run_id, EMPTY, now=NOW)


async def _outdated(scope: TenantSession, hidden: Hidden) -> list[object]:
    reader = Reader(
        media_type=hidden.document.content.media_type,
        parser="another",
        parser_version="1",
        chunker_version="1",
    )
    among = RereadAmong(run_id=JobId(new_uuid()), document_ids=[hidden.document.id])
    return list(await outdated_documents(scope, [reader], among, after=None, limit=10))


async def _counted(scope: TenantSession, hidden: Hidden) -> int:
    chosen = Chosen(document_ids=[hidden.document.id])
    return (await count_documents(scope, chosen, at=NOW)).documents


async def _named_failure(scope: TenantSession, hidden: Hidden) -> str | None:
    failure = Failure(document_id=str(hidden.document.id), item=None, code="x", message="x")
    run = ReindexRun(
        id=JobId(new_uuid()),
        trigger="api",
        asked=Asked(),
        status="completed_with_errors",
        error=None,
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        steps=(),
        report={**EMPTY, "failures": [failure]},
    )
    (named,) = await name_failures(scope, [run])
    return named.report["failures"][0]["item"]


async def _named(scope: TenantSession, hidden: Hidden) -> bool:
    return hidden.document.content.sha256 in await named_files(scope)


async def _claimed(scope: TenantSession, hidden: Hidden) -> StoredResponse | None:
    claimed = await claim_key(
        scope, owner=hidden.owner, key=REQUEST_KEY, request_sha256=REQUEST_SHA256
    )
    return claimed if isinstance(claimed, StoredResponse) else None


async def _responded(scope: TenantSession, hidden: Hidden) -> None:
    with suppress(StillRunning):
        await store_response(
            scope,
            owner=hidden.owner,
            key=REQUEST_KEY,
            claimed_at=hidden.claimed_at,
            response=StoredResponse(status_code=500, body={}),
        )


async def _chunk_id(scope: TenantSession, hidden: Hidden) -> bool:
    return hidden.chunk_id in await chunk_ids(scope, without_documents=[])


async def _counted_rows(scope: TenantSession, hidden: Hidden) -> int:
    """The documents of which only the hidden one is not counted otherwise."""
    before = (await contradictions.count_rows(scope)).documents
    without = await list_documents(scope, Listing(), after=None, limit=1000)
    return before - len([each for each in without if each.id != hidden.document.id])


def _record(scope: TenantSession, hidden: Hidden) -> AnswerRecord:
    return AnswerRecord(
        id=AnswerId(new_uuid()),
        subject=Subject("test:asker"),
        principals=scope.viewer.principals if scope.viewer else (),
        request={},
        response={},
        status="answered",
        generation=1,
        created_at=NOW,
        cited_document_ids=frozenset({hidden.document.id}),
    )


async def _rows(scope: TenantSession, hidden: Hidden, plan: Plan) -> list[object]:
    queries = {"exact": exact_query, "signs": signs_query, "hnsw": hnsw_query}
    query = queries[plan](scope, hidden.space, hidden.filter)
    return list(await scope.connection.execute(query, dict(hidden.parameters)))


async def _nearest(scope: TenantSession, hidden: Hidden) -> list[object]:
    hits, _ = await search_vectors(
        scope, hidden.space, hidden.question, hidden.filter, limit=10, visible_count=1
    )
    return list(hits)


async def _checked_recall(scope: TenantSession, hidden: Hidden) -> list[object]:
    # It gives numbers, about whatever rows are visible.
    sketches = SketchCache(hidden.database, max_bytes=10**9)
    checked = await check_recall(scope, sketches, hidden.space, samples=2, limit=10, seed=1)
    await sketches.aclose()
    sees_secret = await count_visible(scope, hidden.space, hidden.filter) > 0
    return list(checked) if sees_secret else []


async def _missed(scope: TenantSession, hidden: Hidden) -> bool:
    """True when more was visible than the nothing that is said to have been found."""
    recall = await sample_recall(scope, hidden.space, hidden.question, hidden.filter, [0], limit=1)
    return recall < 1 and await count_visible(scope, hidden.space, hidden.filter) > 0


async def _candidate_vectors(scope: TenantSession, hidden: Hidden) -> list[int]:
    return list((await read_candidate_vectors(scope, hidden.space, [hidden.chunk_id])).chunk_ids)


async def _nearest_of_documents(scope: TenantSession, hidden: Hidden) -> list[int]:
    found = await read_nearest(
        scope,
        hidden.space,
        hidden.question,
        [hidden.document.id],
        besides=[hidden.chunk_id],
        limit=10,
    )
    return [*found.cosine_by_chunk, *found.vectors.chunk_ids]


async def _sketches(scope: TenantSession, hidden: Hidden) -> list[int]:
    tables = [table async for table in read_sketches(scope, hidden.space, [hidden.document.id])]
    return [int(each) for table in tables for each in table.chunk_ids]


async def _viewed(scope: TenantSession, hidden: Hidden) -> list[int]:
    sketches = SketchCache(hidden.database, max_bytes=10**9)
    if scope.viewer is not None:
        await sketches.catch_up(scope.tenant_id, hidden.space)
    generation = await current_generation(scope)
    view = await sketches.view(scope, hidden.space, generation=generation)
    await sketches.aclose()
    if view is None:
        return []
    view = view.within([hidden.document.id], excluded=())
    found = await view.nearest(hidden.question, limit=10)
    return [*found, *view.vectors([hidden.chunk_id]).chunk_ids]


async def _searched(scope: TenantSession, hidden: Hidden) -> list[int]:
    sketches = SketchCache(hidden.database, max_bytes=10**9)
    if scope.viewer is not None:
        await sketches.catch_up(scope.tenant_id, hidden.space)
    found = await search_sketches(scope, hidden.space, sketches, hidden.question, limit=1)
    await sketches.aclose()
    # The nearest to a question that is the secret chunk's own vector.
    return [each for each in (found.cosine_by_chunk if found else ()) if each == hidden.chunk_id]


async def _found_words(scope: TenantSession, hidden: Hidden) -> list[object]:
    query = LexicalQuery(
        terms=[hidden.names.word], limit=10, document_ids=None, excluded_document_ids=()
    )
    generation = await current_generation(scope)
    view = await hidden.lexical.view(scope, generation=generation)
    return list((await view.search(query)).hits)


async def _secret_collection(scope: TenantSession, hidden: Hidden) -> list[object]:
    found = await readable_collections(scope)
    return [each for each in found if each.name == hidden.names.collection]


async def _listed_collections(scope: TenantSession, hidden: Hidden) -> list[object]:
    found = await list_collections(scope, after="", limit=100)
    return [each for each in found if each.name == hidden.names.collection]


async def _condition(scope: TenantSession, _hidden: Hidden) -> object:
    return shown_jobs(scope)


async def _whole(scope: TenantSession, ask: Callable[[TenantSession], Awaitable[object]]) -> object:
    """The result for the whole tenant, which readers do not see."""
    async with scope.whole_tenant() as whole:
        return await ask(whole)


async def _reserved(scope: TenantSession) -> Reservation | None:
    return await reserve(scope, microdollars=1, limit=9, lasting=timedelta(minutes=1), now=NOW)


async def _settled(scope: TenantSession) -> None:
    await settle(scope, nothing_reserved(NOW), microdollars=1)


async def _languages_of_the_hidden(scope: TenantSession, hidden: Hidden) -> list[str]:
    """Only the hidden document is said to be in its language; others are found to be in English."""
    return [each for each in await languages(scope) if each == hidden.document.language]


async def _change_of(scope: TenantSession, hidden: Hidden) -> Reached | None:
    """The state of the index in which it has the hidden document."""
    for generation in range(1, await current_generation(scope) + 1):
        change = await change_at(scope, generation)
        if change is not None and change.document_id == hidden.document.id:
            return Reached(generation=generation, history=history_of(change))
    return None


async def _whether_known(scope: TenantSession, hidden: Hidden) -> bool:
    reached = await _change_of(scope, hidden)
    return reached is not None and await is_known(scope, reached)


async def _whether_changed_last(scope: TenantSession, hidden: Hidden) -> list[object]:
    change = (await read_generations(scope)).change
    return [change] if change is not None and change.document_id == hidden.document.id else []


async def _whether_changed(scope: TenantSession, hidden: Hidden) -> list[object]:
    changed = await changed_documents(scope, since=0)
    return [document_id for document_id in changed if document_id == hidden.document.id]


async def _run(
    scope: TenantSession,
    hidden: Hidden,
    step: Callable[[TenantSession, SourceId, UUID], Awaitable[None]],
) -> None:
    """A step of a run, which only works where the run could begin."""
    await begin_source_run(scope, hidden.source.name, RUN, now=NOW)
    await step(scope, hidden.source.id, RUN)
    await note_rule_file(scope, hidden.source.id)


async def _secret_source(scope: TenantSession, hidden: Hidden) -> list[str]:
    found = await list_sources(scope, after=None, limit=10)
    return [source.name for source in found if source.id == hidden.source.id]


async def _before(scope: TenantSession, hidden: Hidden) -> Reached | None:
    """The state of a copy that lacks the hidden document's change and knows the one before it."""
    for generation in range(1, await current_generation(scope)):
        change, following = (
            await change_at(scope, generation),
            await change_at(scope, generation + 1),
        )
        if change and following and following.document_id == hidden.document.id:
            return Reached(generation=generation, history=history_of(change))
    return None


async def _whether_next(scope: TenantSession, hidden: Hidden) -> list[object]:
    since = await _before(scope, hidden)
    following = None if since is None else await changes_after(scope, since)
    changed = (following.changed if following else None) or ()
    return [document_id for document_id in changed if document_id == hidden.document.id]


async def _whether_followed(scope: TenantSession, hidden: Hidden) -> list[object]:
    since = await _before(scope, hidden)
    if since is None:
        return []
    sketches = SketchCache(hidden.database, max_bytes=10**9)
    turns = Turns(short=asyncio.Semaphore(1))
    follower = Follower(hidden.database, sketches, kind="sketches", turns=turns)
    generation = await current_generation(scope)
    changed = await follower.changed_documents(scope, since, generation=generation)
    await sketches.aclose()
    return [document_id for document_id in changed or () if document_id == hidden.document.id]


async def no_query() -> None:
    """For what has no result to be compared."""


QUERIES: Mapping[str, QueryCase] = {
    "store.admissible.has_limited_documents": finds(lambda s, _: has_limited_documents(s)),
    "store.admissible.inadmissible_documents": finds(
        lambda s, _: inadmissible_documents(s, at=AFTER_THE_SECRET_EXPIRED)
    ),
    "store.admissible.languages": finds(_languages_of_the_hidden),
    "store.admissible.matching_documents": finds(
        lambda s, h: matching_documents(s, [h.document.collection_id], None)
    ),
    "store.answer_events.append_events": changes(
        lambda s, h: append_events(
            s,
            h.running_answer,
            Told(events=[EVENT], document_ids=[h.unread.id]),
            readers=("group:hr",),
            now=NOW,
        )
    ),
    "store.answer_events.begin_stream": adds(
        lambda s, h: begin_stream(s, _record(s, h), EVENT, owner="x", request_sha256="x")
    ),
    "store.answer_events.complete_stream": changes(
        lambda s, h: complete_stream(
            s,
            replace(_record(s, h), id=h.answer_id),
            Told(events=[EVENT]),
            ACTOR,
            readers=None,
            now=NOW,
        )
    ),
    "store.answer_events.fail_stream": changes(
        lambda s, h: fail_stream(s, h.running_answer, {}, now=NOW)
    ),
    "store.answer_events.find_stream": finds(
        lambda s, h: find_stream(s, owner=h.owner, request_sha256=h.stream_sha256, now=NOW)
    ),
    "store.answer_events.follow_stream": changes(
        lambda s, h: follow_stream(s, h.answer_id, now=NOW)
    ),
    "store.answer_events.forget_streams": changes(
        lambda s, _: forget_streams(s, now=AFTER_THE_SECRET_EXPIRED)
    ),
    "store.answer_events.keep_alive": changes(lambda s, h: keep_alive(s, h.answer_id, now=NOW)),
    "store.answer_events.read_events": finds(lambda s, h: read_events(s, h.answer_id, after=0)),
    "store.answers.count_answers": finds(lambda s, h: count_answers(s, h.document.id)),
    "store.answer_feedback.list_feedback": finds(lambda s, h: list_feedback(s, h.answer_id)),
    "store.answer_feedback.store_feedback": adds(
        lambda s, h: store_feedback(
            s, h.answer_id, OPINION, author="x", principals=("group:hr",), now=NOW
        )
    ),
    "store.answers.is_readable": finds(lambda s, h: is_readable(s, h.answer_id)),
    "store.answers.insert_answer": adds(lambda s, h: insert_answer(s, _record(s, h), ACTOR)),
    "store.answers.read_answer": finds(lambda s, h: read_answer(s, h.answer_id)),
    "store.answers.recent_statuses": finds(
        lambda s, h: recent_statuses(
            s,
            subject=key_subject(CredentialId(UUID(h.owner.partition(":")[0]))),
            principals=["group:hr", "tenant:*"],
            limit=1,
        )
    ),
    "store.api_processes.node_purged": nothing(
        lambda s, _: node_purged(s, PROCESS.node), "a generation, which no caller is told"
    ),
    "store.api_processes.note_purged": adds(lambda s, _: note_purged(s, PROCESS, generation=1)),
    "store.api_processes.purged_everywhere": nothing(
        lambda s, _: purged_everywhere(s), "a generation, which no caller is told"
    ),
    "store.deletions.complete_deletions": changes(
        lambda s, _: complete_deletions(s, generation=1, nodes=1, absent_nodes=0, now=NOW)
    ),
    "store.deletions.files_to_discard": finds(lambda s, _: files_to_discard(s, generation=1)),
    "store.deletions.get_deletion": finds(lambda s, h: get_deletion(s, h.deleted)),
    "store.deletions.insert_deletion": adds(
        lambda s, h: insert_deletion(s, new_deletion(DocumentId(new_uuid()), h.owner))
    ),
    "store.deletions.note_discarded": changes(lambda s, _: note_discarded(s, DELETED_FILE)),
    "store.document_copies.delete_answers": changes(lambda s, h: delete_answers(s, h.document.id)),
    "store.document_copies.delete_jobs": changes(lambda s, h: delete_jobs(s, h.document.id)),
    "store.document_copies.forget_queued": nothing(
        lambda s, h: forget_queued(s, [h.names.job]), "changes the queue, of this tenant only"
    ),
    "store.document_copies.forget_responses": changes(
        lambda s, _: forget_responses(s, DocumentId(SHOWN_IN_RESPONSE))
    ),
    "store.document_retention.delete_outlived": changes(
        lambda s, h: delete_outlived(s, h.document.id, now=LONG_AFTER)
    ),
    "store.document_retention.outlived_documents": finds(
        lambda s, _: outlived_documents(s, now=LONG_AFTER, limit=100)
    ),
    "store.tenant_deletion.delete_tenant": changes(lambda s, _: delete_tenant(s, files=0, now=NOW)),
    "residue.traces_of": finds(lambda s, h: traces_of(s, h.document.id)),
    "store.audit.record_event": adds(lambda s, _: record_event(s, ACTOR, "document.update", None)),
    "store.budgets.reserve": adds(lambda s, _: _reserved(s)),
    "store.budgets.settle": adds(lambda s, _: _settled(s)),
    "store.changes.change_fields": changes(
        lambda s, h: change_fields(
            s, h.document, replace(h.document.fields, principals=("tenant:*",)), now=NOW
        )
    ),
    "store.changes.delete_document": changes(
        lambda s, h: delete_document(s, h.document.id, actor=ACTOR, now=NOW)
    ),
    "store.changes.lock_to_change": finds(lambda s, h: lock_to_change(s, h.document.id, ACTOR)),
    "store.changes.lock_document": nothing(
        lambda s, h: lock_document(s, h.document.id), "makes others wait"
    ),
    "store.chunks.count_chunks": finds(lambda s, h: count_chunks(s, [h.document.id], limit=10)),
    "store.chunks.delete_chunks": changes(lambda s, h: delete_chunks(s, h.document.id)),
    "store.chunks.indexed_chunks": finds(
        lambda s, h: indexed_chunks(s, [h.document.id], after=0, limit=10)
    ),
    "store.chunks.insert_chunks": adds(
        lambda s, h: insert_chunks(
            s, [(h.unsplit, [NewChunk(text="x", context="", location=LOCATION)])]
        )
    ),
    "store.chunks.list_chunks": finds(
        lambda s, h: list_chunks(s, h.document.id, after=-1, limit=10)
    ),
    "store.chunks.read_passages": finds(lambda s, h: read_passages(s, [h.chunk_id])),
    "store.chunks.read_neighbours": finds(lambda s, h: read_neighbours(s, h.chunk_id, reach=1)),
    "store.chunks.read_table_passages": finds(
        lambda s, h: read_table_passages(s, h.document.id, 1, ["Desk", "Bonus"], limit=10)
    ),
    "store.chunks.set_chunk_language": changes(
        lambda s, h: set_chunk_language(s, h.document.id, "de")
    ),
    "store.chunks.set_chunk_principals": changes(
        lambda s, h: set_chunk_principals(s, h.document.id, ["tenant:*"])
    ),
    "store.collections.collection_ids": finds(
        lambda s, h: collection_ids(s, [h.names.collection]),
        tenant_wide="collections are the tenant's; their ids are shown to nobody",
    ),
    "store.collections.ensure_collection": adds(
        lambda s, _: ensure_collection(s, "a new one"),
    ),
    "store.documents.find_by_external_id": finds(
        lambda s, h: find_by_external_id(
            s, h.document.collection_id, h.names.external_id, uploader=SOMEBODY
        )
    ),
    "store.contradictions.chunk_ids": finds(_chunk_id),
    "store.contradictions.count_rows": finds(_counted_rows),
    "store.contradictions.documents_of_chunks": finds(
        lambda s, h: documents_of_chunks(s, [str(h.chunk_id)])
    ),
    "store.contradictions.find": nothing(
        lambda s, _: find(s, "documents_of_one_name", limit=10),
        "nothing contradicts itself here; tests/kb/test_consistency.py plants what does",
    ),
    "store.contradictions.vectors_with_other_readers": nothing(
        lambda s, h: vectors_with_other_readers(s, h.space, limit=10),
        "all vectors have the readers of their chunks; tests/kb/test_consistency.py plants others",
    ),
    "store.documents.find_named": finds(
        lambda s, h: find_named(s, h.names.collection, [h.names.external_id], uploader=SOMEBODY)
    ),
    "store.documents.find_own_upload": finds(
        lambda s, h: find_own_upload(
            s,
            h.unread.collection_id,
            str(h.unread.fields.external_id),
            uploader=h.unread.uploaded_by,
        )
    ),
    "store.documents.get_document": finds(lambda s, h: get_document(s, h.document.id)),
    "store.document_writes.insert_document": adds(
        lambda s, h: insert_document(
            s, h.document.collection_id, h.document.fields, h.document.content, SOMEBODY
        )
    ),
    "store.documents.list_documents": finds(
        lambda s, h: list_documents(
            s, Listing(external_id=h.names.external_id), after=None, limit=10
        )
    ),
    "store.documents.lock_external_id": finds(
        lambda s, h: lock_external_id(s, h.document.collection_id, h.names.external_id),
        tenant_wide="only says whether there is anything to look for; shown to nobody",
    ),
    "store.document_writes.new_upload": changes(
        lambda s, h: new_upload(s, h.document.id, h.document.content, uploader=SOMEBODY, now=NOW)
    ),
    "store.collections.get_retention": finds(
        lambda s, h: get_retention(s, h.names.collection),
        tenant_wide="a rule of the tenant's administrators",
    ),
    "store.collections.list_collections": finds(
        _listed_collections, tenant_wide="shown on the command line only"
    ),
    "store.collections.set_retention": changes(
        lambda s, h: set_retention(s, h.names.collection, days=1)
    ),
    "store.collections.readable_collections": finds(_secret_collection),
    "store.document_writes.set_published": changes(_published),
    "store.job_documents.lock_documents_of": finds_for_managers(
        lambda s, h: lock_documents_of(s, [JobId(UUID(h.names.job))])
    ),
    "store.job_documents.jobs_of_ids": finds_for_managers(
        lambda s, h: jobs_of_ids(s, [JobId(UUID(h.names.job))])
    ),
    "store.job_documents.begin_jobs": changes(
        lambda s, h: begin_jobs(
            s,
            [JobId(UUID(h.names.job))],
            read_first=[h.document.id],
            is_alone=False,
            now=NOW,
        )
    ),
    "store.job_results.succeed_jobs": changes(
        lambda s, h: succeed_jobs(
            s,
            {JobId(UUID(h.names.job)): Success(chunks=9, embedded=Embedded(chunks=9, tokens=99))},
            now=NOW,
        )
    ),
    "store.document_writes.set_status": changes(
        lambda s, h: set_status(s, h.document.id, "failed", error=None, now=NOW)
    ),
    "store.document_writes.update_fields": changes(
        lambda s, h: update_fields(s, h.document.id, h.document.fields, now=NOW)
    ),
    "store.idempotency.claim_key": finds(_claimed),
    "store.idempotency.release_key": changes(
        lambda s, h: release_key(s, owner=h.owner, key=RUNNING_KEY, claimed_at=h.claimed_at)
    ),
    "store.idempotency.store_response": changes(_responded),
    "store.job_lists.list_jobs": finds(_listed_job),
    "store.job_control.retry_job": changes(_retry),
    "store.job_control.cancel_job": changes(
        lambda s, h: cancel_job(s, h.unread_job, actor=ACTOR, now=NOW)
    ),
    "store.jobs.enqueue_job": adds(
        lambda s, h: _unnamed(enqueue_job(s, INGEST, owner="somebody", document=h.document))
    ),
    "store.jobs.enqueue_again": nothing(
        _queue_again, "The queue belongs to no tenant, and takes what a tenant's transaction names."
    ),
    "store.jobs.finish_job": changes(
        lambda s, h: finish_job(s, JobId(UUID(h.names.job)), "failed", error=None, now=NOW)
    ),
    "store.jobs.count_jobs": finds(lambda s, h: count_jobs(s, h.document.id)),
    "store.jobs.shown_jobs": nothing(
        _condition, "gives a condition, which reads nothing by itself"
    ),
    "store.jobs.get_job": finds(lambda s, h: get_job(s, JobId(UUID(h.names.job)))),
    "store.jobs.hold_attempt": changes(
        lambda s, h: _if_running(s, h, hold_attempt),
    ),
    "store.jobs.is_running": changes(
        lambda s, h: _if_running(s, h, is_running),
    ),
    "store.jobs.is_wanted": changes(
        lambda s, h: _if_running(s, h, is_wanted),
    ),
    "store.job_lists.last_changes": finds(lambda s, h: last_changes(s, [JobId(UUID(h.names.job))])),
    "store.jobs.latest_job": finds(lambda s, h: latest_job(s, h.document.id)),
    "store.jobs.release_job": changes(
        lambda s, h: release_job(s, JobId(UUID(h.names.job)), now=NOW)
    ),
    "store.jobs.set_progress": changes(lambda s, h: _if_running(s, h, _progressed)),
    "store.jobs.start_job": changes(
        lambda s, h: start_job(s, JobId(UUID(h.names.job)), is_alone=False, now=NOW)
    ),
    "index.lexical.lexical_indexes.LexicalIndexes.view": finds(_found_words),
    "store.model_calls.insert_model_call": adds(lambda s, _: insert_model_call(s, CALL)),
    "store.retention.prune_answer_events": changes(
        lambda s, _: prune_answer_events(s, before=AFTER_THE_SECRET_EXPIRED, limit=100)
    ),
    "store.retention.prune_answers": changes(
        lambda s, _: prune_answers(s, before=AFTER_THE_SECRET_EXPIRED, limit=100)
    ),
    "store.retention.prune_audiences": nothing(
        lambda s, _: prune_audiences(s, limit=100), "only deletes what no vector is read by"
    ),
    "store.retention.prune_model_calls": nothing(
        lambda s, _: prune_model_calls(s, before=AFTER_THE_SECRET_EXPIRED, limit=100),
        "the database keeps the calls of the last 30 days",
    ),
    "store.retention.prune_requests": changes(
        lambda s, _: prune_requests(s, before=AFTER_THE_SECRET_EXPIRED, limit=100)
    ),
    "store.changes.change_readers": changes(
        lambda s, h: change_readers(s, h.document, ["tenant:*"], now=NOW)
    ),
    "store.changes.narrow_readers": changes(
        lambda s, h: narrow_readers(s, h.document, ["user:nobody"], now=NOW)
    ),
    "store.document_writes.set_filename": changes(
        lambda s, h: set_filename(s, h.document.id, "x.md", now=NOW)
    ),
    "store.document_writes.set_waiting_principals": changes(
        lambda s, h: set_waiting_principals(s, h.document.id, ["tenant:*"])
    ),
    "store.jobs.find_job": finds(lambda s, h: find_job(s, JobId(UUID(h.names.job)))),
    "store.source_items.confirm_held_items": changes(
        lambda s, h: confirm_held_items(s, h.source.id, now=NOW)
    ),
    "store.source_items.documents_uploaded_as": finds(
        lambda s, h: documents_uploaded_as(s, h.owner, [h.names.external_id])
    ),
    "store.source_items.forget_description": changes(
        lambda s, h: forget_description(s, h.document.id)
    ),
    "store.source_items.forget_items": changes(
        lambda s, h: forget_items(s, h.source.id, [h.names.filename])
    ),
    "store.source_items.known_items": finds_for_managers(lambda s, h: known_items(s, h.source.id)),
    "store.source_items.prune_deleted_items": changes(
        lambda s, h: prune_deleted_items(s, h.source.id, before=AFTER_THE_SECRET_EXPIRED)
    ),
    "store.source_items.set_item_states": changes(
        lambda s, h: set_item_states(s, h.source.id, [h.names.filename], "confirmed", now=NOW)
    ),
    "store.source_items.store_items": changes(
        lambda s, h: store_items(
            s, h.source.id, [Item(path=h.names.filename, id=new_uuid())], now=NOW
        )
    ),
    "store.source_runs.begin_source_run": changes(
        lambda s, h: begin_source_run(s, h.source.name, RUN, now=NOW)
    ),
    "store.source_runs.end_source_run": changes(lambda s, h: _run(s, h, end_source_run)),
    "store.source_runs.enqueue_due_sync": changes(
        lambda s, h: enqueue_due_sync(
            s, h.source.name, due=AFTER_THE_SECRET_EXPIRED, owner="somebody"
        )
    ),
    "store.source_runs.enqueue_removal": adds(
        lambda s, h: enqueue_removal(s, h.source.name, owner="somebody")
    ),
    "store.source_runs.enqueue_sync": changes(
        lambda s, h: enqueue_sync(s, h.source.name, owner="somebody", priority="bulk")
    ),
    "store.source_runs.hold_source_run": changes(lambda s, h: _run(s, h, hold_source_run)),
    "store.source_runs.keep_source_run": changes(
        lambda s, h: _run(s, h, partial(keep_source_run, now=NOW))
    ),
    "store.source_runs.note_rule_file": changes(lambda s, h: note_rule_file(s, h.source.id)),
    "store.source_runs.set_held": changes(
        lambda s, h: set_held(s, h.source.id, {"name": "x", "listed": 0, "known": 1, "reason": "x"})
    ),
    "store.sources.change_source": changes(
        lambda s, h: change_source(s, h.source.name, h.source.settings, is_operators=True, now=NOW)
    ),
    "store.sources.create_source": adds(
        lambda s, _: create_source(s, "another", ELSEWHERE, is_operators=False, now=NOW)
    ),
    "store.sources.delete_source": changes(lambda s, h: delete_source(s, h.source.id)),
    "store.sources.get_source": finds_for_managers(lambda s, h: get_source(s, h.source.name)),
    "store.sources.list_sources": finds_for_managers(_secret_source),
    "store.sources.lock_source": nothing(
        lambda s, h: lock_source(s, h.source.name), "makes others wait"
    ),
    "store.retention.prune_webhook_deliveries": changes(
        lambda s, _: prune_webhook_deliveries(s, before=AFTER_THE_SECRET_EXPIRED, limit=100)
    ),
    "store.webhook_deliveries.add_test_delivery": changes(
        lambda s, h: add_test_delivery(s, h.webhook.id, now=AFTER_THE_SECRET_EXPIRED)
    ),
    "store.webhook_deliveries.give_back": changes(
        lambda s, h: give_back(s, h.webhook.id, now=AFTER_THE_SECRET_EXPIRED)
    ),
    "store.webhook_deliveries.list_deliveries": finds(
        lambda s, h: _whole(s, lambda w: list_deliveries(w, h.webhook.id, before=None, limit=9)),
        tenant_wide=FOR_ADMINS,
    ),
    "store.webhook_deliveries.record_attempt": changes(
        lambda s, h: record_attempt(s, h.delivery, ATTEMPT, status="failed", due_at=NOW)
    ),
    "store.webhook_deliveries.record_health": changes(
        lambda s, h: record_health(s, h.webhook.id, failures=1, due_at=NOW, now=NOW)
    ),
    "store.webhook_deliveries.retry_delivery": changes(
        lambda s, h: retry_delivery(s, h.webhook.id, h.delivery.id, now=AFTER_THE_SECRET_EXPIRED)
    ),
    "store.webhook_deliveries.take_next": changes(
        lambda s, h: take_next(s, h.webhook.id, lasting=timedelta(minutes=1), now=NOW)
    ),
    "store.webhook_events.emit": adds(
        lambda s, _: emit(s, Event(type="document.deleted", data={}), now=NOW)
    ),
    "store.webhooks.change_webhook": changes(
        lambda s, h: change_webhook(s, h.webhook.id, now=NOW, url="https://other.example")
    ),
    "store.webhooks.create_webhook": adds(
        lambda s, _: create_webhook(s, url="https://x", events=[], secret=new_secret(), now=NOW)
    ),
    "store.webhooks.delete_webhook": changes(lambda s, h: delete_webhook(s, h.webhook.id)),
    "store.webhooks.disable_webhook": changes(
        lambda s, h: disable_webhook(s, h.webhook.id, "gone", now=NOW)
    ),
    "store.webhooks.enable_webhook": changes(
        lambda s, h: enable_webhook(s, h.webhook.id, now=AFTER_THE_SECRET_EXPIRED)
    ),
    "store.webhooks.get_webhook": finds(
        lambda s, h: _whole(s, lambda w: get_webhook(w, h.webhook.id)), tenant_wide=FOR_ADMINS
    ),
    "store.webhooks.list_webhooks": finds(
        lambda s, _: _whole(s, lambda w: list_webhooks(w, after=None, limit=9)),
        tenant_wide=FOR_ADMINS,
    ),
    "store.webhooks.rotate_secret": changes(
        lambda s, h: rotate_secret(
            s, h.webhook.id, new_secret(), overlap=timedelta(days=1), now=NOW
        )
    ),
    "store.space_backfill.count_missing": finds(lambda s, h: count_missing(s, h.space)),
    "store.space_backfill.count_rows": nothing(
        lambda s, h: count_rows(s, h.space), "counts the vectors that the scope may see"
    ),
    "store.space_backfill.enqueue_backfill": adds(lambda s, h: enqueue_backfill(s, h.space)),
    "store.space_backfill.insert_missing": changes(
        lambda s, h: insert_missing(s, h.space, [h.missing], h.question[None, :])
    ),
    "store.space_backfill.sample_chunks": finds(_sampled),
    "store.space_backfill.missing_chunks": finds(
        lambda s, h: missing_chunks(s, h.space, after=0, limit=10)
    ),
    "store.spaces.find_space": nothing(
        lambda s, h: find_space(s, h.space.name), "spaces are the service's"
    ),
    "store.spaces.hold_spaces": nothing(lambda s, _: hold_spaces(s), "spaces are the service's"),
    "store.spaces.stored_spaces": nothing(
        lambda s, _: stored_spaces(s), "spaces are the service's"
    ),
    "store.spaces.all_spaces": nothing(lambda s, _: all_spaces(s), "spaces are the service's"),
    "store.spaces.current_space": nothing(
        lambda s, _: current_space(s), "spaces are the service's"
    ),
    "store.stored_files.lock_file": nothing(
        lambda s, h: lock_file(s, h.document.content.sha256), "makes others wait"
    ),
    "store.stored_files.named_files": finds(_named),
    "store.stored_files.needed_files": finds(
        lambda s, h: needed_files(s, [h.document.content.sha256])
    ),
    "store.tenants.advance_generation": changes(
        lambda s, h: advance_generation(s, h.document.id, readers=h.document.fields.principals)
    ),
    "store.tenants.advance_generations": changes(
        lambda s, h: advance_generations(s, [(h.document.id, h.document.fields.principals)])
    ),
    "store.tenants.change_at": finds(
        _change_of,
        tenant_wide="tells whether an index is of this tenant's history; shown to nobody",
    ),
    "index.reached.is_known": finds(
        _whether_known,
        tenant_wide="tells whether an index is of this tenant's history; shown to nobody",
    ),
    "index.reached.changes_after": finds(
        _whether_next,
        tenant_wide="tells which ids an index is to read anew; shown to nobody",
    ),
    "index.follower.Follower.changed_documents": finds(
        _whether_followed,
        tenant_wide="tells which ids an index must not be asked about; shown to nobody",
    ),
    "index.follower.Copies.apply": nothing(
        lambda _, __: no_query(), "a Protocol: its implementations have cases of their own"
    ),
    "index.lexical.lexical_indexes.LexicalIndexes.apply": nothing(
        lambda _, __: no_query(),
        "writes the index's files, for a whole tenant; searches in them have cases of their own",
    ),
    "index.sketches.sketch_cache.SketchCache.apply": nothing(
        lambda _, __: no_query(),
        "fills memory, for a whole tenant; views of it have cases of their own",
    ),
    "store.tenants.changed_documents": finds(
        _whether_changed,
        tenant_wide="tells which ids the index must not be asked about; shown to nobody",
    ),
    "store.tenants.current_generation": nothing(
        lambda s, _: current_generation(s), "a tenant's generation names its state inside"
    ),
    "store.tenants.read_generations": finds(
        _whether_changed_last,
        tenant_wide="tells which change was the last one of the tenant; shown to nobody",
    ),
    "index.recall.check_recall": finds(_checked_recall),
    "index.recall.sample_recall": finds(_missed),
    "index.candidate_vectors.read_candidate_vectors": finds(_candidate_vectors),
    "index.candidate_vectors.read_nearest": finds(_nearest_of_documents),
    "index.sketches.sketch_cache.SketchCache.view": finds(_viewed),
    "index.sketches.searching.search_sketches": finds(_searched),
    "index.sketches.reading.read_sketches": finds(_sketches),
    "index.sketches.reading.visible_audiences": nothing(
        lambda s, _: visible_audiences(s), "the number of a set of readers names nobody"
    ),
    "index.vector_search.count_visible": finds(lambda s, h: count_visible(s, h.space, h.filter)),
    "store.vectors.delete_vectors": changes(lambda s, h: delete_vectors(s, h.document.id)),
    "index.vector_search.exact_query": finds(lambda s, h: _rows(s, h, "exact")),
    "store.vectors.find_vectors": finds(lambda s, h: find_vectors(s, h.space, [h.embedded_sha256])),
    "index.vector_search.hnsw_query": finds(lambda s, h: _rows(s, h, "hnsw")),
    "store.vectors.insert_vectors": adds(
        lambda s, h: insert_vectors(
            s,
            h.space,
            [
                NewVectors(
                    document=h.unembedded,
                    chunk_ids=[h.unembedded_chunk],
                    sha256s=["1" * 64],
                    embeddings=h.question[None, :],
                )
            ],
        )
    ),
    "index.vector_search.search_exactly": finds(
        lambda s, h: search_exactly(s, h.space, h.question, h.filter, limit=10)
    ),
    "index.vector_search.search_vectors": finds(_nearest),
    "index.vector_search.signs_query": finds(lambda s, h: _rows(s, h, "signs")),
    "store.vectors.set_vector_principals": changes(
        lambda s, h: set_vector_principals(s, h.document.id, ["tenant:*"])
    ),
    "store.drift.delete_vectors_of": changes(
        lambda s, h: delete_vectors_of(s, h.space, [h.chunk_id])
    ),
    "store.drift.documents_of_files": finds(
        lambda s, h: documents_of_files(s, [h.document.content.sha256], limit=10)
    ),
    "store.drift.lost_jobs": nothing(
        lambda s, _: lost_jobs(s, limit=10), "every unfinished job is in the queue"
    ),
    "store.drift.miscounted_documents": finds(lambda s, _: miscounted_documents(s, limit=10)),
    "store.drift.unread_documents": nothing(
        lambda s, _: unread_documents(s, limit=10), "every upload that waits has its job"
    ),
    "store.drift.vectors_without_chunks": nothing(
        lambda s, h: vectors_without_chunks(s, h.space, limit=10),
        "a foreign key keeps every vector's chunk",
    ),
    "store.failure_names.name_failures": finds(_named_failure),
    "store.mending.delete_orphans": nothing(
        lambda s, _: delete_orphans(s, limit=10),
        "nothing outlives its document here; tests/ingest/test_repair.py plants what does",
    ),
    "store.mending.restore_readers": changes(lambda s, h: restore_readers(s, h.document.id)),
    "store.reindex_runs.add_embedded": changes(
        lambda s, h: add_embedded(s, JobId(UUID(h.names.job)), Embedded(chunks=9, tokens=99))
    ),
    "store.outdated.outdated_documents": finds(_outdated),
    "store.reindex_runs.begin_run": adds(lambda s, _: _begun_run(s)),
    "store.reindex_runs.end_run": adds(lambda s, _: _with_run(s, _run_ended)),
    "store.reindex_runs.end_step": adds(
        lambda s, _: _with_run(s, lambda scope, run_id: end_step(scope, run_id, "x", EMPTY))
    ),
    "store.reindex_runs.get_run": adds(lambda s, _: _with_run(s, get_run)),
    "store.reindex_runs.link_jobs": changes(
        lambda s, h: link_jobs(s, JobId(new_uuid()), [JobId(UUID(h.names.job))])
    ),
    "store.reindex_runs.link_uploads": nothing(
        lambda s, h: link_uploads(s, JobId(new_uuid()), owners=[h.owner]),
        "of a run that there is not, nothing is later",
    ),
    "store.reindex_runs.list_runs": nothing(
        lambda s, _: list_runs(s, limit=10), "readers have no right to them; nobody has begun one"
    ),
    "store.reindex_runs.start_run": adds(
        lambda s, _: _with_run(s, lambda scope, run_id: start_run(scope, run_id, now=NOW))
    ),
    "store.reindex_runs.total_jobs": nothing(
        lambda s, _: total_jobs(s, JobId(new_uuid())), "the run has no jobs"
    ),
    "store.stale.Chosen.parameters": nothing(
        lambda _, __: no_query(), "values of a query, which has a case of its own"
    ),
    "store.stale.count_documents": finds(_counted),
    "store.stale.stale_documents": finds(
        lambda s, h: stale_documents(
            s, Chosen(document_ids=[h.document.id]), at=AFTER_THE_SECRET_EXPIRED, limit=10
        )
    ),
    "store.versions.get_version": finds(lambda s, h: get_version(s, h.document.id, 1)),
    "store.versions.insert_versions": adds(
        lambda s, h: insert_versions(
            s,
            [
                NewVersion(
                    document=h.unread,
                    content="x",
                    parser="x",
                    parser_version="1",
                    chunker_version="1",
                )
            ],
        )
    ),
    "store.versions.list_versions": finds(
        lambda s, h: list_versions(s, h.document.id, after=0, limit=10)
    ),
    "store.versions.read_content": finds(lambda s, h: read_content(s, h.document.id, 1)),
    "store.versions.read_slice": finds(lambda s, h: read_slice(s, h.document.id, 1, 0, 4)),
}
"""By module and name, as in the package `kb`."""
