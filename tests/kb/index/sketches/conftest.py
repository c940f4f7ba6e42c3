"""A table of 12,000 rows, a third of whose documents are for all and the others for few."""

from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from kb.index.sketches.table import SketchTable
from tests.kb.index.sketches.made_tables import ALL, DIMENSION, DOCUMENTS, FEW, ROWS, table_of, unit


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
    return table_of(vectors, documents, [FEW if number % 3 else ALL for number in range(DOCUMENTS)])
