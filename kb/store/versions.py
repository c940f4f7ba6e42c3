"""Versions: what was read from an upload, never changed afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select

from kb.errors import VersionNotFound
from kb.ids import DocumentId
from kb.postgres.database import TenantSession
from kb.store.documents import Document
from kb.store.tables import document_versions

# RETURNING makes one statement of all rows; without it each row is sent as one of its own.
_INSERT = insert(document_versions).returning(document_versions.c.document_id)


@dataclass(frozen=True, kw_only=True)
class Version:
    """The text read from one upload, described; never changed afterwards."""

    version: int
    content_sha256: str
    size_bytes: int
    media_type: str
    parser: str
    parser_version: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewVersion:
    """What was read from the document's newest upload."""

    document: Document
    content: str
    parser: str
    parser_version: str
    chunker_version: str


async def insert_versions(scope: TenantSession, versions: Sequence[NewVersion]) -> None:
    """Stores them. Needs a whole-tenant scope."""
    rows = [
        {
            "tenant_id": scope.tenant_id,
            "document_id": each.document.id,
            "version": each.document.upload,
            "content": each.content,
            "content_sha256": each.document.content.sha256,
            "size_bytes": each.document.content.size_bytes,
            "media_type": each.document.content.media_type,
            "parser": each.parser,
            "parser_version": each.parser_version,
            "chunker_version": each.chunker_version,
        }
        for each in versions
    ]
    await scope.connection.execute(_INSERT, rows)


async def list_versions(
    scope: TenantSession, document_id: DocumentId, *, after: int, limit: int
) -> list[Version]:
    """The document's versions after the given one, oldest first."""
    table = document_versions.c
    query = (
        select(
            table.version,
            table.content_sha256,
            table.size_bytes,
            table.media_type,
            table.parser,
            table.parser_version,
            table.created_at,
        )
        .where(table.tenant_id == scope.tenant_id, table.document_id == document_id)
        .where(table.version > after)
        .order_by(table.version)
        .limit(limit)
    )
    return [Version(**row._mapping) for row in await scope.connection.execute(query)]


async def get_version(scope: TenantSession, document_id: DocumentId, version: int) -> Version:
    """The version; VersionNotFound when there is none."""
    found = await list_versions(scope, document_id, after=version - 1, limit=1)
    if not found or found[0].version != version:
        raise VersionNotFound
    return found[0]


async def read_content(scope: TenantSession, document_id: DocumentId, version: int) -> str:
    """The normalised text of a version; VersionNotFound when there is none."""
    query = select(document_versions.c.content).where(
        document_versions.c.tenant_id == scope.tenant_id,
        document_versions.c.document_id == document_id,
        document_versions.c.version == version,
    )
    content = (await scope.connection.execute(query)).scalar_one_or_none()
    if content is None:
        raise VersionNotFound
    return str(content)


async def read_slice(
    scope: TenantSession, document_id: UUID, version: int, char_start: int, char_end: int
) -> str:
    """`content[char_start:char_end]` of a version; VersionNotFound when there is none."""
    content = document_versions.c.content
    query = select(func.substr(content, char_start + 1, max(char_end - char_start, 0))).where(
        document_versions.c.tenant_id == scope.tenant_id,
        document_versions.c.document_id == document_id,
        document_versions.c.version == version,
    )
    text = (await scope.connection.execute(query)).scalar_one_or_none()
    if text is None:
        raise VersionNotFound
    return str(text)
