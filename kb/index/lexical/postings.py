"""The chunks that an index on disk holds, to compare with those that are stored."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import cast

from tantivy import Occur, Query, Schema, Searcher

from kb.errors import IndexNotReady
from kb.index.lexical.folder import build_schema, load_index, read_state
from kb.index.reached import NOTHING, UNKNOWN_HISTORY, Reached


class Postings:
    """One commit of an index; it stays as it is when the index goes on."""

    def __init__(self, searcher: Searcher, schema: Schema) -> None:
        """`searcher` is that of the commit."""
        self._searcher = searcher
        self._schema = schema
        self.reached = _reached(searcher)

    def count_by_chunk(self, *, without_documents: Collection[str]) -> Counter[int]:
        """How often each chunk is there, apart from the chunks of some documents."""
        # What holds a generation and no chunk is left out.
        conditions = [(Occur.Must, Query.exists_query("chunk_id"))]
        if without_documents:
            others = Query.term_set_query(self._schema, "document_id", sorted(without_documents))
            conditions.append((Occur.MustNot, others))
        query = Query.boolean_query(conditions)
        found = self._searcher.search(query, self._searcher.num_docs + 1, count=False)
        addresses = [address for _, address in found.hits]
        chunk_ids = cast("list[int]", self._searcher.fast_field_values("chunk_id", addresses))
        return Counter(chunk_ids)


def open_postings(path: Path) -> Postings | None:
    """The postings of the newest commit in the folder; None when there is no index.

    Nothing is written. Raises IndexNotReady when the index cannot be read.
    """
    if read_state(path) is None:
        return None
    schema = build_schema()
    index = load_index(path, schema)
    if index is None:
        raise IndexNotReady("The lexical index is damaged, or of an earlier format.")
    return Postings(index.searcher(), schema)


def _reached(searcher: Searcher) -> Reached:
    newest = searcher.search(
        Query.exists_query("generation"), 1, count=False, order_by_field="generation"
    )
    if not newest.hits:
        return NOTHING
    generation, address = newest.hits[0]
    (history,) = searcher.fast_field_values("history", [address])
    return Reached(generation=int(generation), history=int(history or UNKNOWN_HISTORY))
