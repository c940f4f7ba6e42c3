"""Chunks: the pieces of a document's served version that can be found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Row,
    Uuid,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kb.ids import ChunkId, DocumentId
from kb.passages import Location, Passage
from kb.postgres.database import TenantSession
from kb.store.documents import Document
from kb.store.tables import chunks, documents

# Built once: every search reads passages.
_SERVED = (
    select(
        chunks.c.id,
        chunks.c.text,
        chunks.c.location,
        chunks.c.version,
        chunks.c.language,
        documents.c.id.label("document_id"),
        documents.c.revision.label("document_revision"),
        documents.c.external_id,
        func.coalesce(documents.c.title, documents.c.parsed_title).label("title"),
        documents.c.served_filename.label("filename"),
        documents.c.source_uri,
        documents.c.served_sha256.label("content_sha256"),
        documents.c.updated_at,
        documents.c.effective_at,
    )
    .join(
        documents,
        and_(
            documents.c.tenant_id == chunks.c.tenant_id,
            documents.c.id == chunks.c.document_id,
            documents.c.version == chunks.c.version,
        ),
    )
    .where(chunks.c.tenant_id == bindparam("tenant_id"))
    .limit(bindparam("count", type_=BigInteger))
)
_PASSAGES = _SERVED.where(chunks.c.id == any_(bindparam("chunk_ids", type_=ARRAY(BigInteger))))
_OF_TABLE = _SERVED.where(
    chunks.c.document_id == bindparam("document_id", type_=Uuid),
    chunks.c.version == bindparam("version", type_=BigInteger),
    chunks.c.location["tables"].contains(bindparam("tables", type_=JSONB)),
).order_by(chunks.c.ordinal)
_anchor = chunks.alias("anchor")
_NEIGHBOURS = (
    _SERVED.join(
        _anchor,
        and_(
            _anchor.c.tenant_id == chunks.c.tenant_id,
            _anchor.c.document_id == chunks.c.document_id,
            _anchor.c.version == chunks.c.version,
            _anchor.c.location["section"] == chunks.c.location["section"],
        ),
    )
    .where(
        _anchor.c.id == bindparam("chunk_id", type_=BigInteger),
        func.abs(chunks.c.ordinal - _anchor.c.ordinal) <= bindparam("reach", type_=BigInteger),
    )
    .order_by(chunks.c.ordinal)
)

_INSERT = insert(chunks).returning(chunks.c.document_id, chunks.c.ordinal, chunks.c.id)

# Likewise: making it took a rebuild of the lexical index a tenth of its time.
_INDEXED = (
    select(
        chunks.c.id,
        chunks.c.document_id,
        chunks.c.principals,
        chunks.c.context,
        chunks.c.text,
        chunks.c.language,
    )
    .where(
        chunks.c.tenant_id == bindparam("tenant_id"),
        chunks.c.id > bindparam("after", type_=BigInteger),
    )
    .order_by(chunks.c.id)
    .limit(bindparam("count", type_=BigInteger))
)
_INDEXED_OF_DOCUMENTS = _INDEXED.where(
    chunks.c.document_id == any_(bindparam("document_ids", type_=ARRAY(Uuid)))
)


@dataclass(frozen=True, kw_only=True)
class NewChunk:
    """A chunk to store; `text` equals `content[char_start:char_end]` of the version.

    `context` (title and section) is embedded and indexed before the text, never shown as text.
    """

    text: str
    context: str
    location: Location

    @property
    def embedded_text(self) -> str:
        """The text as it is embedded and indexed."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, kw_only=True)
class StoredChunk:
    """A chunk as it is listed."""

    id: ChunkId
    ordinal: int
    version: int
    text: str
    location: Location


@dataclass(frozen=True, kw_only=True)
class IndexedChunk:
    """A chunk as the lexical index takes it: `text` is title, section path and chunk text, joined.

    `language` is a code such as 'en' or 'pt-BR'; None and unknown codes are read as English.
    """

    chunk_id: int
    document_id: UUID
    principals: tuple[str, ...]
    text: str
    language: str | None


async def insert_chunks(
    scope: TenantSession, new: Sequence[tuple[Document, Sequence[NewChunk]]]
) -> list[list[ChunkId]]:
    """The ids of each document's stored chunks, in order. Needs a whole-tenant scope."""
    rows = [
        {
            "tenant_id": scope.tenant_id,
            "document_id": document.id,
            "collection_id": document.collection_id,
            "version": document.upload,
            "ordinal": ordinal,
            "text": chunk.text,
            "context": chunk.context,
            "location": chunk.location,
            "principals": list(document.fields.principals),
            "language": document.language,
        }
        for document, new_chunks in new
        for ordinal, chunk in enumerate(new_chunks)
    ]
    ids: dict[UUID, list[ChunkId]] = {document.id: [] for document, _ in new}
    if rows:
        stored = (await scope.connection.execute(_INSERT, rows)).all()
        for row in sorted(stored, key=lambda row: row.ordinal):
            ids[row.document_id].append(ChunkId(row.id))
    return [ids[document.id] for document, _ in new]


async def delete_chunks(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of chunks deleted; their vectors are deleted by kb.store.vectors."""
    result = await scope.connection.execute(
        delete(chunks).where(
            chunks.c.tenant_id == scope.tenant_id, chunks.c.document_id == document_id
        )
    )
    return int(result.rowcount)


async def set_chunk_principals(
    scope: TenantSession, document_id: DocumentId, principals: Sequence[str]
) -> None:
    """Gives the document's chunks their document's readers."""
    await scope.connection.execute(
        update(chunks)
        .where(chunks.c.tenant_id == scope.tenant_id, chunks.c.document_id == document_id)
        .values(principals=list(principals))
    )


async def set_chunk_language(
    scope: TenantSession, document_id: DocumentId, language: str | None
) -> None:
    """Says in which language the index reads the document's chunks."""
    await scope.connection.execute(
        update(chunks)
        .where(chunks.c.tenant_id == scope.tenant_id, chunks.c.document_id == document_id)
        .values(language=language)
    )


async def list_chunks(
    scope: TenantSession, document_id: DocumentId, *, after: int, limit: int
) -> list[StoredChunk]:
    """The document's chunks after the given ordinal, in order."""
    table = chunks.c
    query = (
        select(table.id, table.ordinal, table.version, table.text, table.location)
        .where(table.tenant_id == scope.tenant_id, table.document_id == document_id)
        .where(table.ordinal > after)
        .order_by(table.ordinal)
        .limit(limit)
    )
    return [StoredChunk(**row._mapping) for row in await scope.connection.execute(query)]


async def count_chunks(
    scope: TenantSession, document_ids: Sequence[UUID] | None, *, limit: int
) -> int:
    """The number of chunks of these documents (None: all), counted up to the limit."""
    query = select(chunks.c.id).where(chunks.c.tenant_id == scope.tenant_id).limit(limit)
    if document_ids is not None:
        query = query.where(chunks.c.document_id.in_(document_ids))
    return len((await scope.connection.execute(query)).all())


async def indexed_chunks(
    scope: TenantSession, document_ids: Sequence[UUID] | None, *, after: int, limit: int
) -> list[IndexedChunk]:
    """Chunks of these documents (None: of all), in the order of their ids."""
    parameters: dict[str, object] = {"tenant_id": scope.tenant_id, "after": after, "count": limit}
    query = _INDEXED
    if document_ids is not None:
        query = _INDEXED_OF_DOCUMENTS
        parameters["document_ids"] = list(document_ids)
    return [
        IndexedChunk(
            chunk_id=chunk_id,
            document_id=document_id,
            principals=tuple(principals),
            text=f"{context}\n{text}",
            language=language,
        )
        for chunk_id, document_id, principals, context, text, language in (
            await scope.connection.execute(query, parameters)
        )
    ]


async def read_passages(scope: TenantSession, chunk_ids: Sequence[int]) -> dict[int, Passage]:
    """The visible ones of these chunks with their documents; scores are still zero.

    What an index found is shown only after this read, under row security.
    """
    if not chunk_ids:
        return {}
    parameters = {
        "tenant_id": scope.tenant_id,
        "chunk_ids": list(chunk_ids),
        "count": len(chunk_ids),
    }
    found = await scope.connection.execute(_PASSAGES, parameters)
    return {row.id: _passage(row) for row in found}


async def read_table_passages(
    scope: TenantSession, document_id: UUID, version: int, columns: Sequence[str], *, limit: int
) -> list[Passage]:
    """The visible chunks with rows of the version's tables that have these columns, in order.

    None once another version is served.
    """
    parameters = {
        "tenant_id": scope.tenant_id,
        "document_id": document_id,
        "version": version,
        "tables": [{"columns": list(columns)}],
        "count": limit,
    }
    return [_passage(row) for row in await scope.connection.execute(_OF_TABLE, parameters)]


async def read_neighbours(scope: TenantSession, chunk_id: int, *, reach: int) -> list[Passage]:
    """The visible chunks of the same section up to `reach` before and after, in order, with it."""
    parameters = {
        "tenant_id": scope.tenant_id,
        "chunk_id": chunk_id,
        "reach": reach,
        "count": 2 * reach + 1,
    }
    return [_passage(row) for row in await scope.connection.execute(_NEIGHBOURS, parameters)]


def _passage(row: Row[*tuple[Any, ...]]) -> Passage:
    return Passage(
        chunk_id=row.id,
        document_id=row.document_id,
        document_version=row.version,
        document_revision=row.document_revision,
        external_id=row.external_id,
        title=row.title,
        filename=row.filename,
        source_uri=row.source_uri,
        content_sha256=row.content_sha256,
        updated_at=row.updated_at,
        effective_at=row.effective_at,
        text=row.text,
        language=row.language,
        location=row.location,
        score=0.0,
        bm25=None,
        cosine=None,
    )
