"""Columns of sketches: which rows they have for whom, and what the bytes of these say."""

from itertools import pairwise
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kb.index.sketches.merging import grown, joined
from kb.index.sketches.table import (
    PRODUCT_ROWS_A_THREAD,
    ROWS_A_THREAD,
    SketchTable,
    document_keys,
    signs_of,
)
from tests.kb.index.sketches.made_tables import ALL, BOTH, FEW, ROWS, THREADS, table_of, unit


def test_who_sees_everything_needs_no_rows_picked(table: SketchTable) -> None:
    assert table.rows_of(table.are_visible(BOTH)) is None


def test_bytes_give_nearly_the_cosine(table: SketchTable, vectors: NDArray[np.float32]) -> None:
    rows = np.arange(1000)

    cosines = table.cosines(vectors[5], rows, THREADS)

    assert cosines == pytest.approx(vectors[:1000] @ vectors[5], abs=0.003)


@pytest.mark.parametrize("share", [0.1, 0.9, 1.0])
def test_threads_multiply_what_one_does(share: float) -> None:
    count, dimension = 2 * PRODUCT_ROWS_A_THREAD + 17, 24
    generator = np.random.default_rng(4)
    vectors = unit(generator.normal(size=(count, dimension)))
    table = table_of(vectors, [uuid4()], [ALL])
    rows = None if share == 1 else np.flatnonzero(generator.random(count) < share)

    cosines = table.cosines(vectors[7], rows, THREADS)

    stored = table.vectors(np.arange(count) if rows is None else rows)
    assert cosines == pytest.approx(stored @ vectors[7], abs=2e-5)


def test_what_changed_is_for_nobody_until_its_rows_are_dropped(
    table: SketchTable, documents: list[UUID]
) -> None:
    rest = table.without(documents[3:5])

    visible = rest.rows_of(rest.are_visible(BOTH))
    assert visible is not None
    assert set(range(ROWS)) - set(visible.tolist()) == set(range(30, 50))
    kept = joined([rest])
    assert set(range(1, ROWS + 1)) - set(kept.chunk_ids.tolist()) == set(range(31, 51))
    assert kept.are_visible(BOTH).all()
    assert kept.size_bytes < rest.size_bytes
    assert joined([kept]) is kept


def test_joined_tables_have_the_rows_of_both(
    table: SketchTable, vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    fresh = table_of(vectors[:2], [documents[3]], [FEW], first_chunk=ROWS + 1)

    both = joined([table.without([documents[3]]), fresh])

    rows = both.rows_of(both.are_visible(np.array([FEW]), document_ids=[documents[3]]))
    assert rows is not None
    assert both.chunk_ids[rows].tolist() == [ROWS + 1, ROWS + 2]
    assert both.cosines(vectors[1], np.array([len(both.chunk_ids) - 1]), THREADS) == pytest.approx(
        1, abs=0.01
    )


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_tables_stay_few_and_lose_nothing(sizes: list[int]) -> None:
    tables: tuple[SketchTable, ...] = ()
    vectors = np.ones((40, 8), dtype=np.float32)
    first = 1
    for size in sizes:
        documents = [uuid4()]
        newest = table_of(vectors[:size], documents, [ALL], first_chunk=first)
        tables, first = grown(tables, newest), first + size

    counts = [len(each.chunk_ids) for each in tables]
    assert sorted(int(each) for table in tables for each in table.chunk_ids) == [*range(1, first)]
    assert all(before > 2 * after for before, after in pairwise(counts))


def test_threads_count_what_one_does() -> None:
    rows = 2 * ROWS_A_THREAD + 17
    words = np.random.default_rng(2).integers(0, 2**63, size=(1, rows), dtype=np.uint64)
    table = SketchTable(
        chunk_ids=np.arange(rows),
        starts=np.array([0, rows]),
        words=words,
        codes=np.zeros((rows, 1), dtype=np.int8),
        scales=np.ones(rows, dtype=np.float32),
        documents=document_keys([uuid4()]),
        audiences=np.array([ALL]),
    )
    expected = np.bitwise_count(words[0] ^ words[0, 5])

    assert (table.differing(words[:, 5], None, THREADS) == expected).all()
    for picked in (np.flatnonzero(np.arange(rows) % 3), np.arange(0, rows, 30)):
        assert (table.differing(words[:, 5], picked, THREADS) == expected[picked]).all()


@pytest.mark.parametrize("dimension", [8, 16, 100, 384])
def test_every_dimension_has_its_sign(dimension: int) -> None:
    vector = np.where(np.arange(dimension) % 3, -1.0, 1.0).astype(np.float32)

    words = signs_of(vector[None, :])[:, 0]

    bits = np.unpackbits(words.view(np.uint8))
    assert bits[:dimension].tolist() == (vector > 0).astype(int).tolist()
    assert not bits[dimension:].any()


def test_nothing_and_a_vector_of_zeros_are_no_trouble() -> None:
    question = np.full(16, 0.25, dtype=np.float32)
    empty = table_of(np.zeros((0, 16), dtype=np.float32), [], [])
    zeros = table_of(np.zeros((1, 16), dtype=np.float32), [uuid4()], [ALL])

    assert empty.rows_of_chunks(np.array([1, 2]))[0].tolist() == []
    assert zeros.cosines(question, None, THREADS).tolist() == [0]
    assert grown((), empty) == ()
