"""What several jobs want of the database at the same moment, in one transaction.

A small document costs its transactions more than its embedding. Many of them reach a step together,
since their texts are embedded in one call, and each would wait for the others' lock on the tenant.
"""

import asyncio
import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, cast

import structlog

from kb.errors import TransactionConflict

MAX_TOGETHER: Final = 16
"""As many as a worker has in hand unless it is told otherwise."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

log = structlog.get_logger(__name__)


class Work(Protocol[Item_contra, Result_co]):
    """Does the same for each of the items, for all of them or for none."""

    async def __call__(
        self, items: Sequence[Item_contra], *, may_wait: bool
    ) -> Sequence[Result_co]:
        """The results in order.

        Unless it `may_wait` it fails when somebody else holds what belongs to one item alone.
        """


@dataclass(kw_only=True, eq=False)
class _Waiting:
    item: object
    result: object = None
    is_done: bool = False
    has_failed: bool = False
    """Perhaps by the fault of another."""


@dataclass(kw_only=True, eq=False)
class _Line:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[_Waiting] = field(default_factory=list)
    """In the order of arrival."""


class Together:
    """Lets whoever comes while others work wait for them, and go on together with all who wait.

    Who comes alone waits for nobody. What fails is done again for each item by itself, beside all
    others, so that no job fails with another one or waits for its lock. When the caller who works
    for all is cancelled, the next one does it. Belongs to one event loop.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._lines: dict[Hashable, _Line] = {}

    async def submit(self, key: Hashable, item: Item, work: Work[Item, Result]) -> Result:
        """The work's result for this item, or what the work raises for this item alone.

        Items of one key may be worked on together, by the work that came with any of them.
        """
        line = self._lines.setdefault(key, _Line())
        mine = _Waiting(item=item)
        line.waiting.append(mine)
        try:
            async with line.turn:
                if not mine.is_done and not mine.has_failed:
                    others = [each for each in line.waiting if each is not mine]
                    await _work_on(mine, others, cast("Work[object, object]", work))
        finally:
            line.waiting.remove(mine)
            if not line.waiting:
                del self._lines[key]
        if mine.has_failed:
            (result,) = await work([item], may_wait=True)
            return result
        return cast("Result", mine.result)


async def _work_on(first: _Waiting, others: Sequence[_Waiting], work: Work[object, object]) -> None:
    """Works for the first, and for as many others as may come along."""
    waiting = [each for each in others if not each.is_done and not each.has_failed]
    group = [first, *waiting[: MAX_TOGETHER - 1]]
    try:
        results = await work([each.item for each in group], may_wait=False)
    except Exception as error:  # noqa: BLE001  # whoever it concerns meets it again by itself
        level = logging.INFO if isinstance(error, TransactionConflict) else logging.WARNING
        log.log(level, "together.split", error=type(error).__name__, size=len(group))
        for each in group:
            each.has_failed = True
        return
    for each, result in zip(group, results, strict=True):
        each.is_done, each.result = True, result
