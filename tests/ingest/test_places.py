"""Places to read in: the higher class first, and one that only light documents get."""

import asyncio

from ingest.places import Places


class Reader:
    """Holds a place until it is told to go."""

    def __init__(self, places: Places, *, priority: int = 10, is_light: bool = False) -> None:
        self.has_place = False
        self._may_go = asyncio.Event()
        self.task = asyncio.create_task(self._read(places, priority, is_light=is_light))

    async def _read(self, places: Places, priority: int, *, is_light: bool) -> None:
        async with places.hold(priority=priority, is_light=is_light):
            self.has_place = True
            await self._may_go.wait()

    async def leave(self) -> None:
        self._may_go.set()
        await self.task


async def settle() -> None:
    """Every task has gone as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_light_document_finds_a_place_while_long_ones_hold_all_others() -> None:
    places = Places(2)
    long_ones = [Reader(places) for _ in range(3)]
    await settle()

    light = Reader(places, is_light=True)
    await settle()

    assert [each.has_place for each in long_ones] == [True, True, False]
    assert light.has_place
    for each in [*long_ones, light]:
        await each.leave()


async def test_light_ones_hold_a_place_of_their_own_and_keep_no_long_one_waiting() -> None:
    places = Places(1)
    light = Reader(places, is_light=True)
    await settle()

    long_one = Reader(places, priority=20)
    later = Reader(places, is_light=True)
    await settle()

    assert (light.has_place, long_one.has_place, later.has_place) == (True, True, False)
    await light.leave()
    await settle()
    assert later.has_place
    for each in (long_one, later):
        await each.leave()


async def test_the_higher_class_gets_the_next_place_and_then_the_first_to_come() -> None:
    places = Places(1)
    holder = Reader(places)
    await settle()
    waiting = [Reader(places, priority=priority) for priority in (0, 10, 10, 20)]
    await settle()

    order = []
    for leaving in (holder, waiting[3], waiting[1], waiting[2]):
        await leaving.leave()
        await settle()
        order.append([each.has_place for each in waiting])

    assert order == [
        [False, False, False, True],
        [False, True, False, True],
        [False, True, True, True],
        [True, True, True, True],
    ]
    await waiting[0].leave()


async def test_who_goes_away_gives_back_what_he_has_or_nothing() -> None:
    places = Places(1)
    holder, gone, staying = Reader(places), Reader(places), Reader(places)
    await settle()

    seen = []
    for leaving in (gone, holder):
        leaving.task.cancel()
        await settle()
        seen.append(staying.has_place)

    assert seen == [False, True]
    await staying.leave()
