"""Sources as those who manage them see them."""

from datetime import datetime

from app.http.sources.schemas import (
    HeldDeletions,
    ItemFailure,
    RunError,
    Source,
    SourceRule,
    SourceRun,
)
from kb.store import sources


def source_out(source: sources.Source) -> Source:
    """The source with its last run."""
    settings, held = source.settings, source.held
    return Source(
        id=source.id,
        name=source.name,
        uri=settings.uri,
        collection=settings.collection,
        principals=list(settings.principals),
        rules=[
            SourceRule(pattern=rule.pattern, principals=list(rule.principals))
            for rule in settings.rules
        ],
        include=list(settings.include),
        exclude=list(settings.exclude),
        cron=settings.cron,
        max_vanish_share=settings.max_vanish_share,
        added_by="operator" if source.is_operators else "tenant",
        held=HeldDeletions(listed=held["listed"], known=held["known"], reason=held["reason"])
        if held
        else None,
        last_run=_run_out(source.last_run) if source.last_run else None,
        created_at=source.created_at,
        updated_at=source.updated_at,
    )


def _run_out(run: sources.SourceRun) -> SourceRun:
    return SourceRun.model_validate(
        {
            **run["counts"],
            "finished_at": datetime.fromisoformat(run["finished_at"]),
            "status": run["status"],
            "failures": [ItemFailure(**failure) for failure in run["failures"]],
            "error": RunError(**run["error"]) if run["error"] else None,
        }
    )
