"""What is not listed any more: deleted, or held until somebody confirms it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from ingest.sources.report import Tally
from ingest.sources.run import SourceRun
from kb.errors import DocumentNotFound
from kb.postgres.database import TenantSession
from kb.store.changes import delete_document
from kb.store.source_items import (
    Item,
    KnownItem,
    forget_items,
    prune_deleted_items,
    set_item_states,
    store_items,
)
from kb.store.source_runs import set_held
from kb.store.sources import HeldSource
from kb.store.stored_files import discard_file

TOMBSTONES_KEPT_FOR: Final = timedelta(days=30)
"""Long enough to see what the last runs have deleted; the audit trail keeps it for ever."""


async def delete_vanished(
    run: SourceRun,
    known: Mapping[str, KnownItem],
    missing: Mapping[str, KnownItem],
    *,
    listed: int,
    tally: Tally,
) -> HeldSource | None:
    """The deletions that are held now; all others of what is missing are done.

    What was confirmed goes. What was held stays so until it is confirmed or back. Everything is
    held when the source lists nothing, or has lost more than its share.
    """
    items = _with_documents(missing)
    await _forget(run, missing.keys() - {item.path for item in items})
    confirmed = [item for item in items if item.state == "confirmed"]
    others = [item for item in items if item.state != "confirmed"]
    known_count = len(_with_documents(known)) - len(confirmed)
    reason = _reason_to_hold(
        len(others), known_count, listed, share=run.source.settings.max_vanish_share
    )
    held = [item for item in others if reason is not None or item.state == "held"]
    gone = [item for item in others if reason is None and item.state != "held"]
    held_source: HeldSource | None = None
    if held:
        held_source = HeldSource(
            name=run.source.name,
            listed=listed,
            known=known_count,
            reason=reason or "These deletions wait for a confirmation since an earlier run.",
        )

    async def hold(scope: TenantSession) -> None:
        now = run.tools.clock()
        newly_held = [item.path for item in held if item.state != "held"]
        await set_item_states(scope, run.source.id, newly_held, "held", now=now)
        await set_held(scope, run.source.id, held_source)
        await prune_deleted_items(scope, run.source.id, before=now - TOMBSTONES_KEPT_FOR)

    await run.transaction(hold)
    tally.count(held=len(held))
    for item in [*confirmed, *gone]:
        await delete_item(run, item)
        tally.count(deleted=1)
    return held_source


async def delete_item(run: SourceRun, item: Item) -> None:
    """Deletes the item's document; the item stays as its tombstone."""

    async def transaction(scope: TenantSession) -> Sequence[str]:
        sha256s: Sequence[str] = ()
        if item.document_id is not None:
            try:
                receipt = await delete_document(
                    scope, item.document_id, actor=run.actor, now=run.tools.clock()
                )
                sha256s = receipt.sha256s
            except DocumentNotFound:
                # Somebody has deleted it already.
                pass
        # Nothing of what the file said is kept.
        tombstone = Item(path=item.path, id=item.id, state="deleted", document_id=item.document_id)
        await store_items(scope, run.source.id, [tombstone], now=run.tools.clock())
        return sha256s

    for sha256 in await run.transaction(transaction):
        await discard_file(run.tools.database, run.tools.files, run.tenant_id, sha256)


def _reason_to_hold(missing: int, known: int, listed: int, *, share: float) -> str | None:
    if not missing:
        return None
    if not listed:
        return f"The source lists nothing, where {known} files were known."
    if missing > share * known:
        return f"{missing} of {known} files are gone, which is more than {share:.0%}."
    return None


def _with_documents(known: Mapping[str, KnownItem]) -> list[Item]:
    """The items whose document is there: what somebody has deleted already is no loss."""
    return [each.item for each in known.values() if each.document is not None]


async def _forget(run: SourceRun, paths: Iterable[str]) -> None:
    forgotten = sorted(paths)
    if forgotten:
        await run.transaction(lambda scope: forget_items(scope, run.source.id, forgotten))
