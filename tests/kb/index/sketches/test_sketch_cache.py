"""Held sketches follow Postgres; what they have not taken up yet never shows in a search."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from kb.errors import DatabaseUnavailable
from kb.ids import TenantId
from kb.index.reached import Changes, Reached
from kb.index.sketches import sketch_cache as held_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.view import SketchView
from kb.postgres.database import TenantSession, Viewer
from kb.store.spaces import Space
from kb.store.tenants import changed_documents
from tests.kb.index.sketches.shelf import ALL, ANA, BOB, Shelf, count_found
from tests.service import Person, Service

HR = "group:hr"
LONG_AGO = Reached(generation=1, history=12345)


async def found(person: Person, query: str) -> list[tuple[str, str]]:
    """Text of the chunks that the service finds by vectors, and the plan."""
    response = (await person.search(query, mode="vector", explain=True)).json()
    plan = response["explanation"]["vector_plan"]
    return [(hit["text"], plan) for hit in response["data"]]


async def test_what_was_just_published_is_found_by_the_next_search(shelf: Shelf) -> None:
    await shelf.ana.upload("The lantern is green.", principals=[ANA])
    assert await found(shelf.ana, "lantern") == [("The lantern is green.", "shortlist")]

    await shelf.ana.upload("The lantern is red.", principals=[ALL])

    assert len(await found(shelf.ana, "lantern")) == 2
    assert await found(shelf.bob, "lantern") == [("The lantern is red.", "shortlist")]


async def test_what_is_taken_away_is_found_no_more(shelf: Shelf) -> None:
    document_id = await shelf.ana.upload("The lantern is green.", principals=[ALL])
    assert await found(shelf.bob, "lantern") == [("The lantern is green.", "shortlist")]

    await shelf.ana.request("PATCH", f"/v1/documents/{document_id}", json={"principals": [ANA]})
    assert await found(shelf.bob, "lantern") == []
    assert len(await found(shelf.ana, "lantern")) == 1

    await shelf.ana.request("DELETE", f"/v1/documents/{document_id}")
    assert await found(shelf.ana, "lantern") == []


async def test_each_viewer_finds_what_it_may_read(shelf: Shelf) -> None:
    await shelf.ana.upload("For ana.", principals=[ANA])
    await shelf.ana.upload("For the people of HR, and ana.", principals=[HR, ANA])
    await shelf.ana.upload("For all.", principals=[ALL])
    await shelf.view()
    await shelf.catch_up()

    assert await shelf.counted(ANA, ALL) == 3
    assert await shelf.counted(HR, ALL) == 2
    assert await shelf.counted(BOB, ALL) == 1
    assert await shelf.counted("group:nobody") == 0


async def test_a_new_set_of_readers_is_seen_by_a_viewer_that_looked_before(shelf: Shelf) -> None:
    await shelf.ana.upload("For all.", principals=[ALL])
    assert await shelf.counted(HR, ALL) == 1

    await shelf.ana.upload("For the people of HR.", principals=[HR])
    await shelf.catch_up()

    assert await shelf.counted(HR, ALL) == 2


async def test_documents_that_changed_are_left_to_postgres_until_they_are_taken_up(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.ana.upload("The lantern is green.", external_id="a")
    assert await shelf.counted() == 1
    # From here on nothing is taken up.
    monkeypatch.setattr(SketchCache, "apply", _never)
    document_id = await shelf.ana.upload("The teapot is green.", external_id="a")

    view = await shelf.view()

    assert view is not None
    assert [str(each) for each in view.changed] == [document_id]
    assert await shelf.counted() == 0


@pytest.mark.parametrize(
    "limit",
    [
        ("kb.index.sketches.sketch_cache.MAX_CHANGED_DOCUMENTS", 0),
        ("kb.index.follower.MAX_SEARCHED_GENERATIONS", 0),
    ],
    ids=str,
)
async def test_too_many_changes_are_left_to_other_plans(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, limit: tuple[str, int]
) -> None:
    await shelf.ana.upload("The lantern is green.")
    assert await shelf.view() is not None
    monkeypatch.setattr(SketchCache, "apply", _never)
    monkeypatch.setattr(*limit)
    await shelf.ana.upload("The lantern is red.")

    assert await shelf.view() is None


async def test_sketches_of_another_history_are_read_anew(shelf: Shelf) -> None:
    await shelf.ana.upload("The lantern is green.")
    assert await shelf.counted() == 1
    tenant_id = shelf.ana.tenant_id
    # As after a restored backup: the same generation, made by another change.
    held = shelf.sketches._held
    earlier = replace(held[tenant_id].sketches, reached=LONG_AGO)
    held[tenant_id] = replace(held[tenant_id], sketches=earlier)

    await shelf.view()
    await shelf.catch_up()

    assert shelf.sketches._held[tenant_id].sketches.reached != LONG_AGO
    assert await shelf.counted() == 1


async def test_a_tenant_that_does_not_fit_is_left_to_other_plans(shelf: Shelf) -> None:
    await shelf.ana.upload("The lantern is green.")
    small = SketchCache(shelf.database, max_bytes=10)

    await small.catch_up(shelf.ana.tenant_id, shelf.space)

    assert small._held == {}
    await small.aclose()


async def test_the_tenant_used_longest_ago_makes_room(shelf: Shelf, service: Service) -> None:
    other = await service.person(await service.new_tenant(), ANA)
    for person in (shelf.ana, other):
        await person.upload("The lantern is green.")
    await shelf.catch_up()
    size = shelf.sketches._held[shelf.ana.tenant_id].size_bytes
    small = SketchCache(shelf.database, max_bytes=size + size // 2)

    for person in (shelf.ana, other):
        await small.catch_up(person.tenant_id, shelf.space)

    assert list(small._held) == [other.tenant_id]
    await small.aclose()


async def test_tenants_that_do_not_fit_together_do_not_push_each_other_out_all_the_time(
    shelf: Shelf, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_sketches, "REST", 1e6)
    other = await service.person(await service.new_tenant(), ANA)
    for person in (shelf.ana, other):
        await person.upload("The lantern is green.")
    await shelf.view()
    size = shelf.sketches._held[shelf.ana.tenant_id].size_bytes
    small = shelf.limited(size + size // 2)
    await small.view()
    await small.sketches.catch_up(other.tenant_id, shelf.space)

    view = await small.view()

    # By other plans, for a while.
    assert view is None
    assert list(small.sketches._held) == [other.tenant_id]
    await small.sketches.aclose()


async def test_what_a_viewer_may_see_is_counted(shelf: Shelf) -> None:
    await shelf.ana.upload("The lantern is green.", principals=[ALL])
    await shelf.view()
    held = shelf.sketches._held[shelf.ana.tenant_id]
    before = held.size_bytes
    viewer = [f"group:{number:03}" * 20 for number in range(50)]

    for principal in viewer:
        await shelf.view(principal, ALL)
        await shelf.view(principal, ALL)

    # Of each at least its name and, in 8 bytes, the one audience that it is of.
    grown = held.size_bytes - before
    assert grown >= sum(len(principal) + 8 for principal in viewer)
    # Once for each, and a little besides.
    assert grown < sum(len(principal) + 8 + 1_000 for principal in viewer)


async def test_a_tenant_without_rows_is_counted(shelf: Shelf) -> None:
    await shelf.catch_up()

    held = shelf.sketches._held[shelf.ana.tenant_id]
    assert (held.sketches.tables, held.size_bytes > 0) == ((), True)


async def test_what_a_viewer_may_see_makes_room_too(shelf: Shelf, service: Service) -> None:
    other = await service.person(await service.new_tenant(), ANA)
    for person in (shelf.ana, other):
        await person.upload("The lantern is green.")
        await shelf.sketches.catch_up(person.tenant_id, shelf.space)
    small = shelf.limited(int(shelf.sketches._held.currsize) + 1)
    for person in (shelf.ana, other):
        await small.sketches.catch_up(person.tenant_id, shelf.space)

    await small.view()

    # Of the tenant looked at last the sketches stay.
    assert list(small.sketches._held) == [shelf.ana.tenant_id]
    await small.sketches.aclose()


async def test_viewers_are_forgotten_before_the_only_tenant(shelf: Shelf) -> None:
    await shelf.ana.upload("The lantern is green.", principals=[ALL])
    await shelf.catch_up()
    size = shelf.sketches._held[shelf.ana.tenant_id].size_bytes
    small = shelf.limited(size)
    await small.catch_up()

    assert await small.counted("group:one", ALL) == 1
    assert await small.counted("group:two", ALL) == 1

    held = small.sketches._held[shelf.ana.tenant_id]
    assert (dict(held.visible), held.size_bytes) == ({}, size)
    await small.sketches.aclose()


async def test_a_tenant_that_is_let_go_during_a_search_is_searched_all_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.ana.upload("The lantern is green.")
    assert await shelf.counted() == 1
    await shelf.ana.upload("The lantern is red.")

    async def let_go(scope: TenantSession, *, since: int) -> Sequence[UUID]:
        shelf.sketches._held.clear()
        return await changed_documents(scope, since=since)

    monkeypatch.setattr(SketchCache, "apply", _never)
    monkeypatch.setattr("kb.index.follower.changed_documents", let_go)

    view = await shelf.view()

    assert view is not None
    assert len(view.changed) == 1


async def test_two_searches_may_notice_another_history_at_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.ana.upload("The lantern is green.")
    assert await shelf.counted() == 1

    async def not_known(_scope: TenantSession, _reached: Reached) -> bool:
        shelf.sketches._held.clear()
        return False

    monkeypatch.setattr(SketchCache, "apply", _never)
    monkeypatch.setattr("kb.index.follower.is_known", not_known)
    shelf.sketches._follower._known.clear()

    assert await shelf.view() is None


async def test_after_a_failure_nothing_is_read_for_a_while(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.ana.upload("The lantern is green.")
    tries: list[TenantId] = []

    async def fail(_self: SketchCache, scope: TenantSession, _changes: Changes) -> int:
        tries.append(scope.tenant_id)
        raise DatabaseUnavailable

    monkeypatch.setattr(SketchCache, "apply", fail)

    assert [await shelf.view() for _ in range(3)] == [None, None, None]
    assert tries == [shelf.ana.tenant_id]


async def test_rows_of_deleted_documents_go(shelf: Shelf) -> None:
    document_ids = [await shelf.ana.upload(f"The lantern {n} is green.") for n in range(3)]
    assert await shelf.counted() == 3

    for document_id in document_ids:
        await shelf.ana.request("DELETE", f"/v1/documents/{document_id}")
    await shelf.catch_up()

    assert list(shelf.sketches._held[shelf.ana.tenant_id].sketches.tables) == []


async def test_a_search_does_not_wait_for_what_cannot_be_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.ana.upload("The lantern is green.")
    monkeypatch.setattr(SketchCache, "apply", _never)

    assert await shelf.view() is None


async def test_the_worker_has_no_view(shelf: Shelf) -> None:
    await shelf.ana.upload("The lantern is green.")

    async with shelf.database.tenant(shelf.ana.tenant_id, viewer=None) as scope:
        assert await shelf.sketches.view(scope, shelf.space, generation=1) is None


async def test_nothing_is_found_in_a_tenant_without_documents(shelf: Shelf) -> None:
    assert await shelf.counted() == 0


async def test_a_view_from_memory_is_of_one_generation_space_and_viewer(shelf: Shelf) -> None:
    await shelf.ana.upload("For ana.", principals=[ANA])
    await shelf.ana.upload("For all.", principals=[ALL])
    tenant_id, space = shelf.ana.tenant_id, shelf.space
    ana, bob = Viewer(principals=(ANA, ALL)), Viewer(principals=(BOB, ALL))
    await shelf.catch_up()
    reached = shelf.sketches._held[tenant_id].sketches.reached

    def held_view(viewer: Viewer, space: Space) -> SketchView | None:
        return shelf.sketches.held_view(tenant_id, viewer, space)

    # Nobody has looked yet: what ana may see is not in memory.
    assert held_view(ana, space) is None
    assert await shelf.counted(*ana.principals) == 2

    view = held_view(ana, space)

    assert view is not None
    assert (view.reached, tuple(view.changed), count_found(view, space)) == (reached, (), 2)
    assert held_view(bob, space) is None
    assert held_view(ana, replace(space, name="other")) is None
    unheld = SketchCache(shelf.database, max_bytes=10**6)
    assert unheld.held_view(tenant_id, ana, space) is None
    await unheld.aclose()


async def test_a_view_from_memory_forgets_with_the_tenant_and_with_each_change(
    shelf: Shelf,
) -> None:
    document_id = await shelf.ana.upload("For all.", principals=[ALL])
    tenant_id, bob = shelf.ana.tenant_id, Viewer(principals=(BOB, ALL))
    assert await shelf.counted(*bob.principals) == 1
    await shelf.ana.request("PATCH", f"/v1/documents/{document_id}", json={"principals": [ANA]})
    await shelf.catch_up()

    # Whom bob belongs to is read again.
    assert shelf.sketches.held_view(tenant_id, bob, shelf.space) is None
    assert await shelf.counted(*bob.principals) == 0
    view = shelf.sketches.held_view(tenant_id, bob, shelf.space)
    assert view is not None
    assert count_found(view, shelf.space) == 0

    await shelf.sketches.remove(tenant_id)
    assert shelf.sketches.held_view(tenant_id, bob, shelf.space) is None


async def _never(_self: SketchCache, _scope: TenantSession, _changes: Changes) -> int:
    """In place of `apply`: ends at once, and has done nothing."""
    return 0
