"""What the documents that a re-index failed on are called, as long as they exist.

A report keeps their ids alone: it stays when they are deleted.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import func, select

from kb.postgres.database import TenantSession
from kb.store.reindex_runs import Failure, ReindexRun
from kb.store.tables import documents


async def name_failures(scope: TenantSession, runs: Sequence[ReindexRun]) -> list[ReindexRun]:
    """The runs; a failed document's `item` is its source URI, external id, title or file name."""
    ids = {
        UUID(failure["document_id"])
        for run in runs
        for failure in run.report["failures"]
        if failure["document_id"] is not None
    }
    name = func.coalesce(
        documents.c.source_uri, documents.c.external_id, documents.c.title, documents.c.filename
    )
    query = select(documents.c.id, name.label("name")).where(
        documents.c.tenant_id == scope.tenant_id, documents.c.id.in_(ids)
    )
    found = await scope.connection.execute(query) if ids else ()
    name_by_id = {str(row.id): row.name for row in found}

    def named(failure: Failure) -> Failure:
        item = failure["item"] or name_by_id.get(failure["document_id"] or "")
        return {**failure, "item": item}

    return [
        replace(
            run, report={**run.report, "failures": [named(each) for each in run.report["failures"]]}
        )
        for run in runs
    ]
