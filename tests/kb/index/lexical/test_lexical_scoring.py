import random
from collections import Counter
from math import log
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from kb.index.lexical.bags import Bags, bag_of
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.records import Statistics
from kb.index.lexical.scoring import (
    K1,
    B,
    Bm25,
    inverse_document_frequency,
    rounded_lengths,
    statistics_of,
)
from kb.store.chunks import IndexedChunk
from tests.kb.index.lexical.committed import search

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
    hits = search(index, terms, principals=[ALL], limit=limit)
    return {hit.chunk_id: hit.score for hit in hits}


QUERIES = [["w1"], ["w3", "w40", "w401"], ["w7", "w7", "w90"], ["w2", "absent", "w11", "w250"]]


@pytest.mark.parametrize("query", QUERIES)
def test_index_scores_like_rank_bm25_over_the_lengths_it_stores(
    tmp_path: Path, query: list[str]
) -> None:
    corpus = random_corpus(seed=11, count=400)
    oracle = Bm25OfTantivy(corpus, k1=K1, b=B)
    oracle.doc_len = rounded_lengths(np.array(oracle.doc_len)).tolist()

    actual = scores(indexed(tmp_path / "index", corpus), query, limit=400)

    expected = {number: score for number, score in enumerate(oracle.get_scores(query)) if score > 0}
    assert actual == pytest.approx(expected, rel=1e-12)


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
    assert all(actual[number] >= expected[number] * (1 - 1e-12) for number in expected)


def test_scores_of_the_best_are_the_same_however_few_are_wanted(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", random_corpus(seed=13, count=400))

    for query in QUERIES:
        everything = search(index, query, principals=[ALL], limit=400)

        assert search(index, query, principals=[ALL], limit=7) == everything[:7]


def test_statistics_are_those_of_the_corpus(tmp_path: Path) -> None:
    corpus = [["fox", "dog"], ["dog"], ["cat"] * 6, ["..."]]

    statistics = indexed(tmp_path / "index", corpus).reader.statistics(
        ["dog", "cat", "bird"], principals=[ALL]
    )

    # A chunk without a term is none.
    assert statistics == Statistics(
        chunk_count=3, total_length=9, frequency_by_term={"dog": 2, "cat": 1, "bird": 0}
    )
    assert statistics.average_length == 3.0


def test_a_change_without_chunks_does_not_count(tmp_path: Path) -> None:
    index = indexed(tmp_path / "index", [["fox", "dog"], ["dog"], ["cat"] * 6])
    before = index.reader.statistics(["dog"], principals=[ALL])

    index.apply(since=0, generation=2, replaced_documents=[], chunks=[])

    assert index.reader.statistics(["dog"], principals=[ALL]) == before


def test_a_chunk_scores_by_the_statistics_alone() -> None:
    statistics = statistics_of([["fox"], ["fox", "dog", "dog"], ["cat", "cat"], []], ["fox"])

    bm25 = Bm25(["fox"], statistics)

    # N = 3, n = 2, average 2: idf = ln(1 + 1.5 / 2.5) = 0.470004.
    # Chunk 1: 2.2 / (1 + 1.2 (0.25 + 0.75 / 2)) = 2.2 / 1.75; chunk 2: 2.2 / (1 + 1.2 * 1.375).
    chunks = Bags([bag_of(terms) for terms in (["fox"], ["dog", "fox", "dog"], ["cat"] * 2, [])])
    assert bm25.score(chunks).tolist() == pytest.approx(
        [0.470004 * 2.2 / 1.75, 0.470004 * 2.2 / 2.65, 0, 0], rel=1e-5
    )


def test_statistics_of_nothing_find_nothing(tmp_path: Path) -> None:
    nothing = statistics_of([], ["fox"])

    assert Bm25(["fox"], nothing).score(Bags([bag_of(["fox"])])).tolist() == [0]
    assert search(TenantIndex(tmp_path / "index"), ["fox"], principals=[ALL], limit=5) == []


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
    assert rounded_lengths(np.array([length])).tolist() == [stored]


@given(st.integers(min_value=0, max_value=10**7))
def test_rounded_lengths_are_less_than_a_ninth_short(length: int) -> None:
    assert length * 8 / 9 <= rounded_lengths(np.array([length]))[0] <= length


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
