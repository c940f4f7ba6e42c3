"""What the sketches of vectors shortlist, against comparing everything."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kb.index.sketches.table import (
    ROWS_A_THREAD,
    SAMPLED,
    SHORTLISTED_PER_HIT,
    SketchTable,
    document_keys,
    grown,
    joined,
    lowest,
    shortlist,
    signs_of,
    sketch,
)

DIMENSION = 384
ROWS, DOCUMENTS = 12_000, 1_200
ALL, FEW = 7, 9
BOTH = np.array([ALL, FEW])
THREADS = ThreadPoolExecutor(2)
LEAST_RECALL = 0.99


def table_of(
    vectors: NDArray[np.float32],
    documents: Sequence[UUID],
    audiences: Sequence[int],
    *,
    first_chunk: int = 1,
) -> SketchTable:
    """Rows are chunks in a row, dealt out evenly to the documents in their order."""
    document_of = np.arange(len(vectors)) * len(documents) // max(len(vectors), 1)
    return sketch(
        np.arange(first_chunk, first_chunk + len(vectors)),
        document_keys(documents)[document_of],
        np.array(audiences, dtype=np.int64)[document_of],
        vectors,
    )


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("f4")
    return vectors


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


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("audiences", [[ALL, FEW], [ALL]])
def test_the_nearest_visible_ones_are_on_the_shortlist(
    vectors: NDArray[np.float32], documents: list[UUID], audiences: list[int], parts: int
) -> None:
    readers = [FEW if number % 3 else ALL for number in range(DOCUMENTS)]
    rows, of_part = ROWS // parts, DOCUMENTS // parts
    tables = [
        table_of(
            vectors[part * rows : (part + 1) * rows],
            documents[part * of_part : (part + 1) * of_part],
            readers[part * of_part : (part + 1) * of_part],
            first_chunk=part * rows + 1,
        )
        for part in range(parts)
    ]
    is_visible = np.isin(np.repeat(readers, ROWS // DOCUMENTS), audiences)
    visible = np.flatnonzero(is_visible)
    generator = np.random.default_rng(6)
    recalls = []
    for chosen in generator.choice(ROWS, 30):
        question = unit(vectors[chosen : chosen + 1] + generator.normal(0, 0.03, (1, DIMENSION)))[0]

        found = shortlist(
            tables,
            question,
            [each.visible_rows(np.array(audiences)) for each in tables],
            THREADS,
            limit=50,
        )

        assert len(set(found)) == len(found) == SHORTLISTED_PER_HIT * 50
        assert set(found - 1) <= set(visible)
        nearest = visible[np.argsort(-(vectors[visible] @ question))[:50]]
        recalls.append(len(set(nearest) & set(found - 1)) / 50)
    assert np.mean(recalls) >= LEAST_RECALL


def test_all_of_few_visible_ones_are_on_the_shortlist_and_filters_hold(
    table: SketchTable, vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    wanted = documents[10:20]
    rows = table.visible_rows(
        np.array([ALL]), document_ids=wanted, excluded_document_ids=[wanted[2]]
    )

    found = shortlist([table], vectors[0], [rows], THREADS, limit=15)

    # Documents 12, 15 and 18 are for all; ten chunks each, and the first of them is left out.
    assert sorted(found) == [*range(151, 161), *range(181, 191)]


def test_nobody_sees_nothing(table: SketchTable, vectors: NDArray[np.float32]) -> None:
    rows = table.visible_rows(np.array([], dtype=np.int64))

    assert shortlist([table], vectors[0], [rows], THREADS, limit=5).tolist() == []


def test_who_sees_everything_needs_no_rows_picked(table: SketchTable) -> None:
    assert table.visible_rows(BOTH) is None


def test_bytes_give_nearly_the_cosine(table: SketchTable, vectors: NDArray[np.float32]) -> None:
    rows = np.arange(1000)

    cosines = table.cosines(vectors[5], rows)

    assert cosines == pytest.approx(vectors[:1000] @ vectors[5], abs=0.003)


def test_what_changed_is_for_nobody_until_its_rows_are_dropped(
    table: SketchTable, documents: list[UUID]
) -> None:
    rest = table.without(documents[3:5])

    visible = rest.visible_rows(BOTH)
    assert visible is not None
    assert set(range(ROWS)) - set(visible.tolist()) == set(range(30, 50))
    kept = rest.kept()
    assert set(range(1, ROWS + 1)) - set(kept.chunk_ids.tolist()) == set(range(31, 51))
    assert kept.visible_rows(BOTH) is None
    assert kept.size_bytes < rest.size_bytes
    assert kept.kept() is kept


def test_joined_tables_have_the_rows_of_both(
    table: SketchTable, vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    fresh = table_of(vectors[:2], [documents[3]], [FEW], first_chunk=ROWS + 1)

    both = joined([table.without([documents[3]]).kept(), fresh])

    rows = both.visible_rows(np.array([FEW]), document_ids=[documents[3]])
    assert sorted(shortlist([both], vectors[0], [rows], THREADS, limit=9)) == [ROWS + 1, ROWS + 2]
    assert both.cosines(vectors[1], np.array([len(both.chunk_ids) - 1])) == pytest.approx(
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


@given(st.lists(st.integers(0, 384), max_size=200), st.integers(1, 250))
def test_the_lowest_are_as_sorting_finds_them(numbers: list[int], count: int) -> None:
    differing = np.array(numbers, dtype=np.uint16)

    found = lowest(differing, count)

    assert sorted(differing[found]) == sorted(numbers)[:count]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("shape", ["normal", "equal", "rising", "every 61st is low"])
def test_a_sample_leads_to_the_same_lowest(shape: str) -> None:
    count, rows = 100, SAMPLED * 100 * 3
    place = np.arange(rows)
    by_shape = {
        "normal": np.random.default_rng(1).normal(190, 10, rows),
        "equal": np.full(rows, 7),
        "rising": place // 100,
        "every 61st is low": np.where(place % SAMPLED, 200, 10),
    }
    differing = by_shape[shape].astype(np.uint16)

    found = lowest(differing, count)

    assert sorted(differing[found]) == sorted(differing)[:count]
    assert len(set(found)) == count


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
    picked = np.flatnonzero(np.arange(rows) % 3)

    every = table.differing(words[:, 5], None, THREADS)
    some = table.differing(words[:, 5], picked, THREADS)

    expected = np.bitwise_count(words[0] ^ words[0, 5])
    assert (every == expected).all()
    assert (some == expected[picked]).all()


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

    assert shortlist([], question, [], THREADS, limit=5).tolist() == []
    assert shortlist([empty], question, [empty.visible_rows(BOTH)], THREADS, limit=5).tolist() == []
    assert shortlist([zeros], question, [None], THREADS, limit=5).tolist() == [1]
    assert grown((), empty) == ()
