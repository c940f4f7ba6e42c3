"""Vectors of sentences: made once for a document, forgotten when it goes, and never too many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from app.retrieve.sentence_vectors import BESIDE_BYTES, SentenceVectors
from kb.unit_vectors import Vectors
from tests.footnote.small_embedder import SmallEmbedder

FIRST, SECOND = UUID(int=1), UUID(int=2)


@dataclass(kw_only=True)
class Model:
    """Embeds, and tells what it was asked for at once."""

    calls: list[list[str]] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        return SmallEmbedder().embed_passages(texts)


def test_a_sentence_is_embedded_once() -> None:
    model = Model()
    vectors = SentenceVectors(model.embed)

    vectors.embed([(FIRST, "The desk."), (FIRST, "The chair.")])
    rows = vectors.embed([(FIRST, "The lamp."), (FIRST, "The desk."), (FIRST, "The lamp.")])

    assert model.calls == [["The desk.", "The chair."], ["The lamp."]]
    expected = SmallEmbedder().embed_passages(["The lamp.", "The desk.", "The lamp."])
    assert np.array_equal(rows, expected)


def test_the_same_words_in_another_document_take_as_long_as_any() -> None:
    # Else whoever writes a guess in a document of their own would learn what others keep.
    model = Model()
    vectors = SentenceVectors(model.embed)

    vectors.embed([(FIRST, "The bonus is 400.")])
    vectors.embed([(SECOND, "The bonus is 400.")])

    assert model.calls == [["The bonus is 400."], ["The bonus is 400."]]


def test_nothing_is_kept_of_what_is_embedded_while_all_is_forgotten() -> None:
    def embed(texts: Sequence[str]) -> Vectors:
        vectors.forget()
        return SmallEmbedder().embed_passages(texts)

    vectors = SentenceVectors(embed)

    vectors.embed([(FIRST, "The desk.")])

    assert len(vectors) == 0


def test_the_sentences_asked_about_last_are_kept() -> None:
    model = Model()
    row_bytes = SmallEmbedder().embed_passages(["x"])[0].nbytes + BESIDE_BYTES
    vectors = SentenceVectors(model.embed, max_bytes=2 * row_bytes)

    for text in ("one", "two", "one", "three"):
        vectors.embed([(FIRST, text)])
    vectors.embed([(FIRST, "one"), (FIRST, "three")])

    assert len(vectors) == 2
    assert model.calls == [["one"], ["two"], ["three"]]
