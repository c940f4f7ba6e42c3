"""What a caller finds follows from what they may read, whatever else the tenant has."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.index.lexical.analysis import analyse
from kb.index.lexical.bags import Bags, bag_of
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.records import LexicalHit
from kb.index.lexical.scoring import Bm25, statistics_of
from kb.index.lexical.view import LexicalQuery, LexicalResult, LexicalView
from kb.store.chunks import IndexedChunk

ANA, BEN, ALL = "user:ana", "user:ben", "tenant:*"
WORDS = ["fox", "dog", "cat", "owl", "elk"]


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document with a chunk for each text, in the order of ids."""

    number: int
    readers: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def chunks(self) -> list[IndexedChunk]:
        return [
            IndexedChunk(
                chunk_id=self.number * 10 + place,
                document_id=UUID(int=self.number),
                principals=self.readers,
                text=text,
                language="en",
            )
            for place, text in enumerate(self.texts)
        ]


@dataclass(frozen=True, kw_only=True)
class History:
    """Documents: of the index's commits, then those that it does not know; numbers that go."""

    committed: tuple[Document, ...]
    deleted: frozenset[int]
    recent: tuple[Document, ...]
    recently_deleted: frozenset[int]

    def seen_by(self, readers: Sequence[str]) -> "History":
        """As if the others had never been there."""

        def seen(documents: Sequence[Document]) -> tuple[Document, ...]:
            return tuple(each for each in documents if set(each.readers) & set(readers))

        return History(
            committed=seen(self.committed),
            deleted=self.deleted,
            recent=seen(self.recent),
            recently_deleted=self.recently_deleted,
        )


texts = st.lists(st.sampled_from(WORDS), min_size=0, max_size=60).map(" ".join)
readers = st.sampled_from([(ALL,), (ANA,), (BEN,), (ANA, BEN), (BEN, "group:x")])
bodies = st.tuples(readers, st.lists(texts, min_size=1, max_size=3).map(tuple))


@st.composite
def histories(draw: st.DrawFn) -> History:
    written = draw(st.lists(bodies, min_size=1, max_size=12))
    documents = [
        Document(number=number, readers=who, texts=of)
        for number, (who, of) in enumerate(written, start=1)
    ]
    split = draw(st.integers(min_value=0, max_value=len(documents)))
    numbers = st.frozensets(st.integers(min_value=1, max_value=12), max_size=4)
    return History(
        committed=tuple(documents[:split]),
        deleted=draw(numbers),
        recent=tuple(documents[split:]),
        recently_deleted=draw(numbers),
    )


def view_of(history: History, folder: Path, viewer: tuple[str, ...]) -> LexicalView:
    """A commit for each document, one for the deletions, and what row security shows beside."""
    index = TenantIndex(folder)
    generation = 0
    for document in history.committed:
        generation += 1
        index.apply(
            since=0, generation=generation, replaced_documents=[], chunks=iter(document.chunks)
        )
    gone = [UUID(int=number) for number in history.deleted]
    index.apply(since=0, generation=generation + 1, replaced_documents=gone, chunks=[])
    changed = {*history.recently_deleted, *(each.number for each in history.recent)}
    fresh = [
        chunk
        for document in history.recent
        if document.number not in history.recently_deleted and set(document.readers) & set(viewer)
        for chunk in document.chunks
    ]
    return LexicalView(
        reader=index.reader,
        principals=viewer,
        changed=tuple(UUID(int=number) for number in sorted(changed)),
        fresh=fresh,
    )


def searched(
    history: History, viewer: tuple[str, ...], terms: Sequence[str], limit: int
) -> LexicalResult:
    query = LexicalQuery(terms=terms, limit=limit, document_ids=None, excluded_document_ids=())
    with tempfile.TemporaryDirectory() as folder:
        view = view_of(history, Path(folder, "index"), viewer)
        return asyncio.run(view.search(query))


def by_hand(
    history: History, viewer: tuple[str, ...], terms: Sequence[str], limit: int
) -> LexicalResult:
    """The formula over every chunk that is left, without an index."""
    seen = history.seen_by(viewer)
    left = [each for each in seen.committed if each.number not in seen.deleted]
    chunks = {
        chunk.chunk_id: analyse(chunk.text, "en")
        for each in (*left, *seen.recent)
        if each.number not in seen.recently_deleted
        for chunk in each.chunks
    }
    bm25 = Bm25(terms, statistics_of(chunks.values(), terms))
    scores = bm25.score(Bags([bag_of(of_chunk) for of_chunk in chunks.values()])).tolist()
    hits = [
        LexicalHit(chunk_id=chunk_id, score=score, language="en")
        for chunk_id, score in zip(chunks, scores, strict=True)
        if score
    ]
    best = sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
    return LexicalResult(hits=best[:limit], idf_by_term=bm25.idf_by_term)


@settings(max_examples=25, deadline=None)
@given(
    histories(),
    st.sampled_from([(ALL,), (ALL, ANA), (ALL, BEN), (BEN,)]),
    st.lists(st.sampled_from([*WORDS, "unknown"]), min_size=1, max_size=6),
    st.sampled_from([1, 3, 50]),
)
def test_hidden_and_deleted_chunks_change_nothing(
    history: History, viewer: tuple[str, ...], terms: list[str], limit: int
) -> None:
    found = searched(history, viewer, terms, limit)

    assert found == searched(history.seen_by(viewer), viewer, terms, limit)
    assert found == by_hand(history, viewer, terms, limit)


@pytest.mark.parametrize("hidden_words", [1, 4, 400])
def test_the_best_are_found_whatever_the_mean_length_of_hidden_chunks(
    tmp_path: Path, hidden_words: int
) -> None:
    # With tantivy's own mean length shorter or longer ones would be taken for the best.
    seen = [
        Document(
            number=number, readers=(ANA,), texts=("fox " * (1 + number % 4) + "dog " * number,)
        )
        for number in range(1, 120)
    ]
    hidden = [
        Document(number=number, readers=(BEN,), texts=("fox " + "elk " * hidden_words,))
        for number in range(200, 500)
    ]
    index = TenantIndex(tmp_path / "index")
    index.rebuild(
        generation=1, chunks=(chunk for each in (*hidden, *seen) for chunk in each.chunks)
    )
    view = LexicalView(reader=index.reader, principals=(ANA,), changed=(), fresh=[])
    query = LexicalQuery(terms=["fox"], limit=10, document_ids=None, excluded_document_ids=())

    found = asyncio.run(view.search(query))

    everything = History(
        committed=tuple(seen),
        deleted=frozenset(),
        recent=(),
        recently_deleted=frozenset(),
    )
    assert found == by_hand(everything, (ANA,), ["fox"], 10)
