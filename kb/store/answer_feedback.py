"""Feedback on answers: what a caller thought of one, replaced by what it thinks later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from kb.errors import AnswerNotFound
from kb.ids import AnswerId
from kb.postgres.database import TenantSession
from kb.store.tables import answer_feedback, answers

MAX_SHOWN: Final = 100
"""Entries of one answer's record; hundreds may have read it."""


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """The rating of an answer, -1 or 1, and the reason in a code and in words."""

    rating: int
    reason_code: str | None
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """An opinion as it is stored: when there was the first one, and when this one came."""

    opinion: Opinion
    created_at: datetime
    updated_at: datetime


async def store_feedback(
    scope: TenantSession,
    answer_id: AnswerId,
    opinion: Opinion,
    *,
    author: str,
    principals: Sequence[str],
    now: datetime,
) -> Feedback:
    """The stored feedback, in the place of what its author said of the answer before.

    AnswerNotFound when the answer was deleted meanwhile. Needs a whole-tenant scope; whether the
    author may read the answer is for the caller to check.
    """
    locked = (
        select(answers.c.id)
        .where(answers.c.tenant_id == scope.tenant_id, answers.c.id == answer_id)
        .with_for_update(key_share=True, read=True)
    )
    if (await scope.connection.execute(locked)).one_or_none() is None:
        raise AnswerNotFound
    said = {
        "rating": opinion.rating,
        "reason_code": opinion.reason_code,
        "comment": opinion.comment,
        "principals": list(principals),
        "updated_at": now,
    }
    stored = await scope.connection.execute(
        insert(answer_feedback)
        .values(
            tenant_id=scope.tenant_id, answer_id=answer_id, author=author, created_at=now, **said
        )
        .on_conflict_do_update(constraint=answer_feedback.primary_key, set_=said)
        .returning(answer_feedback.c.created_at)
    )
    return Feedback(opinion=opinion, created_at=stored.scalar_one(), updated_at=now)


async def list_feedback(
    scope: TenantSession, answer_id: AnswerId, *, author: str | None = None
) -> list[Feedback]:
    """The feedback on an answer that the viewer may see, the newest first; None: of all authors.

    At most MAX_SHOWN.
    """
    table = answer_feedback.c
    query = (
        select(table.rating, table.reason_code, table.comment, table.created_at, table.updated_at)
        .where(table.tenant_id == scope.tenant_id, table.answer_id == answer_id)
        .order_by(table.updated_at.desc(), table.author)
        .limit(MAX_SHOWN)
    )
    if author is not None:
        query = query.where(table.author == author)
    return [
        Feedback(
            opinion=Opinion(rating=row.rating, reason_code=row.reason_code, comment=row.comment),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in await scope.connection.execute(query)
    ]
