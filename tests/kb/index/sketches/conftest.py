"""A made-up table, and a tenant of the service."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from kb.index.sketches import sketch_cache as held_sketches
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.table import SketchTable
from kb.store.spaces import current_space
from tests.kb.index.sketches.made_tables import ALL, DIMENSION, DOCUMENTS, FEW, ROWS, table_of, unit
from tests.kb.index.sketches.shelf import ANA, BOB, Shelf
from tests.service import Service


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    generator = np.random.default_rng(5)
    topics = generator.normal(size=(40, DIMENSION))
    return unit(topics[np.arange(ROWS) % 40] + generator.normal(size=(ROWS, DIMENSION)))


@pytest.fixture(scope="module")
def documents() -> list[UUID]:
    return [uuid4() for _ in range(DOCUMENTS)]


@pytest.fixture(scope="module")
def table(vectors: NDArray[np.float32], documents: list[UUID]) -> SketchTable:
    """12,000 rows, a third of whose documents are for all and the others for few."""
    return table_of(vectors, documents, [FEW if number % 3 else ALL for number in range(DOCUMENTS)])


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(held_sketches, "PATIENCE_SECONDS", 30)


@pytest.fixture
async def shelf(service: Service, patience: None) -> AsyncIterator[Shelf]:
    database = service.resources.database
    tenant_id = await service.new_tenant()
    async with database.system() as system:
        space = await current_space(system)
    assert space is not None
    sketches = SketchCache(database, max_bytes=10**8)
    yield Shelf(
        database=database,
        sketches=sketches,
        space=space,
        ana=await service.person(tenant_id, ANA),
        bob=await service.person(tenant_id, BOB),
    )
    await sketches.aclose()
