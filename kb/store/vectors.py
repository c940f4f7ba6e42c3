"""Rows of vectors, one table for each embedding space: written with their chunks, and re-used."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, Text, any_, bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from kb.ids import ChunkId, DocumentId
from kb.postgres.database import TenantSession
from kb.store.documents import Document
from kb.store.spaces import Space, all_spaces, vectors_table
from kb.unit_vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """The texts that were embedded, and the tokens of all of them."""

    chunks: int
    tokens: int


def text_sha256(embedded_text: str) -> str:
    """The key by which a text's vector is found again."""
    return hashlib.sha256(embedded_text.encode()).hexdigest()


async def find_vectors(
    scope: TenantSession, space: Space, sha256s: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """The tenant's stored vectors by the hash of their text. Needs a whole-tenant scope."""
    if not sha256s:
        return {}
    parameters = {"tenant_id": scope.tenant_id, "sha256s": list(sha256s)}
    return {
        row.embedded_sha256: np.asarray(row.embedding, dtype=np.float32)
        for row in await scope.connection.execute(_known(space), parameters)
    }


@lru_cache(maxsize=64)
def _known(space: Space) -> Select[tuple[str, object]]:
    """Built once: every document asks."""
    table = vectors_table(space)
    return (
        select(table.c.embedded_sha256, table.c.embedding)
        .ext(distinct_on(table.c.embedded_sha256))
        .where(
            table.c.tenant_id == bindparam("tenant_id"),
            table.c.embedded_sha256 == any_(bindparam("sha256s", type_=ARRAY(Text))),
        )
    )


@dataclass(frozen=True, kw_only=True)
class NewVectors:
    """A document's vectors (n, d), one for each of its chunks, with the hashes of their texts."""

    document: Document
    chunk_ids: Sequence[ChunkId]
    sha256s: Sequence[str]
    embeddings: Vectors


async def insert_vectors(scope: TenantSession, space: Space, new: Sequence[NewVectors]) -> None:
    """Stores the vectors. Needs a whole-tenant scope."""
    rows = [
        {
            "tenant_id": scope.tenant_id,
            "chunk_id": chunk_id,
            "document_id": each.document.id,
            "collection_id": each.document.collection_id,
            "principals": list(each.document.fields.principals),
            "embedded_sha256": sha256,
            "embedding": embedding,
        }
        for each in new
        for chunk_id, sha256, embedding in zip(
            each.chunk_ids, each.sha256s, each.embeddings, strict=True
        )
    ]
    if not rows:
        return
    # RETURNING makes one statement of them all; without it each row is sent as one of its own.
    await scope.connection.execute(
        insert(vectors_table(space)).returning(vectors_table(space).c.chunk_id), rows
    )


async def delete_vectors(scope: TenantSession, document_id: DocumentId) -> int:
    """The number of vectors deleted, over all spaces. Needs a whole-tenant scope."""
    total = 0
    for space in await all_spaces(scope):
        table = vectors_table(space)
        result = await scope.connection.execute(
            delete(table).where(
                table.c.tenant_id == scope.tenant_id, table.c.document_id == document_id
            )
        )
        total += int(result.rowcount)
    return total


async def set_vector_principals(
    scope: TenantSession, document_id: DocumentId, principals: Sequence[str]
) -> None:
    """Gives the document's vectors their document's readers. Needs a whole-tenant scope."""
    for space in await all_spaces(scope):
        table = vectors_table(space)
        await scope.connection.execute(
            update(table)
            .where(table.c.tenant_id == scope.tenant_id, table.c.document_id == document_id)
            .values(principals=list(principals))
        )
