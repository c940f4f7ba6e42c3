import random
from collections import Counter
from math import log
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from kb.chunks import IndexedChunk
from kb.lexical.index import TenantIndex
from kb.lexical.records import IndexStatistics
from kb.lexical.scoring import K1, B, inverse_document_frequency, rounded_length, score_fresh

ALL = "tenant:*"


def chunk(chunk_id: int, text: str) -> IndexedChunk:
    return IndexedChunk(
        chunk_id=chunk_id,
        document_id=UUID(int=chunk_id),
        principals=(ALL,),
        text=text,
        language=None,
    )


def random_corpus(seed: int, count: int) -> list[list[str]]:
    """Lists of one to 300 words, some words common and many rare; no analysis changes them."""
    source = random.Random(seed)  # noqa: S311 - repeatable words, no secret
    return [
        [f"w{int(source.paretovariate(0.6)) % 500}" for _ in range(source.randint(1, 300))]
        for _ in range(count)
    ]


class Bm25OfTantivy(BM25Okapi):  # type: ignore[misc]  # rank_bm25 ships no types
    """rank_bm25 with its own machinery, but the idf that never gets negative."""

    def _calc_idf(self, nd: dict[str, int]) -> None:
        self.idf = {
            word: log(1 + (self.corpus_size - n + 0.5) / (n + 0.5)) for word, n in nd.items()
        }


def indexed(path: Path, corpus: list[list[str]]) -> TenantIndex:
    index = TenantIndex(path)
    chunks = (chunk(number, " ".join(words)) for number, words in enumerate(corpus))
    index.apply(since=0, generation=1, replaced_documents=[], chunks=chunks)
    return index


def scores(index: TenantIndex, terms: list[str], limit: int) -> dict[int, float]:
    hits = index.search(terms, principals=[ALL], limit=limit)
    return {hit.chunk_id: hit.score for hit in hits}


QUERIES = [["w1"], ["w3", "w40", "w401"], ["w7", "w7", "w90"], ["w2", "absent", "w11", "w250"]]


@pytest.mark.parametrize("query", QUERIES)
def test_index_scores_like_rank_bm25_over_the_lengths_it_stores(
    tmp_path: Path, query: list[str]
) -> None:
    corpus = random_corpus(seed=11, count=400)
    oracle = Bm25OfTantivy(corpus, k1=K1, b=B)
    oracle.doc_len = [rounded_length(length) for length in oracle.doc_len]

    actual = scores(indexed(tmp_path / "index", corpus), query, limit=400)

    expected = {number: score for number, score in enumerate(oracle.get_scores(query)) if score > 0}
    # Tantivy adds up in 32 bits.
    assert actual == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("query", QUERIES)
def test_index_scores_are_near_rank_bm25_over_true_lengths(
    tmp_path: Path, query: list[str]
) -> None:
    corpus = random_corpus(seed=12, count=400)
    oracle = Bm25OfTantivy(corpus, k1=K1, b=B)

    actual = scores(indexed(tmp_path / "index", corpus), query, limit=400)

    expected = {number: score for number, score in enumerate(oracle.get_scores(query)) if score > 0}
    # A length is stored less than 1/9 short, and a score grows by less than the length shrinks.
    assert actual == pytest.approx(expected, rel=1 / 9)
    assert all(actual[number] >= expected[number] * (1 - 1e-5) for number in expected)


@pytest.mark.parametrize("query", QUERIES)
def test_fresh_chunks_score_as_the_index_would_score_them(tmp_path: Path, query: list[str]) -> None:
    corpus = random_corpus(seed=13, count=300)
    index = indexed(tmp_path / "index", corpus)
    chunks = [chunk(number, " ".join(words)) for number, words in enumerate(corpus)]

    fresh = score_fresh(chunks, query, index.statistics(query))

    found = index.search(query, principals=[ALL], limit=300)
    assert {hit.chunk_id: hit.score for hit in fresh} == pytest.approx(
        {hit.chunk_id: hit.score for hit in found}, rel=1e-5
    )
    assert [hit.score for hit in fresh] == sorted((hit.score for hit in fresh), reverse=True)


def test_statistics_are_those_of_the_corpus(tmp_path: Path) -> None:
    corpus = [["fox", "dog"], ["dog"], ["cat"] * 6]

    statistics = indexed(tmp_path / "index", corpus).statistics(["dog", "cat", "bird"])

    assert statistics == IndexStatistics(
        chunk_count=3, average_length=3.0, document_frequencies={"dog": 2, "cat": 1, "bird": 0}
    )


def test_statistics_count_one_more_after_a_change_without_chunks(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", [["fox", "dog"], ["dog"], ["cat"] * 6])

    index.apply(since=0, generation=2, replaced_documents=[], chunks=[])
    after_change_without_chunks = index.statistics(["dog"])
    index.apply(since=0, generation=3, replaced_documents=[], chunks=[chunk(9, "fox fox fox")])
    after_change_with_chunks = index.statistics(["dog"])

    # The document that keeps the generation has no terms: 9 terms over 4; then 12 over 4.
    assert after_change_without_chunks.chunk_count == 4
    assert after_change_without_chunks.average_length == 2.25
    assert after_change_with_chunks.chunk_count == 4
    assert after_change_with_chunks.average_length == 3.0


def test_statistics_without_any_hit_leave_the_length_open(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", [["fox"], ["dog"]])

    statistics = index.statistics(["bird"])

    assert statistics == IndexStatistics(
        chunk_count=2, average_length=0.0, document_frequencies={"bird": 0}
    )


def test_fresh_chunks_of_an_empty_index_are_scored_among_themselves() -> None:
    nothing = IndexStatistics(chunk_count=0, average_length=0.0, document_frequencies={})
    chunks = [chunk(1, "fox"), chunk(2, "fox dog dog"), chunk(3, "cat cat"), chunk(4, "...")]

    hits = score_fresh(chunks, ["fox"], nothing)

    # N = 3, n = 2, average 2: idf = ln(1 + 1.5 / 2.5) = 0.470004.
    # Chunk 1: 2.2 / (1 + 1.2 (0.25 + 0.75 / 2)) = 2.2 / 1.75; chunk 2: 2.2 / (1 + 1.2 * 1.375).
    assert [hit.chunk_id for hit in hits] == [1, 2]
    assert hits[0].score == pytest.approx(0.470004 * 2.2 / 1.75, rel=1e-5)
    assert hits[1].score == pytest.approx(0.470004 * 2.2 / 2.65, rel=1e-5)


def test_fresh_chunks_tie_by_chunk_id_and_need_a_term() -> None:
    statistics = IndexStatistics(
        chunk_count=10, average_length=4.0, document_frequencies={"fox": 2, "dog": 1}
    )
    chunks = [chunk(9, "fox"), chunk(3, "fox"), chunk(1, "cat")]

    hits = score_fresh(chunks, ["fox", "dog"], statistics)

    assert [hit.chunk_id for hit in hits] == [3, 9]
    assert score_fresh(chunks, [], statistics) == []


def test_repeated_query_terms_count_as_often_as_they_stand_there(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", [["fox", "dog"], ["cat"], ["bird", "fish"]])

    once, twice = scores(index, ["fox"], 5), scores(index, ["fox", "fox"], 5)

    assert twice[0] == pytest.approx(2 * once[0], rel=1e-6)


@pytest.mark.parametrize(
    ("length", "stored"),
    [
        *((0, 0), (1, 1), (39, 39), (40, 40), (41, 40), (42, 42), (56, 56), (59, 56), (60, 60)),
        *((63, 60), (110, 104), (119, 112), (120, 120), (1_000, 984), (65_000, 61_464)),
    ],
)
def test_lengths_are_rounded_as_the_index_stores_them(length: int, stored: int) -> None:
    assert rounded_length(length) == stored


@given(st.integers(min_value=0, max_value=10**7))
def test_rounded_lengths_are_less_than_a_ninth_short(length: int) -> None:
    assert length * 8 / 9 <= rounded_length(length) <= length


def test_rarer_terms_weigh_more_and_none_weighs_less_than_nothing() -> None:
    weights = [inverse_document_frequency(count, 100) for count in range(101)]

    assert weights == sorted(weights, reverse=True)
    assert weights[100] > 0


def test_random_corpus_is_what_the_comparisons_need() -> None:
    corpus = random_corpus(seed=11, count=400)
    counts = Counter(word for words in corpus for word in set(words))

    assert max(map(len, corpus)) > 250
    assert counts["w1"] > 200
    assert 0 < counts["w401"] < 100
