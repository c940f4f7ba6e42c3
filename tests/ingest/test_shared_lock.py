"""Jobs side by side, and one alone."""

import asyncio

from ingest.shared_lock import SharedLock


async def inside(lock: SharedLock, name: str, *, is_exclusive: bool, log: list[str]) -> None:
    async with lock.hold(is_exclusive=is_exclusive):
        log.append(f"{name} in")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log.append(f"{name} out")


async def test_an_exclusive_job_waits_for_the_others_and_runs_alone() -> None:
    lock, log = SharedLock(), list[str]()

    await asyncio.gather(
        inside(lock, "a", is_exclusive=False, log=log),
        inside(lock, "b", is_exclusive=False, log=log),
        inside(lock, "suspect", is_exclusive=True, log=log),
        inside(lock, "c", is_exclusive=False, log=log),
    )

    assert log == [
        *("a in", "b in", "a out", "b out"),
        *("suspect in", "suspect out"),
        *("c in", "c out"),
    ]


async def test_one_that_fails_or_is_cancelled_releases_the_lock() -> None:
    lock, log = SharedLock(), list[str]()

    async def stay(*, is_exclusive: bool) -> None:
        async with lock.hold(is_exclusive=is_exclusive):
            await asyncio.Event().wait()

    for is_exclusive in (False, True):
        staying = asyncio.create_task(stay(is_exclusive=is_exclusive))
        waiting = asyncio.create_task(stay(is_exclusive=True))
        await asyncio.sleep(0)
        waiting.cancel()
        staying.cancel()
        await asyncio.gather(staying, waiting, return_exceptions=True)
    await inside(lock, "suspect", is_exclusive=True, log=log)

    assert log == ["suspect in", "suspect out"]
