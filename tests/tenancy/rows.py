"""Many rows at once, written by SQL in the role that ingestion has."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from kb.ids import CollectionId, DocumentId, TenantId
from kb.postgres.connecting import conninfo
from kb.store.spaces import Space, vectors_table


@dataclass(frozen=True, kw_only=True)
class BulkRows:
    """What was stored; row i of `vectors` belongs to `chunk_ids[i]` and `document_of[i]`.

    Documents have the metadata `{"number": their index}`, and are in one of two collections in
    turn. Every document is readable by whoever reads one of its chunks.
    """

    tenant_id: TenantId
    vectors: NDArray[np.float32]
    principals: Sequence[Sequence[str]]
    chunk_ids: NDArray[np.int64]
    document_of: NDArray[np.int64]
    document_ids: Sequence[DocumentId]
    collection_ids: Sequence[CollectionId]


def insert_rows(
    database_url: str,
    space: Space,
    vectors: NDArray[np.float32],
    principals: Sequence[Sequence[str]],
    *,
    document_count: int,
) -> BulkRows:
    """A new tenant with one chunk and one vector for each row, dealt out to the documents."""
    document_of = np.arange(len(vectors)) % document_count
    with psycopg.connect(conninfo(database_url)) as connection:
        _stage(connection, space, vectors, principals, document_of)
        tenant_id = TenantId(uuid4())
        connection.execute("SET LOCAL ROLE footnote_system")
        connection.execute(
            "INSERT INTO tenants (id, name) VALUES (%s, %s)", [tenant_id, str(tenant_id)]
        )
        connection.execute("SET LOCAL ROLE footnote_writer")
        connection.execute("SELECT set_config('footnote.tenant_id', %s, true)", [str(tenant_id)])
        collection_ids = _insert_collections(connection, tenant_id)
        readers = sorted({name for row in principals for name in row})
        document_ids = [
            _insert_document(connection, tenant_id, collection_ids[index % 2], index, readers)
            for index in range(document_count)
        ]
        chunk_ids = _insert_chunks(connection, tenant_id, space, document_ids)
        connection.execute("RESET ROLE")
        connection.execute("DROP TABLE seed")
    return BulkRows(
        tenant_id=tenant_id,
        vectors=vectors,
        principals=principals,
        chunk_ids=np.array(chunk_ids),
        document_of=document_of,
        document_ids=document_ids,
        collection_ids=collection_ids,
    )


def _stage(
    connection: psycopg.Connection,
    space: Space,
    vectors: NDArray[np.float32],
    principals: Sequence[Sequence[str]],
    document_of: NDArray[np.int64],
) -> None:
    # Rows are copied into a table of no tenant: COPY does not work under row security.
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE seed (n int, document int, principals text[], embedding halfvec({}))"
        ).format(sql.Literal(space.dimension))
    )
    connection.execute("GRANT SELECT ON seed TO footnote_writer")
    with connection.cursor().copy("COPY seed FROM STDIN") as copy:
        for n, (vector, readers) in enumerate(zip(vectors, principals, strict=True)):
            embedding = HalfVector(vector).to_text()
            copy.write_row((n, int(document_of[n]), list(readers), embedding))


def _insert_collections(connection: psycopg.Connection, tenant_id: UUID) -> list[CollectionId]:
    ids = [CollectionId(uuid4()), CollectionId(uuid4())]
    for index, collection_id in enumerate(ids):
        connection.execute(
            "INSERT INTO collections (tenant_id, id, name) VALUES (%s, %s, %s)",
            [tenant_id, collection_id, f"collection {index}"],
        )
    return ids


def _insert_document(
    connection: psycopg.Connection,
    tenant_id: UUID,
    collection_id: UUID,
    index: int,
    principals: list[str],
) -> DocumentId:
    document_id = DocumentId(uuid4())
    connection.execute(
        """
        INSERT INTO documents (tenant_id, id, collection_id, owner, media_type, metadata,
            principals, status, version, content_sha256, size_bytes)
        VALUES (%s, %s, %s, 'importer', 'text/plain', jsonb_build_object('number', %s::int),
            %s, 'ready', 1, 'x', 1)
        """,
        [tenant_id, document_id, collection_id, index, principals],
    )
    connection.execute(
        """
        INSERT INTO document_versions (tenant_id, document_id, version, content, content_sha256,
            size_bytes, media_type, parser, parser_version)
        VALUES (%s, %s, 1, 'x', 'x', 1, 'text/plain', 'x', '1')
        """,
        [tenant_id, document_id],
    )
    return document_id


def _insert_chunks(
    connection: psycopg.Connection, tenant_id: UUID, space: Space, document_ids: list[DocumentId]
) -> list[int]:
    """The ids in the order of the rows."""
    connection.execute(
        """
        INSERT INTO chunks (tenant_id, document_id, collection_id, version, ordinal, text, context,
            location, principals)
        SELECT %(tenant_id)s, documents.id, documents.collection_id, 1, seed.n, 'x', '', '{}',
            seed.principals
        FROM seed JOIN documents ON documents.id = (%(documents)s::uuid[])[seed.document + 1]
        """,
        {"tenant_id": tenant_id, "documents": document_ids},
    )
    connection.execute(
        sql.SQL(
            """
            INSERT INTO {} (tenant_id, chunk_id, document_id, collection_id, principals,
                embedded_sha256, embedding)
            SELECT tenant_id, chunks.id, document_id, collection_id, chunks.principals,
                ordinal::text, embedding
            FROM chunks JOIN seed ON seed.n = chunks.ordinal
            """
        ).format(sql.Identifier(vectors_table(space).name))
    )
    rows = connection.execute("SELECT id FROM chunks ORDER BY ordinal").fetchall()
    return [int(row[0]) for row in rows]
