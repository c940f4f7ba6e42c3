"""Documents that an older parser or chunker has read than this release would read them with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from kb.ids import CollectionId, DocumentId, JobId
from kb.postgres.database import TenantSession

# What failed with the reader of today fails again: the job that says so keeps it from being tried
# every night. A newer upload, waiting or failed, is its uploader's and is not disturbed.
_OUTDATED: Final = text(
    """
    SELECT document.id, today.reader
    FROM documents AS document
    JOIN document_versions AS version
        ON version.tenant_id = document.tenant_id AND version.document_id = document.id
        AND version.version = document.version
    JOIN unnest(CAST(:media_types AS text[]), CAST(:readers AS text[]))
        AS today(media_type, reader) ON today.media_type = version.media_type
    WHERE document.tenant_id = :tenant_id
        AND document.upload = document.version
        AND (CAST(:after AS uuid) IS NULL OR document.id > :after)
        AND (CAST(:collection_id AS uuid) IS NULL OR document.collection_id = :collection_id)
        AND (CAST(:document_ids AS uuid[]) IS NULL OR document.id = ANY (:document_ids))
        AND (
            CAST(:is_everything AS boolean)
            OR today.reader
                != version.parser || ' ' || version.parser_version || ' ' || version.chunker_version
        )
        AND NOT EXISTS (
            SELECT FROM jobs
            WHERE jobs.tenant_id = :tenant_id AND jobs.document_id = document.id
                AND (
                    jobs.run_id = :run_id
                    OR jobs.upload = document.upload AND jobs.status IN ('queued', 'running')
                    OR NOT :is_everything AND jobs.kind = 'reread' AND jobs.status = 'failed'
                        AND jobs.upload = document.upload
                        AND jobs.arguments ->> 'reader' = today.reader
                        AND jobs.error ->> 'retryable' = 'false'
                )
        )
    ORDER BY document.id
    LIMIT :limit
    """
)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The parser and chunker that would read a media type today."""

    media_type: str
    parser: str
    parser_version: str
    chunker_version: str

    @property
    def name(self) -> str:
        """All of it in one string, by which a version's reader is compared with it."""
        return f"{self.parser} {self.parser_version} {self.chunker_version}"


@dataclass(frozen=True, kw_only=True)
class Outdated:
    """A document to read again, and the name of the reader that will."""

    document_id: DocumentId
    reader: str


@dataclass(frozen=True, kw_only=True)
class Among:
    """The documents to look among; None: any. `run_id` is the run that has not queued them yet."""

    run_id: JobId
    collection_id: CollectionId | None = None
    document_ids: Sequence[DocumentId] | None = None
    is_everything: bool = False
    """True: also those that the readers of today have read."""


async def outdated_documents(
    scope: TenantSession,
    readers: Sequence[Reader],
    among: Among,
    *,
    after: DocumentId | None,
    limit: int,
) -> list[Outdated]:
    """Served documents to read again, by id. Needs a whole-tenant scope."""
    parameters = {
        "tenant_id": scope.tenant_id,
        "media_types": [reader.media_type for reader in readers],
        "readers": [reader.name for reader in readers],
        "run_id": among.run_id,
        "collection_id": among.collection_id,
        "document_ids": None if among.document_ids is None else list(among.document_ids),
        "is_everything": among.is_everything,
        "after": after,
        "limit": limit,
    }
    rows = await scope.connection.execute(_OUTDATED, parameters)
    return [Outdated(document_id=DocumentId(row.id), reader=row.reader) for row in rows]
