"""The nearest chunks by the sketches of vectors, against comparing everything."""

from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from kb.index.candidate_vectors import Nearest
from kb.index.reached import NOTHING
from kb.index.sketches import scan
from kb.index.sketches.merging import joined
from kb.index.sketches.table import SketchTable
from kb.index.sketches.view import SketchView
from tests.kb.index.sketches.made_tables import (
    ALL,
    DIMENSION,
    DOCUMENTS,
    FEW,
    ROWS,
    THREADS,
    table_of,
    unit,
)

LEAST_RECALL = 0.99
BYTES_ERROR = 0.003


def view_of(*tables: SketchTable, audiences: Sequence[int] = (ALL, FEW)) -> SketchView:
    return SketchView(
        tables=tables,
        dimension=DIMENSION,
        reached=NOTHING,
        audience_ids=np.array(audiences, dtype=np.int64),
        changed=(),
        threads=THREADS,
    )


def nearest(
    view: SketchView,
    question: NDArray[np.float32],
    *,
    limit: int,
    besides: Sequence[int] = (),
    document_ids: Collection[UUID] | None = None,
    excluded: Collection[UUID] = (),
) -> Nearest:
    searched = view.within(document_ids, excluded=excluded)
    cosine_by_chunk = searched._nearest(question, limit)
    vectors = searched.vectors({*cosine_by_chunk, *besides})
    return Nearest(cosine_by_chunk=cosine_by_chunk, vectors=vectors)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("audiences", [[ALL, FEW], [ALL]])
def test_the_nearest_are_those_that_comparing_everything_finds(
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
    view = view_of(*tables, audiences=audiences)
    visible = np.flatnonzero(np.isin(np.repeat(readers, ROWS // DOCUMENTS), audiences))
    generator = np.random.default_rng(6)
    recalls = []
    for chosen in generator.choice(ROWS, 30):
        question = unit(vectors[chosen : chosen + 1] + generator.normal(0, 0.03, (1, DIMENSION)))[0]

        found = nearest(view, question, limit=50)

        cosine_by_chunk = found.cosine_by_chunk
        assert len(cosine_by_chunk) == 50
        assert list(cosine_by_chunk.values()) == sorted(cosine_by_chunk.values(), reverse=True)
        places = np.array(list(cosine_by_chunk)) - 1
        assert list(cosine_by_chunk.values()) == pytest.approx(
            vectors[places] @ question, abs=BYTES_ERROR
        )
        assert set(places) <= set(visible)
        true = visible[np.argsort(-(vectors[visible] @ question))[:50]]
        recalls.append(len(set(true) & set(places)) / 50)
    assert np.mean(recalls) >= LEAST_RECALL


def test_few_visible_ones_are_all_found_and_filters_hold(
    table: SketchTable, vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    wanted = documents[10:20]

    found = nearest(
        view_of(table, audiences=[ALL]),
        vectors[0],
        limit=30,
        document_ids=wanted,
        excluded=[wanted[2]],
    )

    # Documents 12, 15 and 18 are for all; ten chunks each, and the first of them is left out.
    assert sorted(found.cosine_by_chunk) == [*range(151, 161), *range(181, 191)]


def test_nobody_sees_nothing(table: SketchTable, vectors: NDArray[np.float32]) -> None:
    found = nearest(view_of(table, audiences=[]), vectors[0], limit=5, besides=[1, 2, 3])

    assert found.cosine_by_chunk == {}
    assert found.vectors.chunk_ids == ()
    assert found.vectors.rows.shape == (0, DIMENSION)


def test_vectors_come_with_the_nearest_and_with_what_is_asked_for_besides(
    vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    # Documents of ten chunks, in two tables; of the second one the middle document is for few.
    tables = [
        table_of(vectors[:30], documents[:3], [ALL] * 3),
        table_of(vectors[30:60], documents[3:6], [ALL, FEW, ALL], first_chunk=31),
    ]
    view = view_of(*tables, audiences=[ALL])

    # One that is among the nearest, one that is hidden, one of the excluded, one that is nowhere.
    asked = [36, 8, 57, 45, 15, 99]
    found = nearest(view, vectors[7], limit=1, besides=asked, excluded=[documents[1]])

    assert list(found.cosine_by_chunk) == [8]
    assert found.vectors.chunk_ids == (8, 36, 57)
    assert found.vectors.rows == pytest.approx(vectors[[7, 35, 56]], abs=BYTES_ERROR)
    assert np.linalg.norm(found.vectors.rows, axis=1) == pytest.approx(np.ones(3))
    assert found.vectors.rows.dtype == np.float32


def test_a_chunk_whose_readers_changed_is_found_once_and_as_its_new_readers_see_it(
    vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    earlier = table_of(vectors[:30], documents[:3], [ALL] * 3).without([documents[1]])
    # Chunks 11 to 20 again, after those with higher ids.
    moved = table_of(vectors[10:20], [documents[1]], [FEW], first_chunk=11)

    for tables in ([earlier, moved], [joined([earlier, moved])]):
        hidden = nearest(view_of(*tables, audiences=[ALL]), vectors[14], limit=30, besides=[15])
        seen = nearest(view_of(*tables, audiences=[FEW]), vectors[14], limit=30, besides=[5, 15])
        everything = nearest(view_of(*tables), vectors[14], limit=30, besides=[5, 15])

        assert sorted(hidden.cosine_by_chunk) == [*range(1, 11), *range(21, 31)]
        assert hidden.vectors.chunk_ids == (*range(1, 11), *range(21, 31))
        assert sorted(seen.cosine_by_chunk) == [*range(11, 21)]
        assert next(iter(seen.cosine_by_chunk)) == 15
        assert seen.vectors.chunk_ids == (*range(11, 21),)
        assert everything.vectors.chunk_ids == (*range(1, 31),)
        assert everything.vectors.rows == pytest.approx(vectors[:30], abs=BYTES_ERROR)


def test_what_changed_is_neither_near_nor_has_it_a_vector(
    table: SketchTable, vectors: NDArray[np.float32], documents: list[UUID]
) -> None:
    view = view_of(table).without(documents[:1]).without(documents[1:2])

    found = nearest(view, vectors[0], limit=ROWS, besides=[1, 11, 21])

    assert sorted(found.cosine_by_chunk) == [*range(21, ROWS + 1)]
    assert found.vectors.chunk_ids[0] == 21


def test_equally_near_ones_go_by_id(documents: list[UUID]) -> None:
    vectors = unit(np.ones((40, DIMENSION)))
    tables = [
        table_of(vectors[:20], documents[:2], [ALL] * 2, first_chunk=21),
        table_of(vectors[:20], documents[2:4], [ALL] * 2, first_chunk=1),
    ]

    found = nearest(view_of(*tables), vectors[0], limit=5)

    assert list(found.cosine_by_chunk) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_signs_leave_out_what_points_elsewhere(
    monkeypatch: pytest.MonkeyPatch, documents: list[UUID], share: float
) -> None:
    monkeypatch.setattr(scan, "ALIKE_PER_HIT", 2)
    monkeypatch.setattr(scan, "LEAST_ALIKE", 0)
    generator = np.random.default_rng(4)
    vectors = unit(generator.normal(size=(200, DIMENSION)))
    question = unit(vectors[[50, 150]].sum(axis=0, keepdims=True))[0]
    readers = [ALL if number < share * 20 or number in {5, 15} else FEW for number in range(20)]
    tables = [
        table_of(vectors[:100], documents[:10], readers[:10]),
        table_of(vectors[100:], documents[10:20], readers[10:], first_chunk=101),
    ]

    found = nearest(view_of(*tables, audiences=[ALL]), question, limit=2)

    assert sorted(found.cosine_by_chunk) == [51, 151]


def test_rows_that_hardly_differ_are_compared_however_many_they_are(
    monkeypatch: pytest.MonkeyPatch, table: SketchTable, vectors: NDArray[np.float32]
) -> None:
    # As few as are wanted, were it not for the margin.
    monkeypatch.setattr(scan, "ALIKE_PER_HIT", 1)
    monkeypatch.setattr(scan, "LEAST_ALIKE", 0)
    question = unit(np.random.default_rng(8).normal(size=(1, DIMENSION)))[0]

    found = nearest(view_of(table), question, limit=50)

    true = np.argsort(-(vectors @ question))[:50] + 1
    assert len(set(true.tolist()) & set(found.cosine_by_chunk)) >= LEAST_RECALL * 50 - 1


def test_nothing_held_is_nothing_found() -> None:
    question = np.full(DIMENSION, 0.25, dtype=np.float32)
    empty = table_of(np.zeros((0, DIMENSION), dtype=np.float32), [], [])
    zeros = table_of(np.zeros((1, DIMENSION), dtype=np.float32), [uuid4()], [ALL])

    for view in (view_of(), view_of(empty)):
        found = nearest(view, question, limit=5, besides=[1])
        assert (found.cosine_by_chunk, found.vectors.chunk_ids) == ({}, ())
        assert found.vectors.rows.shape == (0, DIMENSION)
    assert nearest(view_of(zeros), question, limit=5).cosine_by_chunk == {1: 0}


async def test_a_thread_finds_what_the_caller_does(
    monkeypatch: pytest.MonkeyPatch, table: SketchTable, vectors: NDArray[np.float32]
) -> None:
    monkeypatch.setattr("kb.index.sketches.view.INLINE_ROWS", ROWS - 1)
    view = view_of(table)

    found = await view.nearest(vectors[3], limit=5)

    assert not view.is_small
    assert found == nearest(view, vectors[3], limit=5).cosine_by_chunk
    assert view_of().is_small
