"""Working together: whoever comes meanwhile goes along, and nobody pays for another's fault."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from ingest.together import MAX_TOGETHER, Together
from kb.errors import TransactionConflict


@dataclass(kw_only=True)
class Workshop:
    """Notes what is worked on together, and holds the work up until the gate is open."""

    together: Together = field(default_factory=Together)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    groups: list[list[str]] = field(default_factory=list)
    """Of each piece of work."""

    async def work(self, items: Sequence[str], *, may_wait: bool) -> list[str]:
        """Capital letters; ValueError for 'bad', and for 'held' unless it may wait."""
        self.groups.append(list(items))
        await self.gate.wait()
        if "bad" in items or ("held" in items and not may_wait):
            raise ValueError
        return [item.upper() for item in items]

    async def begin(self, *items: str, key: str = "one") -> list["asyncio.Task[str]"]:
        """All of them wait, or are worked on."""
        tasks = [asyncio.create_task(self.together.submit(key, item, self.work)) for item in items]
        # Each begins, and comes to where it waits.
        await asyncio.sleep(0)
        return tasks


async def test_who_comes_alone_waits_for_nobody() -> None:
    shop = Workshop()

    first, *_ = await shop.begin("a")
    second, *_ = await shop.begin("b", key="other")

    assert shop.groups == [["a"], ["b"]]
    shop.gate.set()
    assert (await first, await second) == ("A", "B")


async def test_who_comes_meanwhile_goes_along_with_the_next() -> None:
    shop = Workshop()
    tasks = await shop.begin("a", "b", "c")

    shop.gate.set()

    assert await asyncio.gather(*tasks) == ["A", "B", "C"]
    assert shop.groups == [["a"], ["b", "c"]]


async def test_a_group_has_its_bound() -> None:
    shop = Workshop()
    tasks = await shop.begin("first", *(["x"] * (MAX_TOGETHER + 1)))

    shop.gate.set()

    assert await asyncio.gather(*tasks) == ["FIRST"] + ["X"] * (MAX_TOGETHER + 1)
    assert [len(each) for each in shop.groups] == [1, MAX_TOGETHER, 1]


async def test_only_what_is_to_blame_fails() -> None:
    shop = Workshop()
    tasks = await shop.begin("first", "a", "bad", "b")

    shop.gate.set()

    first, a, bad, b = await asyncio.gather(*tasks, return_exceptions=True)
    assert (first, a, b) == ("FIRST", "A", "B")
    assert isinstance(bad, ValueError)
    assert shop.groups == [["first"], ["a", "bad", "b"], ["a"], ["bad"], ["b"]]


async def test_what_somebody_else_holds_is_waited_for_beside_the_others() -> None:
    shop = Workshop()
    shop.gate.set()

    held, *_ = await shop.begin("held", "a")

    assert await held == "HELD"
    assert shop.groups[0] == ["held"]
    assert ["held"] in shop.groups[1:]


@pytest.mark.usefixtures("every_level_is_logged")
@pytest.mark.parametrize(
    ("error", "level"), [(ValueError, "warning"), (TransactionConflict, "info")]
)
async def test_why_a_group_fell_apart_is_told(error: type[Exception], level: str) -> None:
    async def work(items: Sequence[str], *, may_wait: bool) -> Sequence[str]:
        if not may_wait:
            raise error
        return items

    with capture_logs() as logs:
        await Together().submit("key", "item", work)

    assert logs == [
        {"event": "together.split", "log_level": level, "error": error.__name__, "size": 1}
    ]


async def test_the_next_one_works_when_the_first_is_cancelled() -> None:
    shop = Workshop()
    first, second, third = await shop.begin("a", "b", "c")

    first.cancel()
    third.cancel()
    shop.gate.set()

    assert await second == "B"
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(asyncio.CancelledError):
        await third
    assert shop.groups[0] == ["a"]
    assert shop.groups[1][0] == "b"
