"""Searching what one index has committed, by the statistics of whoever searches."""

from collections.abc import Collection, Sequence
from uuid import UUID

from kb.index.lexical.index import TenantIndex
from kb.index.lexical.reader import ChunkFilter
from kb.index.lexical.records import LexicalHit
from kb.index.lexical.scoring import Bm25


def search(
    index: TenantIndex,
    terms: Sequence[str],
    *,
    principals: Sequence[str],
    limit: int,
    document_ids: Collection[UUID] | None = None,
    excluded_document_ids: Collection[UUID] = (),
) -> list[LexicalHit]:
    """The best chunks, best first."""
    reader = index.reader
    chunk_filter = ChunkFilter(
        principals=tuple(principals),
        document_ids=document_ids,
        excluded_document_ids=excluded_document_ids,
    )
    bm25 = Bm25(terms, reader.statistics(terms, principals=principals))
    return reader.search(bm25, chunk_filter, limit=limit)
