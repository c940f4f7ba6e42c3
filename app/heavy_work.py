"""Runs work of a request that may take seconds in child processes, within a budget, few at once.

A thread would keep the interpreter's lock from all other requests of this process.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Final, ParamSpec, TypeVar

from kb.child_processes import ChildFailed, ChildLimits, ChildProcesses
from kb.errors import Overloaded, WorkTooCostly
from kb.ids import TenantId

Given = ParamSpec("Given")
Result = TypeVar("Result")

PROCESSES: Final = 2
"""At once; they give way to everything else on the machine."""

MOST_ADMITTED: Final = 16
"""Requests that run or wait: eight turns, so that the last one waits for a minute at worst."""

MOST_OF_ONE_TENANT: Final = 8
"""Half of them: a tenant that sends nothing else leaves room for the others."""

LIMITS: Final = ChildLimits(
    # The largest ordinary request, 200,000 characters and 200 claims, takes 2 s and 0.3 GB.
    memory_bytes=1_000_000_000,
    processor_time=timedelta(seconds=10),
    time=timedelta(seconds=60),
    niceness=10,
)

PRELOAD: Final = ("app.answering.verify.grounding",)


class HeavyWork:
    """Runs calls in child processes. Belongs to one event loop."""

    def __init__(self, limits: ChildLimits = LIMITS) -> None:
        """Nothing is started yet."""
        self._children = ChildProcesses(count=PROCESSES, limits=limits, preload=PRELOAD)
        self._admitted: Counter[TenantId] = Counter()
        # Searches take other threads, and the interpreter's lock.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="small-work")

    async def run(
        self,
        tenant_id: TenantId,
        function: Callable[Given, Result],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        """The function's result, or its error raised; cancelling kills the process.

        Raises:
            Overloaded: too many calls run or wait, of this tenant or of all.
            WorkTooCostly: it needed more than `limits`.
        """
        self._admit(tenant_id)
        try:
            return await self._children.run(function, *args, **kwargs)
        except ChildFailed as error:
            if error.reason == "ended":
                raise Overloaded from error
            if error.reason == "crash":
                raise
            raise WorkTooCostly(
                f"The request needs more {error.reason} than one request may use."
            ) from error
        finally:
            self._release(tenant_id)

    async def run_small(
        self,
        tenant_id: TenantId,
        function: Callable[Given, Result],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        """The same in a thread, one at a time, for what takes less time than a child's start.

        That is 32 ms of processor time. Nothing ends it early. Raises Overloaded as above.
        """
        loop = asyncio.get_running_loop()
        self._admit(tenant_id)
        work = self._thread.submit(copy_context().run, partial(function, *args, **kwargs))
        # Not before: a thread goes on when nobody waits for it any more.
        work.add_done_callback(lambda _: loop.call_soon_threadsafe(self._release, tenant_id))
        return await asyncio.wrap_future(work)

    def _admit(self, tenant_id: TenantId) -> None:
        is_full = self._admitted.total() >= MOST_ADMITTED
        if is_full or self._admitted[tenant_id] >= MOST_OF_ONE_TENANT:
            raise Overloaded
        self._admitted[tenant_id] += 1

    def _release(self, tenant_id: TenantId) -> None:
        self._admitted[tenant_id] -= 1
        self._admitted += Counter()  # without those that have none left

    async def aclose(self) -> None:
        """Takes no more calls."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._children.close)
