"""One tenant's BM25 index on local disk: derived from Postgres, followed by generation, disposable.

A change is one commit: documents and generation arrive together or not at all. Several processes
may share a folder: one writes at a time, all read.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import UUID

from tantivy import Document, Index, IndexWriter, Query

from kb.errors import IndexNotReady
from kb.index.lexical.analysis import analyse_joined
from kb.index.lexical.bags import bag_of
from kb.index.lexical.doubt import Doubt
from kb.index.lexical.folder import FolderState, build_schema, has_remains, open_index, read_state
from kb.index.lexical.reader import IndexReader
from kb.index.reached import NOTHING, UNKNOWN_HISTORY, Reached
from kb.store.chunks import IndexedChunk
from language.snowball import number_of

_GENERATION_ONLY: Final = "generation"
"""Document id of the document that a commit without chunks writes its generation into."""

_WRITER_HEAP_BYTES: Final = 64_000_000
"""Sorted in memory before a segment is written; a small change takes 10 ms whatever this is."""


@dataclass(frozen=True, kw_only=True)
class _Opened:
    index: Index
    state: FolderState
    reader: IndexReader


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
        self._doubt = Doubt()
        self._opened = self._open()

    @property
    def generation(self) -> int:
        """The generation of the commit that searches read; 0 means empty: rebuild it."""
        return self.reader.reached.generation

    @property
    def reader(self) -> IndexReader:
        """The commit that searches read; it stays as it is when the index goes on."""
        return self._opened.reader

    def is_current(self) -> bool:
        """False when there is something to take up by `reload`; 2 microseconds a file."""
        return not self._doubt.is_raised and self._opened.state.stands_at(self._path)

    def reload(self) -> int:
        """The generation after taking up what other processes did; nothing if `is_current`.

        A folder that was deleted, damaged or replaced is opened anew, empty if need be.

        Raises:
            IndexNotReady: As for opening.
        """
        with self._reloading:
            if self.is_current():
                return self.generation
            index, earlier, state = self._opened.index, self._opened.state, read_state(self._path)
            if self._doubt.is_raised or state is None or not state.continues(earlier):
                self._opened = self._open()
                return self.generation
            try:
                index.reload()
            except ValueError:
                # A file of the new commit is missing: opening finds out whether for good.
                self._opened = self._open()
            else:
                self._opened = self._read(index, state)
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
        return self.reader.reached == target and target.history != UNKNOWN_HISTORY

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

    def purge(
        self, *, generation: int, chunks: Iterable[IndexedChunk], history: int = UNKNOWN_HISTORY
    ) -> None:
        """Writes everything anew, so that no file holds what was deleted or replaced before.

        Until a segment is merged its files keep that. Searches read the old content until then.

        Raises:
            IndexNotReady: Another process is writing or has gone further, the folder was lost
                meanwhile, or a search still reads old files. Try again.
        """
        with self._writing() as writer:
            if self.generation > generation:
                raise IndexNotReady
            writer.delete_documents_by_query(Query.all_query())
            self._commit(writer, Reached(generation=generation, history=history), chunks)
        # The reader of the old commit is let go by now.
        with self._writing() as writer:
            writer.garbage_collect_files()
        if has_remains(self._path):
            raise IndexNotReady

    def has_remains(self) -> bool:
        """True when its files hold chunks that were deleted or replaced."""
        return has_remains(self._path)

    def _open(self) -> _Opened:
        index, state = open_index(self._path, self._schema)
        self._doubt.is_raised = False
        return self._read(index, state)

    def _read(self, index: Index, state: FolderState) -> _Opened:
        searcher = index.searcher()
        # In the carrier of the highest generation; older ones stay until they are merged.
        newest = searcher.search(
            Query.exists_query("generation"), 1, count=False, order_by_field="generation"
        )
        reached = NOTHING
        if newest.hits:
            generation, address = newest.hits[0]
            (history,) = searcher.fast_field_values("history", [address])
            reached = Reached(generation=int(generation), history=int(history or UNKNOWN_HISTORY))
        reader = IndexReader(searcher, self._schema, reached, self._doubt)
        return _Opened(index=index, state=state, reader=reader)

    @contextmanager
    def _writing(self) -> Iterator[IndexWriter]:
        """The writer, with this object at the newest commit; ends with the folder's lock."""
        with self._applying:
            self.reload()
            with self._doubt.raised_by_errors():
                writer = self._opened.index.writer(_WRITER_HEAP_BYTES, 1)
            try:
                self.reload()
                yield writer
            finally:
                # Also gives the lock back and drops what was not committed.
                with self._doubt.raised_by_errors():
                    writer.wait_merging_threads()
            self.reload()

    def _commit(
        self, writer: IndexWriter, reached: Reached, chunks: Iterable[IndexedChunk]
    ) -> None:
        """Adds the chunks and what they reach, and makes them visible at once.

        That goes into the first chunk's document: one of its own would count as a chunk in N and
        in the average length, and does so only when there are no chunks.
        """
        documents = map(_chunk_document, chunks)
        carrier = next(documents, None)
        if carrier is None:
            carrier = Document()
            carrier.add_text("document_id", _GENERATION_ONLY)
        carrier.add_unsigned("generation", reached.generation)
        carrier.add_unsigned("history", reached.history)
        for document in chain([carrier], documents):
            # Not `with`: it would take as long as making the document.
            try:
                writer.add_document(document)
            except ValueError as error:
                raise self._doubt.stopped(error) from error
        with self._doubt.raised_by_errors():
            writer.commit()


def _chunk_document(chunk: IndexedChunk) -> Document:
    document = Document()
    document.add_unsigned("chunk_id", chunk.chunk_id)
    document.add_unsigned("language", number_of(chunk.language))
    document.add_text("document_id", str(chunk.document_id))
    for principal in chunk.principals:
        document.add_text("principals", principal)
    joined = analyse_joined(chunk.text, chunk.language)
    terms = joined.split()
    if terms:
        document.add_unsigned("length", len(terms))
    document.add_text("body", joined)
    document.add_bytes("bag", bag_of(terms))
    return document
