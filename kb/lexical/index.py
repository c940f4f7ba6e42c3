"""One tenant's BM25 index on local disk: derived from Postgres, followed by generation, disposable.

A change is one commit: documents and generation arrive together or not at all. Several processes
may share a folder: one writes at a time, all read.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import UUID

from tantivy import Document, Index, IndexWriter, Query, Searcher

from kb.chunks import IndexedChunk
from kb.errors import IndexNotReady
from kb.lexical.analysis import analyse_joined
from kb.lexical.folder import FolderState, build_schema, open_index, read_state
from kb.lexical.languages import number_of
from kb.lexical.reached import (
    UNKNOWN_HISTORY,
    Reached,
    add_reached,
    read_reached,
)
from kb.lexical.records import IndexStatistics, LexicalHit
from kb.lexical.scoring import inverse_document_frequency
from kb.lexical.search import ChunkFilter, find_chunks, read_statistics

_GENERATION_ONLY: Final = "generation"
"""Document id of the document that a commit without chunks writes its generation into."""

_WRITER_HEAP_BYTES: Final = 64_000_000
"""Sorted in memory before a segment is written; a small change takes 10 ms whatever this is."""


@dataclass(frozen=True, kw_only=True)
class _Opened:
    index: Index
    searcher: Searcher
    state: FolderState
    reached: Reached


class TenantIndex:
    """The index in one folder; safe to search and reload from many threads while one applies."""

    def __init__(self, path: Path) -> None:
        """Opens the folder; a missing, older or damaged one becomes an empty index.

        Raises:
            IndexNotReady: The folder was written by a newer release, or cannot be read.
        """
        self._path = path
        self._schema = build_schema()
        self._reloading = Lock()
        self._applying = Lock()
        self._is_doubtful = False
        self._opened = self._open()

    @property
    def generation(self) -> int:
        """The generation of the commit that searches read; 0 means empty: rebuild it."""
        return self._opened.reached.generation

    @property
    def reached(self) -> Reached:
        """The state of Postgres that searches read."""
        return self._opened.reached

    def is_current(self) -> bool:
        """False when there is something to take up by `reload`; 2 microseconds a file."""
        return not self._is_doubtful and self._opened.state.stands_at(self._path)

    def reload(self) -> int:
        """The generation after taking up what other processes did; nothing if `is_current`.

        A folder that was deleted, damaged or replaced is opened anew, empty if need be.

        Raises:
            IndexNotReady: As for opening.
        """
        with self._reloading:
            if not self.is_current():
                self._opened = self._taken_up()
            return self.generation

    def apply(
        self,
        *,
        since: int,
        generation: int,
        replaced_documents: Iterable[UUID],
        chunks: Iterable[IndexedChunk],
        history: int = UNKNOWN_HISTORY,
    ) -> None:
        """Takes the index from `since` or later to `generation`, in one commit.

        `replaced_documents` are all that changed after `since`; `chunks`, their chunks now, is read
        once as a stream, and if it raises, nothing has changed. Does nothing if another process
        has brought the index there or further already.

        Raises:
            IndexNotReady: Another process is writing, or has rebuilt the index to before `since`,
                or the folder was lost meanwhile. Ask for the generation again.
        """
        with self._writing() as writer:
            reached = Reached(generation=generation, history=history)
            if generation < self.generation or self._has_reached(reached):
                return
            if self.generation < since:
                raise IndexNotReady
            for document_id in (_GENERATION_ONLY, *map(str, replaced_documents)):
                writer.delete_documents_by_term("document_id", document_id)
            self._commit(writer, reached, chunks)

    def _has_reached(self, target: Reached) -> bool:
        """True when another process has brought the index there; never of an unknown history."""
        return self.reached == target and target.history != UNKNOWN_HISTORY

    def rebuild(
        self, *, generation: int, chunks: Iterable[IndexedChunk], history: int = UNKNOWN_HISTORY
    ) -> None:
        """Replaces everything in one commit; searches read the old content until then.

        Does nothing if another process has brought the index there already.

        Raises:
            IndexNotReady: Another process is writing, or the folder was lost meanwhile.
        """
        reached = Reached(generation=generation, history=history)
        with self._writing() as writer:
            if self._has_reached(reached):
                return
            writer.delete_documents_by_query(Query.all_query())
            self._commit(writer, reached, chunks)

    def search(
        self,
        query_terms: Sequence[str],
        *,
        principals: Sequence[str] | None,
        limit: int,
        document_ids: Collection[UUID] | None = None,
        excluded_document_ids: Collection[UUID] = (),
    ) -> list[LexicalHit]:
        """The chunks with the highest BM25 that one of the principals (None: all) may read.

        Best first. The filters add nothing to a score. A term that the query repeats counts as
        often as it stands there, as in rank_bm25. No terms, or an empty list of principals: no
        hits. Each of `document_ids` costs about 5 microseconds.

        Raises:
            IndexNotReady: A file cannot be read; the next reload checks them all.
        """
        chunk_filter = ChunkFilter(
            principals=principals,
            document_ids=document_ids,
            excluded_document_ids=excluded_document_ids,
        )
        searcher = self._opened.searcher
        with self._not_ready():
            return find_chunks(
                searcher, self._schema, query_terms, chunk_filter=chunk_filter, limit=limit
            )

    def statistics(self, terms: Iterable[str]) -> IndexStatistics:
        """What the scores of these terms are made with, for `kb.lexical.scoring.score_fresh`."""
        with self._not_ready():
            return read_statistics(self._opened.searcher, self._schema, terms)

    def idf_by_term(self, terms: Iterable[str]) -> dict[str, float]:
        """How rare each term is among all chunks; without those that none holds."""
        searcher = self._opened.searcher
        chunk_count = searcher.num_docs
        with self._not_ready():
            count_by_term = {term: searcher.doc_freq("body", term) for term in terms}
        # Deleted chunks count in a term's frequency until they are merged away.
        return {
            term: inverse_document_frequency(min(count, chunk_count), chunk_count)
            for term, count in count_by_term.items()
            if count and chunk_count
        }

    def _open(self) -> _Opened:
        index, state = open_index(self._path, self._schema)
        self._is_doubtful = False
        return _opened(index, state)

    def _taken_up(self) -> _Opened:
        index, state = self._opened.index, read_state(self._path)
        if self._is_doubtful or state is None or not state.continues(self._opened.state):
            return self._open()
        try:
            index.reload()
        except ValueError:
            # A file of the new commit is missing: opening finds out whether for good.
            return self._open()
        return _opened(index, state)

    @contextmanager
    def _writing(self) -> Iterator[IndexWriter]:
        """The writer, with this object at the newest commit; ends with the folder's lock."""
        with self._applying:
            self.reload()
            with self._not_ready():
                writer = self._opened.index.writer(_WRITER_HEAP_BYTES, 1)
            try:
                self.reload()
                yield writer
            finally:
                # Also gives the lock back and drops what was not committed.
                with self._not_ready():
                    writer.wait_merging_threads()
            self.reload()

    def _commit(
        self, writer: IndexWriter, reached: Reached, chunks: Iterable[IndexedChunk]
    ) -> None:
        """Adds the chunks and what they reach, and makes them visible at once.

        That goes into the first chunk's document: one of its own would count as a chunk in N and
        in the average length, and does so only when there are no chunks.
        """
        carrier: Reached | None = reached
        for chunk in chunks:
            document = _chunk_document(chunk)
            if carrier is not None:
                add_reached(document, carrier)
                carrier = None
            # Not `with`: it would take as long as making the document.
            try:
                writer.add_document(document)
            except ValueError as error:
                raise self._stopped(error) from error
        with self._not_ready():
            if carrier is not None:
                writer.add_document(_generation_document(carrier))
            writer.commit()

    @contextmanager
    def _not_ready(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise self._stopped(error) from error

    def _stopped(self, error: ValueError) -> IndexNotReady:
        """Tantivy raises ValueError for all that stops it: a lock that is held, a lost file."""
        if "LockBusy" in str(error):
            return IndexNotReady(
                "The lexical index cannot be written: another process is writing it."
            )
        self._is_doubtful = True
        return IndexNotReady("The lexical index cannot be used: its files will be checked.")


def _opened(index: Index, state: FolderState) -> _Opened:
    searcher = index.searcher()
    return _Opened(index=index, searcher=searcher, state=state, reached=read_reached(searcher))


def _chunk_document(chunk: IndexedChunk) -> Document:
    document = Document()
    document.add_unsigned("chunk_id", chunk.chunk_id)
    document.add_unsigned("language", number_of(chunk.language))
    document.add_text("document_id", str(chunk.document_id))
    for principal in chunk.principals:
        document.add_text("principals", principal)
    document.add_text("body", analyse_joined(chunk.text, chunk.language))
    return document


def _generation_document(reached: Reached) -> Document:
    document = Document()
    document.add_text("document_id", _GENERATION_ONLY)
    add_reached(document, reached)
    return document
