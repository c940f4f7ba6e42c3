"""A tenant's budget for language models, day by day: reserved before a call, settled after it.

`reserved_microdollars` of a day is always the sum of its reservations, and what is spent and
reserved together never exceeds the limit of the reservation that was granted last, as long as no
call costs more than was reserved for it. Both functions lock the day before anything else, so that
they queue and cannot deadlock.

Webhooks are told once of each day and threshold: when what is spent, what is reserved and what a
call asks for come to that share of the limit. Only reserving raises their sum; a call that outlived
its reservation is counted by the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from kb.ids import new_uuid
from kb.postgres.database import TenantSession
from kb.store.webhook_events import Event, EventValue, emit
from kb.telemetry import MICRODOLLARS

# A reservation whose process died is given back here, in the statement that needs the room. The
# sum of what expired is a subquery of the update, so that it is deleted under the day's lock.
_RESERVE = text(
    """
    WITH expired AS (
        DELETE FROM budget_reservations
        WHERE tenant_id = :tenant_id AND day = :day AND expires_at <= :now
        RETURNING microdollars
    ),
    today AS (
        INSERT INTO budget_days AS budget
            (tenant_id, day, spent_microdollars, reserved_microdollars, granted)
        VALUES (
            :tenant_id, :day, 0,
            CASE WHEN CAST(:microdollars AS bigint) <= CAST(:limit AS bigint)
                 THEN CAST(:microdollars AS bigint) ELSE 0 END,
            CASE WHEN CAST(:microdollars AS bigint) <= CAST(:limit AS bigint)
                 THEN CAST(:id AS uuid) END
        )
        ON CONFLICT ON CONSTRAINT budget_days_pkey DO UPDATE SET
            (reserved_microdollars, granted) = (
                SELECT kept.microdollars + CASE WHEN room.is_enough THEN :microdollars ELSE 0 END,
                       CASE WHEN room.is_enough THEN CAST(:id AS uuid) ELSE budget.granted END
                FROM (
                    SELECT budget.reserved_microdollars
                           - (SELECT coalesce(sum(microdollars), 0) FROM expired) AS microdollars
                ) AS kept,
                LATERAL (
                    SELECT budget.spent_microdollars + kept.microdollars + :microdollars
                           <= CAST(:limit AS bigint) AS is_enough
                ) AS room
            )
        RETURNING spent_microdollars AS spent, reserved_microdollars AS reserved, threshold_told,
                  granted IS NOT DISTINCT FROM CAST(:id AS uuid) AS is_granted
    ),
    reservation AS (
        INSERT INTO budget_reservations (tenant_id, id, day, microdollars, expires_at)
        SELECT :tenant_id, CAST(:id AS uuid), :day, :microdollars, :expires_at
        FROM today WHERE is_granted
    )
    SELECT spent, reserved, threshold_told, is_granted FROM today
    """
)

_TOLD = text(
    """
    UPDATE budget_days SET threshold_told = :threshold
    WHERE tenant_id = :tenant_id AND day = :day
    """
)

# A call that outlived its reservation finds none to give back; what it cost counts all the same.
_SETTLE = text(
    """
    WITH returned AS (
        DELETE FROM budget_reservations
        WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid)
        RETURNING microdollars
    )
    INSERT INTO budget_days AS budget
        (tenant_id, day, spent_microdollars, reserved_microdollars)
    VALUES (:tenant_id, :day, :microdollars, 0)
    ON CONFLICT ON CONSTRAINT budget_days_pkey DO UPDATE SET
        spent_microdollars = budget.spent_microdollars + :microdollars,
        reserved_microdollars = budget.reserved_microdollars
            - (SELECT coalesce(sum(microdollars), 0) FROM returned)
    """
)


THRESHOLDS: Final = (80, 100)
"""Percent of the day's limit: time to raise it, and nothing left for the next call."""


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Money set aside for one call; `day` is the UTC day that it counts for."""

    id: UUID
    day: date


def nothing_reserved(now: datetime) -> Reservation:
    """A reservation of nothing, to settle a call without a budget by."""
    return Reservation(id=new_uuid(), day=now.astimezone(UTC).date())


async def reserve(
    scope: TenantSession,
    *,
    microdollars: int,
    limit: int,
    lasting: timedelta,
    now: datetime,
) -> Reservation | None:
    """Money for one call, None when it would take the day's spending above `limit`.

    What is not settled within `lasting` is given back.
    """
    reservation = nothing_reserved(now)
    result = await scope.connection.execute(
        _RESERVE,
        {
            "tenant_id": scope.tenant_id,
            "id": reservation.id,
            "day": reservation.day,
            "microdollars": microdollars,
            "limit": limit,
            "now": now,
            "expires_at": now + lasting,
        },
    )
    today = result.one()
    wanted = today.spent + today.reserved + (0 if today.is_granted else microdollars)
    reached = [
        threshold
        for threshold in THRESHOLDS
        if threshold > today.threshold_told and wanted * 100 >= threshold * limit
    ]
    if reached:
        amounts = _Amounts(spent=today.spent, reserved=today.reserved, limit=limit)
        await _tell(scope, reservation.day, reached, amounts, now=now)
    return reservation if today.is_granted else None


async def settle(scope: TenantSession, reservation: Reservation, *, microdollars: int) -> None:
    """Gives the reservation back and counts what the call did cost."""
    await scope.connection.execute(
        _SETTLE,
        {
            "tenant_id": scope.tenant_id,
            "id": reservation.id,
            "day": reservation.day,
            "microdollars": microdollars,
        },
    )


@dataclass(frozen=True, kw_only=True)
class _Amounts:
    """A day's money in micro-dollars."""

    spent: int
    reserved: int
    limit: int


async def _tell(
    scope: TenantSession, day: date, thresholds: Sequence[int], amounts: _Amounts, *, now: datetime
) -> None:
    """Has webhooks told of thresholds that the day reached; the caller has locked the day."""
    await scope.connection.execute(
        _TOLD, {"tenant_id": scope.tenant_id, "day": day, "threshold": thresholds[-1]}
    )
    money: dict[str, EventValue] = {
        "spent_usd": amounts.spent / MICRODOLLARS,
        "reserved_usd": amounts.reserved / MICRODOLLARS,
        "limit_usd": amounts.limit / MICRODOLLARS,
    }
    events = [
        Event(
            type="budget.threshold",
            data={"day": day.isoformat(), "threshold": threshold, **money},
        )
        for threshold in thresholds
    ]
    await emit(scope, *events, now=now)
