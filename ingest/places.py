"""Places to read and split documents in, handed out by class; one of them is for light ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting:
    rank: tuple[int, int]
    is_light: bool
    granted: "asyncio.Future[None]"


class Places:
    """So many places for any document, and one more that only a light one gets.

    The higher class comes first, and within it whoever came first.
    """

    def __init__(self, for_any: int) -> None:
        """All free."""
        self._free: int = for_any + 1
        self._free_for_any: int = for_any
        """So many documents that are not light may get one."""
        self._waiting: list[_Waiting] = []
        self._numbers: Final = count()

    @asynccontextmanager
    async def hold(self, *, priority: int, is_light: bool) -> AsyncIterator[None]:
        """A place for the block."""
        waiting = _Waiting(
            rank=(-priority, next(self._numbers)),
            is_light=is_light,
            granted=asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(waiting)
        self._hand_out()
        try:
            await waiting.granted
            yield
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            else:
                self._count(waiting, 1)
            self._hand_out()

    def _hand_out(self) -> None:
        for waiting in sorted(self._waiting, key=lambda each: each.rank):
            has_place = self._free and (waiting.is_light or self._free_for_any)
            if has_place and not waiting.granted.done():
                self._count(waiting, -1)
                self._waiting.remove(waiting)
                waiting.granted.set_result(None)

    def _count(self, holder: _Waiting, freed: int) -> None:
        self._free += freed
        if not holder.is_light:
            self._free_for_any += freed
