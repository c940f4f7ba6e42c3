"""Runs of the re-index as callers see them."""

from app.http.reindex.schemas import HeldSource, ReindexFailure, ReindexRun, StaleDocument
from kb.store import reindex_runs


def run_out(run: reindex_runs.ReindexRun) -> ReindexRun:
    """The run as callers see it; why it failed as a whole is the last of its failures."""
    report = run.report
    failures = [ReindexFailure.model_validate(each) for each in report["failures"]]
    if run.error is not None:
        code, message = run.error["code"], run.error["message"]
        failures.append(ReindexFailure(document_id=None, item=None, code=code, message=message))
    seconds = None
    if run.started_at is not None and run.finished_at is not None:
        seconds = max((run.finished_at - run.started_at).total_seconds(), 0)
    return ReindexRun(
        id=run.id,
        trigger=run.trigger,
        started_at=run.started_at,
        finished_at=run.finished_at,
        status=run.status,
        seen=report["seen"],
        unchanged=report["unchanged"],
        new=report["new"],
        changed=report["changed"],
        renamed=report["renamed"],
        deleted=report["deleted"],
        held=report["held"],
        failed=report["failed"] + (run.error is not None),
        reparsed=report["reparsed"],
        expired=report["expired"],
        stale=[StaleDocument.model_validate(each) for each in report["stale"]],
        repaired=report["repaired"],
        embedded_chunks=report["embedded_chunks"],
        embedded_tokens=report["embedded_tokens"],
        seconds=seconds,
        failures=failures,
        held_sources=[HeldSource.model_validate(each) for each in report["held_sources"]],
    )
