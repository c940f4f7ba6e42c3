"""Every query on a tenant's rows: how to ask it for what is hidden."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kb.admissible import (
    has_limited_documents,
    inadmissible_documents,
    languages,
    matching_documents,
)
from kb.answers import AnswerRecord, insert_answer, read_answer
from kb.audit import Actor, record_event
from kb.changes import change_fields, delete_document, lock_document
from kb.chunks import (
    NewChunk,
    count_chunks,
    delete_chunks,
    indexable_chunks,
    insert_chunks,
    list_chunks,
    read_passages,
    set_chunk_principals,
)
from kb.database import TenantSession
from kb.documents import (
    Document,
    Listing,
    collection_ids,
    ensure_collection,
    find_by_external_id,
    get_document,
    insert_document,
    list_documents,
    lock_external_id,
    new_upload,
    set_published,
    set_status,
    update_fields,
)
from kb.idempotency import StoredResponse, claim_key, release_key, store_response
from kb.ids import AnswerId, ChunkId, CredentialId, JobId, new_uuid
from kb.jobs import (
    enqueue_ingest,
    finish_job,
    get_job,
    latest_job,
    set_progress,
    start_job,
)
from kb.lexical.follower import LexicalIndexes, LexicalQuery
from kb.passages import Location
from kb.spaces import Space, all_spaces, current_space
from kb.tenants import advance_generation, changed_documents, current_generation
from kb.vectors import (
    VectorFilter,
    count_vectors,
    count_visible,
    delete_vectors,
    exact_query,
    find_vectors,
    hnsw_query,
    insert_vectors,
    search_vectors,
    set_vector_principals,
)
from kb.versions import get_version, insert_version, list_versions, read_content
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
    unsplit: Document
    unembedded: Document
    unembedded_chunk: ChunkId
    request: StoredResponse
    space: Space
    question: NDArray[np.float32]
    lexical: LexicalIndexes

    @property
    def owner(self) -> str:
        """Who uploaded the documents, and sent `request` under REQUEST_KEY."""
        return self.document.owner

    @property
    def filter(self) -> VectorFilter:
        """What restricts a search to the document."""
        return VectorFilter(collection_ids=[self.document.collection_id])

    @property
    def parameters(self) -> Mapping[str, object]:
        """Those of the vector queries."""
        return {"question": self.question, "limit_rows": 10}


REQUEST_KEY, REQUEST_SHA256 = "nightly import", "0" * 64
ACTOR = Actor(name="somebody", principals=(), request_id=None)

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


def finds(
    call: Callable[[TenantSession, Hidden], Awaitable[object]], *, tenant_wide: str = ""
) -> QueryCase:
    return QueryCase(call=call, effect="finds", tenant_wide=tenant_wide)


def changes(call: Callable[[TenantSession, Hidden], Awaitable[object]]) -> QueryCase:
    return QueryCase(call=call, effect="changes")


def adds(
    call: Callable[[TenantSession, Hidden], Awaitable[object]], *, tenant_wide: str = ""
) -> QueryCase:
    return QueryCase(call=call, effect="adds", tenant_wide=tenant_wide)


def nothing(call: Callable[[TenantSession, Hidden], Awaitable[object]], reason: str) -> QueryCase:
    return QueryCase(call=call, effect="nothing", reason=reason)


def _record(scope: TenantSession, hidden: Hidden) -> AnswerRecord:
    return AnswerRecord(
        id=AnswerId(new_uuid()),
        credential_id=CredentialId(new_uuid()),
        principals=scope.eyes.principals if scope.eyes else (),
        request={},
        response={},
        status="answered",
        generation=1,
        created_at=NOW,
        cited_document_ids=frozenset({hidden.document.id}),
    )


async def _rows(scope: TenantSession, hidden: Hidden, *, is_exact: bool) -> list[object]:
    query = (exact_query if is_exact else hnsw_query)(scope, hidden.space, hidden.filter)
    return list(await scope.connection.execute(query, dict(hidden.parameters)))


async def _nearest(scope: TenantSession, hidden: Hidden) -> list[object]:
    hits, _ = await search_vectors(
        scope, hidden.space, hidden.question, hidden.filter, limit=10, visible_count=1
    )
    return list(hits)


async def _found_words(scope: TenantSession, hidden: Hidden) -> list[object]:
    query = LexicalQuery(
        terms=[hidden.names.word], limit=10, document_ids=None, excluded_document_ids=()
    )
    generation = await current_generation(scope)
    return list(await hidden.lexical.search(scope, query, generation=generation))


async def _whether_changed(scope: TenantSession, hidden: Hidden) -> list[object]:
    changed = await changed_documents(scope, since=0)
    return [document_id for document_id in changed if document_id == hidden.document.id]


QUERIES: Mapping[str, QueryCase] = {
    "admissible.has_limited_documents": finds(lambda s, _: has_limited_documents(s)),
    "admissible.inadmissible_documents": finds(
        lambda s, _: inadmissible_documents(s, now=AFTER_THE_SECRET_EXPIRED)
    ),
    "admissible.languages": finds(lambda s, _: languages(s)),
    "admissible.matching_documents": finds(
        lambda s, h: matching_documents(s, [h.document.collection_id], None)
    ),
    "answers.insert_answer": adds(lambda s, h: insert_answer(s, _record(s, h))),
    "answers.read_answer": finds(lambda s, h: read_answer(s, AnswerId(UUID(h.names.answer)))),
    "audit.record_event": adds(lambda s, _: record_event(s, ACTOR, "document.update", None)),
    "changes.change_fields": changes(
        lambda s, h: change_fields(
            s, h.document, replace(h.document.fields, principals=("tenant:*",)), now=NOW
        )
    ),
    "changes.delete_document": changes(
        lambda s, h: delete_document(s, h.document.id, actor=ACTOR, now=NOW)
    ),
    "changes.lock_document": nothing(
        lambda s, h: lock_document(s, h.document.id), "makes others wait"
    ),
    "chunks.count_chunks": finds(lambda s, h: count_chunks(s, [h.document.id], limit=10)),
    "chunks.delete_chunks": changes(lambda s, h: delete_chunks(s, h.document.id)),
    "chunks.indexable_chunks": finds(
        lambda s, h: indexable_chunks(s, [h.document.id], after=0, limit=10)
    ),
    "chunks.insert_chunks": adds(
        lambda s, h: insert_chunks(
            s, h.unsplit, [NewChunk(text="x", context="", location=LOCATION)]
        )
    ),
    "chunks.list_chunks": finds(lambda s, h: list_chunks(s, h.document.id, after=-1, limit=10)),
    "chunks.read_passages": finds(lambda s, h: read_passages(s, [h.chunk_id])),
    "chunks.set_chunk_principals": changes(
        lambda s, h: set_chunk_principals(s, h.document.id, ["tenant:*"])
    ),
    "documents.collection_ids": finds(
        lambda s, h: collection_ids(s, [h.names.collection]),
        tenant_wide="collections are the tenant's; their ids are shown to nobody",
    ),
    "documents.ensure_collection": adds(
        lambda s, _: ensure_collection(s, "a new one"),
    ),
    "documents.find_by_external_id": finds(
        lambda s, h: find_by_external_id(s, h.document.collection_id, h.names.external_id)
    ),
    "documents.get_document": finds(lambda s, h: get_document(s, h.document.id)),
    "documents.insert_document": adds(
        lambda s, h: insert_document(
            s, h.document.collection_id, h.document.fields, h.document.content, "somebody"
        )
    ),
    "documents.list_documents": finds(
        lambda s, h: list_documents(
            s, Listing(external_id=h.names.external_id), after=None, limit=10
        )
    ),
    "documents.lock_external_id": nothing(
        lambda s, h: lock_external_id(s, h.document.collection_id, h.names.external_id),
        "makes others of the same tenant wait",
    ),
    "documents.new_upload": changes(
        lambda s, h: new_upload(s, h.document.id, h.document.content, now=NOW)
    ),
    "documents.set_published": changes(
        lambda s, h: set_published(
            s, h.document, chunk_count=0, parsed_title=None, warnings=[], now=NOW
        )
    ),
    "documents.set_status": changes(
        lambda s, h: set_status(s, h.document.id, "failed", error=None, now=NOW)
    ),
    "documents.update_fields": changes(
        lambda s, h: update_fields(s, h.document.id, h.document.fields, now=NOW)
    ),
    "idempotency.claim_key": finds(
        lambda s, h: claim_key(s, owner=h.owner, key=REQUEST_KEY, request_sha256=REQUEST_SHA256)
    ),
    "idempotency.release_key": changes(lambda s, h: release_key(s, owner=h.owner, key=REQUEST_KEY)),
    "idempotency.store_response": changes(
        lambda s, h: store_response(
            s, owner=h.owner, key=REQUEST_KEY, response=StoredResponse(status_code=500, body={})
        )
    ),
    "jobs.enqueue_ingest": adds(lambda s, h: enqueue_ingest(s, h.document, "somebody")),
    "jobs.finish_job": changes(
        lambda s, h: finish_job(s, JobId(UUID(h.names.job)), "failed", error=None, now=NOW)
    ),
    "jobs.get_job": finds(lambda s, h: get_job(s, JobId(UUID(h.names.job)))),
    "jobs.latest_job": finds(lambda s, h: latest_job(s, h.document.id)),
    "jobs.set_progress": changes(
        lambda s, h: set_progress(s, JobId(UUID(h.names.job)), done=7, total=9, now=NOW)
    ),
    "jobs.start_job": changes(lambda s, h: start_job(s, JobId(UUID(h.names.job)), now=NOW)),
    "lexical.follower.LexicalIndexes.search": finds(_found_words),
    "spaces.all_spaces": nothing(lambda s, _: all_spaces(s), "spaces are the service's"),
    "spaces.current_space": nothing(lambda s, _: current_space(s), "spaces are the service's"),
    "tenants.advance_generation": changes(lambda s, h: advance_generation(s, h.document.id)),
    "tenants.changed_documents": finds(
        _whether_changed,
        tenant_wide="tells which ids the index must not be asked about; shown to nobody",
    ),
    "tenants.current_generation": nothing(
        lambda s, _: current_generation(s), "a tenant's generation is part of its responses"
    ),
    "vectors.count_vectors": finds(lambda s, h: count_vectors(s, h.document.id)),
    "vectors.count_visible": finds(lambda s, h: count_visible(s, h.space, h.filter)),
    "vectors.delete_vectors": changes(lambda s, h: delete_vectors(s, h.document.id)),
    "vectors.exact_query": finds(lambda s, h: _rows(s, h, is_exact=True)),
    "vectors.find_vectors": finds(lambda s, h: find_vectors(s, h.space, [h.embedded_sha256])),
    "vectors.hnsw_query": finds(lambda s, h: _rows(s, h, is_exact=False)),
    "vectors.insert_vectors": adds(
        lambda s, h: insert_vectors(
            s, h.space, h.unembedded, [h.unembedded_chunk], ["1" * 64], h.question[None, :]
        )
    ),
    "vectors.search_vectors": finds(_nearest),
    "vectors.set_vector_principals": changes(
        lambda s, h: set_vector_principals(s, h.document.id, ["tenant:*"])
    ),
    "versions.get_version": finds(lambda s, h: get_version(s, h.document.id, 1)),
    "versions.insert_version": adds(
        lambda s, h: insert_version(s, h.unread, content="x", parser="x", parser_version="1")
    ),
    "versions.list_versions": finds(
        lambda s, h: list_versions(s, h.document.id, after=0, limit=10)
    ),
    "versions.read_content": finds(lambda s, h: read_content(s, h.document.id, 1)),
}
"""By module and name, as in the package `kb`."""
