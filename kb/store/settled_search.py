"""The last word on a search whose hits were chosen from memory.

One statement, in one round trip: Postgres checks the key, says which of the hits the viewer may
read now, and tells which state that is. What was chosen counts only when it is that of the memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql

from kb.ids import DocumentId, TenantId
from kb.passages import Passage
from kb.postgres.database import Database
from kb.store.credentials import KeyClaim
from kb.store.tenants import Change

_SETTLE: Final = sql.SQL(
    "SELECT * FROM footnote_settle_search(%s, %s, %s::text[], %s::text[], %s, %s, %s::text[],"
    " %s::bigint[], %s::int[], %s::timestamptz[])"
)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What Postgres says; nothing but `is_key_valid` when the key is not valid.

    `readable` are the chunks that the viewer may read, `passages` those of them which are not as
    was asked. `generation`, of the tenant's `change`, was read last; None: the
    tenant has gone.
    """

    is_key_valid: bool
    readable: frozenset[int] = frozenset()
    passages: Sequence[Passage] = ()
    generation: int | None = None
    change: Change | None = None
    space: str | None = None


async def settle_search(
    database: Database,
    tenant_id: TenantId,
    principals: tuple[str, ...],
    held: Mapping[int, Passage | None],
    *,
    key: KeyClaim | None,
    now: datetime,
) -> Settled:
    """The last word on the chunks, each as it is held, if it is.

    Without a key the caller is known already. A key's last use is noted.

    Raises:
        DatabaseUnavailable: And what else `Database.fetch_at_once` raises.
    """
    row = await database.fetch_at_once(
        _SETTLE,
        (
            None if key is None else key.prefix,
            None if key is None else key.sha256,
            None if key is None else _texts(key.scopes),
            None if key is None else _texts(key.principals),
            now,
            tenant_id,
            _texts(principals),
            _array(held),
            _array(None if each is None else each.document_revision for each in held.values()),
            _array(None if each is None else each.updated_at.isoformat() for each in held.values()),
        ),
    )
    is_key_valid, readable, passages, generation, transaction, changed, space = row
    if is_key_valid is False:
        return Settled(is_key_valid=False)
    return Settled(
        is_key_valid=True,
        readable=frozenset(readable or ()),
        passages=[_passage(each) for each in passages or ()],
        generation=generation,
        change=None
        if changed is None
        else Change(document_id=DocumentId(changed), transaction=transaction),
        space=space,
    )


# Arrays as Postgres writes them: a tenth of what it takes to adapt each of their elements.


def _texts(texts: tuple[str, ...]) -> str:
    quoted = (text.replace("\\", r"\\").replace('"', r"\"") for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def _array(values: Iterable[int | str | None]) -> str:
    """Of what needs no quotes."""
    return "{" + ",".join("NULL" if each is None else str(each) for each in values) + "}"


def _passage(held: dict[str, Any]) -> Passage:
    """As `kb.store.chunks.read_passages` reads it."""
    return Passage(
        chunk_id=held["id"],
        document_id=UUID(held["document_id"]),
        document_version=held["version"],
        document_revision=held["revision"],
        external_id=held["external_id"],
        title=held["title"],
        filename=held["filename"],
        source_uri=held["source_uri"],
        content_sha256=held["content_sha256"],
        updated_at=datetime.fromisoformat(held["updated_at"]),
        effective_at=held["effective_at"] and datetime.fromisoformat(held["effective_at"]),
        text=held["text"],
        language=held["language"],
        location=held["location"],
        score=0.0,
        bm25=None,
        cosine=None,
    )
