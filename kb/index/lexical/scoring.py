"""BM25 by the statistics of what the caller may read, the same for chunks in the index and beside.

score(q, c) = sum over terms t of q of  idf(t) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * |c| / avg))
idf(t)      = ln(1 + (N - n + 0.5) / (n + 0.5))

tf: occurrences of t in c; |c|: terms in c, rounded as the index stores it; avg: mean |c|;
n: chunks that hold t; N: chunks. A term that the query repeats counts as often as it stands there.
Whole numbers and one order of adding up make a score the same to the last bit wherever its chunk is
kept and whatever is kept beside it.
Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009,
doi:10.1561/1500000019; the form of idf, k1 and b are those of tantivy 0.27 (src/query/bm25.rs).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.index.lexical.bags import Bags
from kb.index.lexical.records import Statistics

K1: Final = 1.2
B: Final = 0.75


class Bm25:
    """Scores chunks for one query."""

    def __init__(self, query_terms: Sequence[str], statistics: Statistics) -> None:
        """`statistics` has the frequency of each of the terms."""
        self.statistics = statistics
        self.idf_by_term = {
            term: inverse_document_frequency(
                statistics.frequency_by_term[term], statistics.chunk_count
            )
            for term in dict.fromkeys(query_terms)
            if statistics.frequency_by_term[term]
        }
        counts = Counter(query_terms)
        self.weight_by_term = {term: counts[term] * idf for term, idf in self.idf_by_term.items()}
        self._average_length = statistics.average_length

    def score(self, bags: Bags) -> NDArray[np.float64]:
        """(n,) of chunks with these terms; 0 without any of the query's."""
        damping = damping_of(rounded_lengths(bags.lengths), self._average_length)
        scores = np.zeros(len(bags.lengths))
        # In the query's order: sums of the same numbers in another one differ in the last bits.
        for term, weight in self.weight_by_term.items():
            counts = bags.count(term)
            scores += weight * counts * (K1 + 1) / (counts + damping)
        return scores


def damping_of(lengths: NDArray[np.int64], average_length: float) -> NDArray[np.float64]:
    """The number added to a term's occurrences below the line: so many count half."""
    return K1 * (1 - B + B * lengths.astype(np.float64) / average_length)


def inverse_document_frequency(document_frequency: int, chunk_count: int) -> float:
    """The weight of a term: near 0 when every chunk holds it, never negative."""
    return log(1 + (chunk_count - document_frequency + 0.5) / (document_frequency + 0.5))


def rounded_lengths(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The lengths as the index's one byte keeps them: exact up to 40, then less than 1/9 short.

    Source: tantivy 0.27 src/fieldnorm/code.rs, after Lucene's SmallFloat.intToByte4: 24 values as
    they are, beyond them the excess over 24 with its four highest bits.
    """
    excess = np.maximum(lengths - 24, 0)
    bits = np.frexp(excess)[1].astype(np.int64)
    shift = np.maximum(bits - 4, 0)
    return lengths - excess + (excess >> shift << shift)


def statistics_of(term_lists: Iterable[Sequence[str]], wanted: Iterable[str]) -> Statistics:
    """The statistics of chunks of these terms, with the frequencies of the terms wanted."""
    frequencies = Counter(dict.fromkeys(wanted, 0))
    chunk_count = total_length = 0
    for terms in term_lists:
        chunk_count += bool(terms)
        total_length += len(terms)
        frequencies.update(frequencies.keys() & set(terms))
    return Statistics(
        chunk_count=chunk_count, total_length=total_length, frequency_by_term=frequencies
    )
