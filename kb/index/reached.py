"""The state of a tenant that a copy of its chunks holds, and the changes since."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from kb.postgres.database import TenantSession
from kb.store.tenants import Change, change_at, changed_documents, current_generation

UNKNOWN_HISTORY: Final = 0
"""The history of a copy whose maker did not say; no change of a tenant has it."""

MAX_GENERATIONS_AT_ONCE: Final = 10_000
"""Bounds the ids of changed documents in memory. A later change counts as not yet taken up."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A generation, and which change it was: a restored database counts its generations again.

    Generation 0 means empty: build the copy. `history` comes from `history_of`.
    """

    generation: int
    history: int


NOTHING: Final = Reached(generation=0, history=UNKNOWN_HISTORY)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes that take a copy from `since` to `target`.

    `changed` are the documents that changed in between, None: the copy is built anew. `is_last` is
    false when `target` is not yet the tenant's generation.
    """

    since: Reached | None
    target: Reached
    changed: Sequence[UUID] | None
    is_last: bool


def history_of(change: Change | None) -> int:
    """A number below 2**64 that names the change; UNKNOWN_HISTORY without one."""
    if change is None:
        return UNKNOWN_HISTORY
    digest = sha256(f"{change.transaction} {change.document_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


async def is_known(scope: TenantSession, reached: Reached) -> bool:
    """True when the tenant's history has what the copy has reached: it only lacks what came later.

    False for an empty copy, and for one of a database that was restored from a backup since.
    """
    change = await change_at(scope, reached.generation)
    return change is not None and history_of(change) == reached.history


async def changes_after(scope: TenantSession, since: Reached | None) -> Changes | None:
    """The next changes for a copy, None when it lacks none; `since` None: there is no copy.

    `scope` is a snapshot: what is read in it later belongs to the target.
    """
    generation = await current_generation(scope)
    until, changed = generation, None
    if since is not None:
        if since.generation == generation == 0:
            return None
        if await is_known(scope, since):
            if since.generation == generation:
                return None
            until = min(generation, since.generation + MAX_GENERATIONS_AT_ONCE)
            changed = await changed_documents(scope, since=since.generation, until=until)
    target = Reached(generation=until, history=history_of(await change_at(scope, until)))
    return Changes(since=since, target=target, changed=changed, is_last=until == generation)
