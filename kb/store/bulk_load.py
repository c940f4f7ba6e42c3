"""Fills an empty database with rows that were made elsewhere, for benchmarks at scale.

Ingestion embeds a few hundred chunks a second; a million made-up ones are copied in minutes. The
login has to be a superuser, as that of the embedded server is: COPY does not work under row
security. Nothing of this is reachable from a request.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import sql

from kb.passages import Location
from kb.postgres.connecting import conninfo
from kb.store.spaces import Space, vectors_table

BUILD_MEMORY = "3GB"
"""A graph of a million vectors fits; one that does not takes many times as long."""


NOWHERE = json.dumps(
    Location(section=[], page=None, slide=None, sheet=None, row=None, char_start=0, char_end=1)
)
"""The location of a made-up chunk."""


@dataclass(frozen=True, kw_only=True)
class BulkDocument:
    """A document, ready."""

    tenant_id: UUID
    id: UUID
    collection_id: UUID
    principals: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class BulkChunk:
    """A chunk and its vector (d,) float32; `id` and `ordinal` are the caller's to keep apart."""

    id: int
    ordinal: int
    document: BulkDocument
    text: str
    vector: NDArray[np.float32]


@dataclass(kw_only=True)
class BulkLoad:
    """An open load; the numbers are known when it is closed."""

    connection: psycopg.Connection
    space: Space
    index_seconds: float = 0.0
    bytes_by_relation: dict[str, int] = field(default_factory=dict)
    """Of the space's table and of each of its indexes."""

    def add_tenant(self, tenant_id: UUID, name: str, collection_ids: Sequence[UUID]) -> None:
        """An empty tenant with its collections."""
        self.connection.execute(
            "INSERT INTO tenants (id, name, generation) VALUES (%s, %s, 1)", [tenant_id, name]
        )
        for number, collection_id in enumerate(collection_ids):
            self.connection.execute(
                "INSERT INTO collections (tenant_id, id, name) VALUES (%s, %s, %s)",
                [tenant_id, collection_id, f"collection {number}"],
            )

    def add_documents(self, documents: Iterable[BulkDocument]) -> None:
        """Documents of one tenant with one version each, before their chunks."""
        documents = list(documents)
        # The lexical index looks for the change that made the tenant's generation.
        self.connection.execute(
            "INSERT INTO index_changes (tenant_id, generation, document_id) VALUES (%s, 1, %s)",
            [documents[0].tenant_id, documents[0].id],
        )
        columns = (
            "tenant_id, id, collection_id, owner, media_type, principals, status, version,"
            " content_sha256, size_bytes"
        )
        with self.connection.cursor().copy(f"COPY documents ({columns}) FROM STDIN") as copy:
            for document in documents:
                copy.write_row(
                    (
                        *(document.tenant_id, document.id, document.collection_id),
                        *("bulk", "text/plain", list(document.principals), "ready", 1, "x", 1),
                    )
                )
        columns = (
            "tenant_id, document_id, version, content, content_sha256, size_bytes, media_type,"
            " parser, parser_version"
        )
        with self.connection.cursor().copy(
            f"COPY document_versions ({columns}) FROM STDIN"
        ) as copy:
            for document in documents:
                copy.write_row(
                    (document.tenant_id, document.id, 1, "x", "x", 1, "text/plain", "bulk", "1")
                )

    def add_chunks(self, chunks: Iterable[BulkChunk]) -> None:
        """Chunks and their vectors."""
        chunks = list(chunks)
        columns = (
            "tenant_id, id, document_id, collection_id, version, ordinal, text, context, location,"
            " principals"
        )
        with self.connection.cursor().copy(f"COPY chunks ({columns}) FROM STDIN") as copy:
            for chunk in chunks:
                of = chunk.document
                copy.write_row(
                    (
                        *(of.tenant_id, chunk.id, of.id, of.collection_id, 1, chunk.ordinal),
                        *(chunk.text, "", NOWHERE, list(of.principals)),
                    )
                )
        table = sql.Identifier(vectors_table(self.space).name)
        statement = sql.SQL(
            "COPY {} (tenant_id, chunk_id, document_id, collection_id, principals,"
            " embedded_sha256, embedding) FROM STDIN WITH (FORMAT binary)"
        ).format(table)
        with self.connection.cursor().copy(statement) as copy:
            copy.set_types(["uuid", "int8", "uuid", "uuid", "text[]", "text", "halfvec"])
            for chunk in chunks:
                of = chunk.document
                copy.write_row(
                    (
                        *(of.tenant_id, chunk.id, of.id, of.collection_id, list(of.principals)),
                        *(str(chunk.id), HalfVector(chunk.vector)),
                    )
                )


@contextmanager
def bulk_load(database_url: str, space: Space) -> Iterator[BulkLoad]:
    """Builds the HNSW index, and the statistics that plans are made with, at the end."""
    with psycopg.connect(conninfo(database_url), autocommit=True) as connection:
        register_vector(connection)
        index = f"{vectors_table(space).name}_hnsw"
        found = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = %s", [index]
        ).fetchone()
        if found is None:
            raise ValueError(f"{space.name!r} has no table with an HNSW index.")
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
        load = BulkLoad(connection=connection, space=space)
        yield load
        connection.execute("VACUUM ANALYZE")
        connection.execute(f"SET maintenance_work_mem = '{BUILD_MEMORY}'")
        started = perf_counter()
        connection.execute(str(found[0]).encode())
        load.index_seconds = perf_counter() - started
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('chunks', 'id'), (SELECT max(id) FROM chunks))"
        )
        sizes = connection.execute(
            "SELECT relname, pg_table_size(oid) FROM pg_class"
            " WHERE starts_with(relname, %s) ORDER BY relname",
            [vectors_table(space).name],
        ).fetchall()
        load.bytes_by_relation = {str(name): int(size) for name, size in sizes}
