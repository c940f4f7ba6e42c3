"""Which state of Postgres a commit of the index holds, written into one of its documents."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tantivy import Document, Query, Searcher

from kb.store.tenants import Change

UNKNOWN_HISTORY: Final = 0
"""Of an index that nobody has told; no change of a tenant has it."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A generation, and which change it was: a restored database counts its generations again.

    Generation 0 means empty: build the index. `history` comes from `history_of`.
    """

    generation: int
    history: int


def history_of(change: Change | None) -> int:
    """A number below 2**64 that names the change; UNKNOWN_HISTORY without one."""
    if change is None:
        return UNKNOWN_HISTORY
    digest = sha256(f"{change.transaction} {change.document_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


NOTHING: Final = Reached(generation=0, history=UNKNOWN_HISTORY)


def add_reached(document: Document, reached: Reached) -> None:
    """Makes the document the carrier of what its commit has reached."""
    document.add_unsigned("generation", reached.generation)
    document.add_unsigned("history", reached.history)


def read_reached(searcher: Searcher) -> Reached:
    """What the carrier with the highest generation says; older ones stay until they are merged."""
    newest = searcher.search(
        Query.exists_query("generation"), 1, count=False, order_by_field="generation"
    )
    if not newest.hits:
        return NOTHING
    generation, address = newest.hits[0]
    (history,) = searcher.fast_field_values("history", [address])
    return Reached(generation=int(generation), history=int(history or UNKNOWN_HISTORY))
