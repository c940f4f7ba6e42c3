"""Passages in memory: never taken for what was read since."""

from dataclasses import replace

from kb.ids import TenantId, new_uuid
from kb.index.held_passages import HeldPassages
from kb.index.reached import Reached
from tests.fakes.sources import passage_of

NOW = Reached(generation=2, history=1)


def test_what_may_not_be_held_is_not_confirmed_as_it_was_before() -> None:
    held, tenant_id = HeldPassages(max_bytes=10**6), TenantId(new_uuid())
    old = passage_of("The lantern is green.")
    new = replace(old, title="Harbour")
    held.keep(tenant_id, [old], epoch=held.epoch)
    epoch = held.epoch
    held.forget(TenantId(new_uuid()))

    kept = held.keep(tenant_id, [new], epoch=epoch)
    held.confirm(tenant_id, [new.chunk_id], NOW)

    assert kept[new.chunk_id].passage == new
    assert held.held(tenant_id, [new.chunk_id]) == {}
