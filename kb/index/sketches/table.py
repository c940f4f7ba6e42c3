"""Vectors in little memory, in columns that numpy goes through: a bit and a byte a component.

The number of signs in which two vectors differ follows their angle, so the bits alone say which
thousands of rows can be near (Charikar, Similarity Estimation Techniques from Rounding Algorithms,
STOC 2002); the bytes order these almost as the vectors themselves. At 384 dimensions a million
rows take 450 MB. Their bits are gone through in 6 ms, whichever of them the caller may see.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

WORD_BYTES: Final = 8
MOST: Final = 127
"""The code of the largest component of each row."""

BLOCK_ROWS: Final = 65_536
"""Half a megabyte for each word: what is written in between stays in a core's cache."""

ROWS_A_THREAD: Final = 4 * BLOCK_ROWS
"""Gone through in 1.5 ms; a thread for less would not save what it costs."""

SAMPLED: Final = 61
"""One row in so many is looked at for where the lowest end; a prime, so that no order agrees
with it."""

PRODUCT_ROWS: Final = 128
"""Few enough for BLAS to stay in its thread: 8,000 rows at once take 3.5 ms of two cores, 0.9 ms of
one in blocks."""

ALIKE_PER_HIT, LEAST_ALIKE = 64, 8_000
"""Rows with the most alike signs whose bytes are compared, for each row wanted and in all.

The hard case are questions about what the caller may not see, whose nearest visible rows hardly
differ: of 100,000 visible rows of a million, in one region, 1,600 hold .95 of the true 50 nearest.
"""

SHORTLISTED_PER_HIT: Final = 2
"""Rows whose vectors are compared, for each row wanted: bytes err in the third digit."""

NOBODY: Final = -1
"""The audience of rows that are no longer so."""

MOST_GONE: Final = 0.5

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
        is_gone = self._is_of(document_ids)
        return replace(self, audiences=np.where(is_gone, np.int64(NOBODY), self.audiences))

    def kept(self) -> "SketchTable":
        """The rows that are for somebody."""
        is_kept = self.audiences != NOBODY
        if is_kept.all():
            return self
        rows = self._rows_of(is_kept)
        return SketchTable(
            chunk_ids=self.chunk_ids[rows],
            starts=_starts(np.diff(self.starts)[is_kept]),
            words=np.ascontiguousarray(self.words[:, rows]),
            codes=self.codes[rows],
            scales=self.scales[rows],
            documents=self.documents[is_kept],
            audiences=self.audiences[is_kept],
        )

    def visible_rows(
        self,
        audience_ids: NDArray[np.int64],
        *,
        document_ids: Collection[UUID] | None = None,
        excluded_document_ids: Collection[UUID] = (),
    ) -> NDArray[np.intp] | None:
        """Rows that one of the audiences may read and no filter leaves out; None: all."""
        is_visible = np.isin(self.audiences, audience_ids)
        if document_ids is not None:
            is_visible &= self._is_of(document_ids)
        if excluded_document_ids:
            is_visible &= ~self._is_of(excluded_document_ids)
        return None if is_visible.all() else self._rows_of(is_visible)

    def differing(
        self, signs: NDArray[np.uint64], rows: NDArray[np.intp] | None, threads: Executor
    ) -> NDArray[np.uint16]:
        """The number of signs in which each of the rows (None: all) differs from these."""
        count = len(self.chunk_ids) if rows is None else len(rows)
        differing = np.zeros(count, dtype=np.uint16)

        def count_from(first: int) -> None:
            for start in range(first, min(first + ROWS_A_THREAD, count), BLOCK_ROWS):
                block = slice(start, start + BLOCK_ROWS)
                part = differing[block]
                for sign, column in zip(signs, self.words, strict=True):
                    word = column[block] if rows is None else column[rows[block]]
                    part += np.bitwise_count(word ^ sign)

        if count <= ROWS_A_THREAD:
            count_from(0)
        else:
            list(threads.map(count_from, range(0, count, ROWS_A_THREAD)))
        return differing

    def cosines(self, question: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """The cosines of these rows with the question, of unit length; right to about .003."""
        cosines = np.empty(len(rows), dtype=np.float32)
        asked = np.asarray(question, dtype=np.float32)
        for start in range(0, len(rows), PRODUCT_ROWS):
            block = slice(start, start + PRODUCT_ROWS)
            np.dot(self.codes[rows[block]].astype(np.float32), asked, out=cosines[block])
        return cosines * self.scales[rows]

    def _rows_of(self, is_wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The rows of these runs; as long as there are rows, not as the table is."""
        first = self.starts[:-1][is_wanted]
        lengths = np.diff(self.starts)[is_wanted]
        places = _starts(lengths)
        return np.arange(places[-1]) + np.repeat(first - places[:-1], lengths)

    def _is_of(self, document_ids: Collection[UUID]) -> NDArray[np.bool_]:
        """(r,) true for the runs of these documents."""
        keys = document_keys(document_ids)
        # The last 8 bytes of an id are mostly chance, and numbers are compared faster.
        own, asked = (
            np.ascontiguousarray(each).view(np.uint64)[1::2] for each in (self.documents, keys)
        )
        is_of = np.isin(own, asked)
        alike = np.flatnonzero(is_of)
        is_of[alike] = np.isin(self.documents[alike], keys)
        return is_of


def shortlist(
    tables: Sequence[SketchTable],
    question: NDArray[np.float32],
    visible: Sequence[NDArray[np.intp] | None],
    threads: Executor,
    *,
    limit: int,
) -> NDArray[np.int64]:
    """The chunks most likely to hold the `limit` nearest of the visible rows of each table.

    Most alike first; all that are visible when they are few. `threads` share large tables, and are
    not those that this runs in.
    """
    if not tables:
        return np.zeros(0, dtype=np.int64)
    signs = signs_of(question[None, :])[:, 0]
    differing = [
        table.differing(signs, rows, threads) for table, rows in zip(tables, visible, strict=True)
    ]
    alike = lowest(np.concatenate(differing), max(ALIKE_PER_HIT * limit, LEAST_ALIKE))
    ends = np.cumsum([len(each) for each in differing])
    table_of_place = np.searchsorted(ends, alike, side="right")
    chunk_ids, cosines = [], []
    for number, (table, rows) in enumerate(zip(tables, visible, strict=True)):
        places = alike[table_of_place == number] - (ends[number] - len(differing[number]))
        chosen = places if rows is None else rows[places]
        chunk_ids.append(table.chunk_ids[chosen])
        cosines.append(table.cosines(question, chosen))
    order = np.argsort(-np.concatenate(cosines), kind="stable")
    return np.concatenate(chunk_ids)[order[: SHORTLISTED_PER_HIT * limit]]


def lowest(differing: NDArray[np.uint16], count: int) -> NDArray[np.intp]:
    """Places of the `count` lowest numbers: of those that are equal to the last, the first ones."""
    if len(differing) <= count:
        return np.arange(len(differing))
    if len(differing) > SAMPLED * count:
        # Twice as many as are wanted, as far as a sample can tell, are sorted out first.
        sample = np.cumsum(np.bincount(differing[::SAMPLED]))
        limit = int(np.searchsorted(sample, 2 * count // SAMPLED + 1))
        near = np.flatnonzero(differing <= limit)
        if count <= len(near) < len(differing):
            return near[lowest(differing[near], count)]
    at_most = np.cumsum(np.bincount(differing))
    limit = int(np.searchsorted(at_most, count))
    below = np.flatnonzero(differing < limit)
    equal = np.flatnonzero(differing == limit)[: count - len(below)]
    return np.concatenate([below, equal])


def sketch(
    chunk_ids: NDArray[np.int64],
    documents: DocumentKeys,
    audiences: NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> SketchTable:
    """A table of n rows; `vectors` (n, d), rows of one document that follow each other a run."""
    begins = np.ones(len(chunk_ids), dtype=bool)
    begins[1:] = documents[1:] != documents[:-1]
    steps = np.maximum(np.abs(vectors).max(axis=1, initial=0.0), np.finfo(np.float32).tiny) / MOST
    codes = np.rint(vectors / steps[:, None]).astype(np.int8)
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


def signs_of(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """(w, n) words for the n rows, as `SketchTable.words` has them."""
    packed = np.packbits(vectors > 0, axis=1)
    width = -(-packed.shape[1] // WORD_BYTES) * WORD_BYTES
    padded = np.zeros((len(vectors), width), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return np.ascontiguousarray(padded.view(np.uint64).T)


def joined(tables: Sequence[SketchTable]) -> SketchTable:
    """The rows of all tables, of which there is at least one."""
    return SketchTable(
        chunk_ids=np.concatenate([table.chunk_ids for table in tables]),
        starts=_starts(np.concatenate([np.diff(table.starts) for table in tables])),
        words=np.concatenate([table.words for table in tables], axis=1),
        codes=np.concatenate([table.codes for table in tables]),
        scales=np.concatenate([table.scales for table in tables]),
        documents=np.concatenate([table.documents for table in tables]),
        audiences=np.concatenate([table.audiences for table in tables]),
    )


def grown(tables: Sequence[SketchTable], newest: SketchTable) -> tuple[SketchTable, ...]:
    """The tables and one more, joined so that each has more than twice the rows of the next.

    Their number grows with the logarithm of the rows, and a row is copied as often. A table half of
    whose documents are for nobody is rid of them.
    """
    kept = []
    for table in (*tables, newest):
        gone_count = np.count_nonzero(table.audiences == NOBODY)
        kept.append(table.kept() if gone_count > MOST_GONE * len(table.audiences) else table)
    while len(kept) > 1 and len(kept[-2].chunk_ids) <= 2 * len(kept[-1].chunk_ids):
        kept[-2:] = [joined([kept[-2].kept(), kept[-1].kept()])]
    return tuple(table for table in kept if len(table.chunk_ids))


def document_keys(document_ids: Collection[UUID]) -> DocumentKeys:
    """As `SketchTable.documents` has them."""
    return np.array([document_id.bytes for document_id in document_ids], dtype="S16")


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows where runs of these lengths begin, and where the last one ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
