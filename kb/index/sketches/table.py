"""Vectors in little memory, in columns that numpy goes through: a bit and a byte a component.

The number of signs in which two vectors differ follows their angle, so the bits alone say which
thousands of rows can be near (Charikar, Similarity Estimation Techniques from Rounding Algorithms,
STOC 2002); the bytes order these almost as the vectors themselves. At 384 dimensions a million
rows take 450 MB. Their bits are gone through in 6 ms, whichever of them the caller may see.

In each table the ids of chunks rise, so that a chunk's row is found without an index of its own.
"""

from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import numpy as np
import simsimd
from numpy.typing import NDArray

from kb.unit_vectors import Vectors

WORD_BYTES: Final = 8
MOST: Final = 127
"""The code of the largest component of each row."""

BLOCK_ROWS: Final = 65_536
"""Half a megabyte for each word: what is written in between stays in a core's cache."""

ROWS_A_THREAD: Final = 4 * BLOCK_ROWS
"""Gone through in 1.5 ms; a thread for less would not save what it costs."""

PRODUCT_ROWS: Final = 1_024
"""Their bytes, picked out of the table, stay in a core's cache."""

PRODUCT_ROWS_A_THREAD: Final = 16 * PRODUCT_ROWS
"""Picked and multiplied in 1 ms."""

PICKED_SIGNS, PICKED_BYTES = 0.15, 0.5
"""Of a table's rows: picking the words or the codes of more takes longer than going through all."""

FINER: Final = 254
"""A component of a question is a multiple of a step, and of a step so many times finer: together
as exact as a float. Twice as many would not fit a byte."""

NOBODY: Final = -1
"""The audience of rows that are no longer so."""

DocumentKeys = NDArray[np.bytes_]
"""(r,) bytes of UUIDs; comparing pads with zeros, so equal keys are equal ids."""


@dataclass(frozen=True, kw_only=True)
class SketchTable:
    """Columns over n rows, one for each chunk, and over r runs of rows of one document each."""

    chunk_ids: NDArray[np.int64]
    """(n,)"""
    starts: NDArray[np.int64]
    """(r + 1,) where each run begins; the last one ends at n."""
    words: NDArray[np.uint64]
    """(w, n) a bit for each component above zero, 64 to a word; the last word ends in zeros."""
    codes: NDArray[np.int8]
    """(n, d) the components, the largest of each row as 127."""
    scales: NDArray[np.float32]
    """(n,) what the codes are multiplied by to be a vector of unit length."""
    documents: DocumentKeys
    audiences: NDArray[np.int64]
    """(r,) who may read the run's document, by the id of `audiences`; NOBODY: no one."""

    @property
    def size_bytes(self) -> int:
        """Memory that the columns take."""
        columns = (
            self.chunk_ids,
            self.starts,
            self.words,
            self.codes,
            self.scales,
            self.documents,
            self.audiences,
        )
        return sum(column.nbytes for column in columns)

    def without(self, document_ids: Collection[UUID]) -> "SketchTable":
        """The same rows, those of the documents for nobody."""
        is_gone = _are_of(self.documents, document_ids)
        if not is_gone.any():
            return self
        return replace(self, audiences=np.where(is_gone, np.int64(NOBODY), self.audiences))

    def are_visible(
        self,
        audience_ids: NDArray[np.int64],
        *,
        runs: NDArray[np.intp] | None = None,
        document_ids: Collection[UUID] | None = None,
        excluded_document_ids: Collection[UUID] = (),
    ) -> NDArray[np.bool_]:
        """Of each of the runs (None: all): may an audience read it, and does no filter omit it."""
        documents = self.documents if runs is None else self.documents[runs]
        is_kept = np.ones(len(documents), dtype=bool)
        if document_ids is not None:
            is_kept &= _are_of(documents, document_ids)
        if excluded_document_ids:
            is_kept &= ~_are_of(documents, excluded_document_ids)
        # Last: another process may be erasing rows, first of all their audiences.
        audiences = self.audiences if runs is None else self.audiences[runs]
        return is_kept & np.isin(audiences, audience_ids)

    def rows_of(self, is_wanted: NDArray[np.bool_]) -> NDArray[np.intp] | None:
        """The rows of these runs, in order; None: all."""
        return None if is_wanted.all() else self._rows_of(is_wanted)

    def rows_of_chunks(
        self, chunk_ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The rows of those of the chunks that are in the table, and the run that each is in."""
        if not len(self.chunk_ids):
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        rows = np.minimum(np.searchsorted(self.chunk_ids, chunk_ids), len(self.chunk_ids) - 1)
        rows = rows[self.chunk_ids[rows] == chunk_ids]
        return rows, np.searchsorted(self.starts, rows, side="right") - 1

    def vectors(self, rows: NDArray[np.intp]) -> Vectors:
        """(len(rows), d) the vectors of these rows, each component right to about .001."""
        return self.codes[rows].astype(np.float32) * self.scales[rows, None]

    def differing(
        self, signs: NDArray[np.uint64], rows: NDArray[np.intp] | None, threads: Executor
    ) -> NDArray[np.uint16]:
        """The number of signs in which each of the rows (None: all) differs from these."""
        picked = self._worth_picking(rows, PICKED_SIGNS)
        count = len(self.chunk_ids) if picked is None else len(picked)
        differing = np.zeros(count, dtype=np.uint16)

        def count_from(first: int) -> None:
            for start in range(first, min(first + ROWS_A_THREAD, count), BLOCK_ROWS):
                block = slice(start, start + BLOCK_ROWS)
                part = differing[block]
                for sign, column in zip(signs, self.words, strict=True):
                    word = column[block] if picked is None else column[picked[block]]
                    part += np.bitwise_count(word ^ sign)

        _share(count_from, count, ROWS_A_THREAD, threads)
        return differing if rows is picked else differing[rows]

    def cosines(
        self, question: NDArray[np.float32], rows: NDArray[np.intp] | None, threads: Executor
    ) -> NDArray[np.float32]:
        """The cosines of these rows (None: all) with the question, of unit length.

        Right to about .0004, one standard deviation; .003 at the worst.
        """
        picked = self._worth_picking(rows, PICKED_BYTES)
        count = len(self.chunk_ids) if picked is None else len(picked)
        cosines = np.empty(count, dtype=np.float32)
        asked, steps = _in_bytes(question)

        def multiply_from(first: int) -> None:
            buffer = np.empty((min(PRODUCT_ROWS, count), len(question)), dtype=np.int8)
            for start in range(first, min(first + PRODUCT_ROWS_A_THREAD, count), PRODUCT_ROWS):
                block = slice(start, min(start + PRODUCT_ROWS, count))
                codes = self.codes[block]
                if picked is not None:
                    codes = buffer[: block.stop - start]
                    # Of whole rows; a mode that checks them would fill a buffer of its own first.
                    np.take(self.codes, picked[block], axis=0, out=codes, mode="clip")
                cosines[block] = steps @ np.asarray(simsimd.cdist(asked, codes, "dot"))

        _share(multiply_from, count, PRODUCT_ROWS_A_THREAD, threads)
        cosines *= self.scales if picked is None else self.scales[picked]
        return cosines if rows is picked else cosines[rows]

    def _worth_picking(self, rows: NDArray[np.intp] | None, most: float) -> NDArray[np.intp] | None:
        """None, which is all of them, for more than this share."""
        return None if rows is None or len(rows) > most * len(self.chunk_ids) else rows

    def _rows_of(self, is_wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The rows of these runs; as long as there are rows, not as the table is."""
        first = self.starts[:-1][is_wanted]
        lengths = np.diff(self.starts)[is_wanted]
        places = starts_of(lengths)
        return np.arange(places[-1]) + np.repeat(first - places[:-1], lengths)


def sketch(
    chunk_ids: NDArray[np.int64],
    documents: DocumentKeys,
    audiences: NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> SketchTable:
    """A table of n rows in the order of ids; `vectors` (n, d).

    Rows of one document that follow each other are a run.
    """
    begins = begins_of(documents)
    codes = codes_of(vectors)
    lengths = np.linalg.norm(codes.astype(np.float32), axis=1)
    return SketchTable(
        chunk_ids=chunk_ids,
        starts=np.append(np.flatnonzero(begins), len(chunk_ids)),
        words=signs_of(vectors),
        codes=codes,
        scales=(1 / np.maximum(lengths, 1)).astype(np.float32),
        documents=documents[begins],
        audiences=audiences[begins],
    )


def codes_of(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """(n, d) codes for the n rows, as `SketchTable.codes` has them."""
    steps = np.maximum(np.abs(vectors).max(axis=1, initial=0.0), np.finfo(np.float32).tiny) / MOST
    codes: NDArray[np.int8] = np.rint(vectors / steps[:, None]).astype(np.int8)
    return codes


def signs_of(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """(w, n) words for the n rows, as `SketchTable.words` has them."""
    packed = np.packbits(vectors > 0, axis=1)
    width = -(-packed.shape[1] // WORD_BYTES) * WORD_BYTES
    padded = np.zeros((len(vectors), width), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _are_of(documents: DocumentKeys, document_ids: Collection[UUID]) -> NDArray[np.bool_]:
    """(r,) true for the keys of these documents."""
    keys = document_keys(document_ids)
    # The last 8 bytes of an id are mostly chance, and numbers are compared faster.
    own, asked = (np.ascontiguousarray(each).view(np.uint64)[1::2] for each in (documents, keys))
    are_of = np.isin(own, asked)
    alike = np.flatnonzero(are_of)
    are_of[alike] = np.isin(documents[alike], keys)
    return are_of


def _in_bytes(
    question: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """(2, d) and (2,) whose product is the question."""
    step = max(float(np.abs(question).max()), float(np.finfo(np.float32).tiny)) / MOST
    components = question / np.float32(step)
    coarse = np.rint(components)
    fine = np.rint((components - coarse) * FINER)
    return np.stack([coarse, fine]).astype(np.int8), np.array([step, step / FINER])


def _share(
    work_from: Callable[[int], None], count: int, rows_a_thread: int, threads: Executor
) -> None:
    """Does the work from each place on that so many rows lie between, in the threads if several."""
    if count <= rows_a_thread:
        work_from(0)
    else:
        list(threads.map(work_from, range(0, count, rows_a_thread)))


def document_keys(document_ids: Collection[UUID]) -> DocumentKeys:
    """As `SketchTable.documents` has them."""
    return np.array([document_id.bytes for document_id in document_ids], dtype="S16")


def starts_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows where runs of these lengths begin, and where the last one ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])


def begins_of(documents: DocumentKeys) -> NDArray[np.bool_]:
    """(n,) true where another document begins than the row before is of."""
    begins = np.ones(len(documents), dtype=bool)
    begins[1:] = documents[1:] != documents[:-1]
    return begins
