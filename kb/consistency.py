"""Checks that what is stored of a tenant agrees with itself: rows, vectors, jobs, files, indexes.

Every document is findable exactly once when nothing is found here.
"""

import asyncio
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from kb.errors import IndexNotReady
from kb.files import FileStore
from kb.ids import TenantId
from kb.index.lexical.postings import Postings, open_postings
from kb.index.reached import is_known
from kb.index.sketches.sketch_files import SketchFiles, StoredSketches
from kb.postgres.database import Database, TenantSession
from kb.store.contradictions import FINDERS, chunk_ids, count_rows, find, vectors_with_other_readers
from kb.store.drift import (
    documents_of_files,
    lost_jobs,
    miscounted_documents,
    unread_documents,
    vectors_without_chunks,
)
from kb.store.space_backfill import missing_chunks
from kb.store.spaces import all_spaces, current_space
from kb.store.stored_files import missing_files, unneeded_files
from kb.store.tenants import changed_documents

LIMIT: Final = 10_000
"""Findings of one kind that are counted; beyond it the number does not matter any more."""

EXAMPLES: Final = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that should not be: how often it is there, and the ids of the first."""

    name: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TenantReport:
    """The findings in a tenant; `lexical` says what there was to compare postings with."""

    findings: tuple[Finding, ...]
    documents: int
    chunks: int
    lexical: str


@dataclass(frozen=True, kw_only=True)
class Checker:
    """Compares what is stored where. Files written after `settled_before` may soon be needed."""

    database: Database
    files: FileStore
    lexical_folder: Path
    sketches: SketchFiles
    settled_before: datetime

    async def check(self, tenant_id: TenantId) -> TenantReport:
        """The report on one tenant. Reads everything of it, and writes nothing."""
        # Before the rows, which are then as new or newer.
        path = self.lexical_folder / str(tenant_id)
        postings, damage = None, None
        try:
            postings = await asyncio.to_thread(open_postings, path)
        except IndexNotReady as error:
            damage = error.message
        sketched = await asyncio.to_thread(self.sketches.open, tenant_id)
        async with self.database.tenant(tenant_id, viewer=None, is_snapshot=True) as scope:
            findings = await _findings_in_rows(scope)
            if postings is None:
                lexical = damage or "none on this machine"
            elif await is_known(scope, postings.reached):
                lexical = f"at generation {postings.reached.generation}"
                findings |= await _findings_in_postings(scope, postings)
            else:
                lexical = "empty, or of another history: the next search builds it"
            if sketched is not None and await is_known(scope, sketched.reached):
                findings |= await _findings_in_sketches(scope, sketched)
            counts = await count_rows(scope)
        if damage is not None:
            findings["damaged_index"] = [str(tenant_id)]
        findings |= await self._findings_in_files(tenant_id)
        return TenantReport(
            findings=tuple(
                Finding(name=name, count=len(found), examples=tuple(found[:EXAMPLES]))
                for name, found in findings.items()
                if found
            ),
            documents=counts.documents,
            chunks=counts.chunks,
            lexical=lexical,
        )

    async def _findings_in_files(self, tenant_id: TenantId) -> dict[str, list[str]]:
        missing = await missing_files(self.database, self.files, tenant_id)
        async with self.database.tenant(tenant_id, viewer=None) as scope:
            without_bytes = await documents_of_files(scope, missing, limit=LIMIT)
        unneeded = [
            sha256
            for sha256 in await unneeded_files(self.database, self.files, tenant_id)
            if await self.files.is_older(tenant_id, sha256, self.settled_before)
        ]
        return {
            "documents_without_bytes": [str(each.document_id) for each in without_bytes],
            "files_without_document": unneeded,
            "half_written_files": await self.files.partial(tenant_id, before=self.settled_before),
        }


async def _findings_in_rows(scope: TenantSession) -> dict[str, list[str]]:
    """The ids of what is wrong, by its name."""
    findings = {name: await find(scope, name, limit=LIMIT) for name in FINDERS}
    findings["documents_with_other_chunks"] = [
        str(each) for each in await miscounted_documents(scope, limit=LIMIT)
    ]
    findings["uploads_without_job"] = [
        str(each) for each in await unread_documents(scope, limit=LIMIT)
    ]
    findings["jobs_without_place_in_queue"] = [
        str(each) for each in await lost_jobs(scope, limit=LIMIT)
    ]
    current = await current_space(scope)
    for space in await all_spaces(scope):
        orphans = await vectors_without_chunks(scope, space, limit=LIMIT)
        findings[f"vectors_without_chunk {space.name}"] = [str(each) for each in orphans]
        findings[f"vectors_with_other_readers {space.name}"] = await vectors_with_other_readers(
            scope, space, limit=LIMIT
        )
        if current is not None and space.name == current.name:
            # Another space may still be filled: `footnote space list` says how far it is.
            lacking = await missing_chunks(scope, space, after=0, limit=LIMIT)
            findings["chunks_without_vector"] = [str(each.id) for each in lacking]
    return findings


async def _findings_in_postings(scope: TenantSession, postings: Postings) -> dict[str, list[str]]:
    """Of the documents that have not changed since the index's generation."""
    changed = await changed_documents(scope, since=postings.reached.generation)
    behind = frozenset(str(document_id) for document_id in changed)
    count_by_chunk = await asyncio.to_thread(postings.count_by_chunk, without_documents=behind)
    stored = await chunk_ids(scope, without_documents=behind)
    return {
        "postings_without_chunk": _told(count_by_chunk.keys() - stored),
        "chunks_without_posting": _told(stored - count_by_chunk.keys()),
        "chunks_posted_twice": _told({key for key, count in count_by_chunk.items() if count > 1}),
    }


async def _findings_in_sketches(
    scope: TenantSession, stored: StoredSketches
) -> dict[str, list[str]]:
    """Of the documents that have not changed since, where the sketches are of the active space."""
    if stored.space != await current_space(scope):
        return {}
    changed = await changed_documents(scope, since=stored.reached.generation)
    sketched = await asyncio.to_thread(stored.chunk_ids, without_documents=changed)
    behind = frozenset(str(document_id) for document_id in changed)
    chunks = await chunk_ids(scope, without_documents=behind)
    lacking = await missing_chunks(scope, stored.space, after=0, limit=LIMIT)
    return {
        "sketches_without_chunk": _told(set(sketched) - chunks),
        "chunks_without_sketch": _told(chunks - set(sketched) - {each.id for each in lacking}),
        "chunks_sketched_twice": _told(
            {chunk for chunk, count in Counter(sketched).items() if count > 1}
        ),
    }


def _told(chunk_ids: AbstractSet[int]) -> list[str]:
    return [str(chunk_id) for chunk_id in sorted(chunk_ids)[:LIMIT]]
