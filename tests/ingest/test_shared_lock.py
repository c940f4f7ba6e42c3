"""Jobs side by side, and one alone."""

import asyncio

from ingest.room import Room


async def inside(room: Room, name: str, *, is_alone: bool, log: list[str]) -> None:
    async with room.enter(is_alone=is_alone):
        log.append(f"{name} in")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log.append(f"{name} out")


async def test_who_is_alone_waits_for_the_others_and_lets_nobody_in() -> None:
    room, log = Room(), list[str]()

    await asyncio.gather(
        inside(room, "a", is_alone=False, log=log),
        inside(room, "b", is_alone=False, log=log),
        inside(room, "suspect", is_alone=True, log=log),
        inside(room, "c", is_alone=False, log=log),
    )

    assert log == [
        *("a in", "b in", "a out", "b out"),
        *("suspect in", "suspect out"),
        *("c in", "c out"),
    ]


async def test_one_that_fails_or_is_cancelled_leaves_the_room() -> None:
    room, log = Room(), list[str]()

    async def stay(*, is_alone: bool) -> None:
        async with room.enter(is_alone=is_alone):
            await asyncio.Event().wait()

    for is_alone in (False, True):
        staying = asyncio.create_task(stay(is_alone=is_alone))
        waiting = asyncio.create_task(stay(is_alone=True))
        await asyncio.sleep(0)
        waiting.cancel()
        staying.cancel()
        await asyncio.gather(staying, waiting, return_exceptions=True)
    await inside(room, "suspect", is_alone=True, log=log)

    assert log == ["suspect in", "suspect out"]
