import asyncio
import os
import signal
import threading
from contextlib import aclosing
from uuid import uuid4

import pytest

from app.heavy_work import MOST_ADMITTED, MOST_OF_ONE_TENANT, HeavyWork
from kb.errors import InvalidInput, Overloaded, WorkTooCostly
from kb.ids import TenantId


def refuse() -> None:
    raise InvalidInput("No.")


async def test_memory_beyond_the_limit_is_named() -> None:
    async with aclosing(HeavyWork()) as heavy_work:
        with pytest.raises(WorkTooCostly, match="memory"):
            await heavy_work.run(TenantId(uuid4()), bytearray, 4_000_000_000)


async def test_an_error_of_ours_comes_back_as_it_is() -> None:
    async with aclosing(HeavyWork()) as heavy_work:
        with pytest.raises(InvalidInput, match=r"No\."):
            await heavy_work.run(TenantId(uuid4()), refuse)


async def test_small_work_starts_no_process() -> None:
    tenant_id = TenantId(uuid4())
    async with aclosing(HeavyWork()) as heavy_work:
        small = await heavy_work.run_small(tenant_id, os.getpid)
        large = await heavy_work.run(tenant_id, os.getpid)

    assert small == os.getpid()
    assert large != os.getpid()


async def test_small_work_is_admitted_as_the_other() -> None:
    tenant_id = TenantId(uuid4())
    async with aclosing(HeavyWork()) as heavy_work, asyncio.TaskGroup() as tasks:
        waiting = [
            tasks.create_task(heavy_work.run(tenant_id, signal.pause))
            for _ in range(MOST_OF_ONE_TENANT)
        ]
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await heavy_work.run_small(tenant_id, os.getpid)
        for task in waiting:
            task.cancel()


async def test_small_work_keeps_its_turn_when_nobody_waits_for_it_any_more() -> None:
    tenant_id = TenantId(uuid4())
    may_end, running = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        running.release()
        may_end.wait()

    async with aclosing(HeavyWork()) as heavy_work:
        tasks = [
            asyncio.create_task(heavy_work.run_small(tenant_id, work))
            for _ in range(MOST_OF_ONE_TENANT)
        ]
        await asyncio.to_thread(running.acquire)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Those that had not begun never do; the one that has is still admitted.
        others = [
            asyncio.create_task(heavy_work.run_small(tenant_id, os.getpid))
            for _ in range(MOST_OF_ONE_TENANT)
        ]
        refused = (await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED))[0]
        has_begun_again = running.acquire(blocking=False)
        may_end.set()
        ended = await asyncio.gather(*others, return_exceptions=True)

    assert [type(task.exception()) for task in refused] == [Overloaded]
    assert not has_begun_again
    assert ended.count(os.getpid()) == MOST_OF_ONE_TENANT - 1


async def test_one_tenant_leaves_room_for_another() -> None:
    busy, other = TenantId(uuid4()), TenantId(uuid4())
    async with aclosing(HeavyWork()) as heavy_work, asyncio.TaskGroup() as tasks:
        waiting = [
            tasks.create_task(heavy_work.run(busy, signal.pause)) for _ in range(MOST_OF_ONE_TENANT)
        ]
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await heavy_work.run(busy, signal.pause)
        waiting.append(tasks.create_task(heavy_work.run(other, signal.pause)))
        await asyncio.sleep(0)
        is_accepted = not waiting[-1].done()
        for task in waiting:
            task.cancel()

    assert is_accepted
    assert MOST_OF_ONE_TENANT < MOST_ADMITTED
