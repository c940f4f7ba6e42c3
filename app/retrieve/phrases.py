"""The evidence of a passage's own text, once it has been read.

score(p) = pairs(p) + coverage(p) + length(p) + 0.5 * start(p), in standard deviations of evidence

pairs(p):    share of the question's pairs of neighbouring terms that stand together in p
coverage(p): share of the question's terms that p holds, each weighed by its idf squared, as where
             both sides of a cosine are weighed by idf; terms as in the passage's language
length(p):   its letters up to 400, as a share: a heading alone answers nothing
start(p):    1 / (1 + o / 1000), o letters of the document before p: documents begin with what
             they are about

The mean nDCG@10 of seven sets is .005, .003, .004 and .004 less without pairs, coverage, length
or start; on passages of long papers (covidqa), looked at only as a check, .021, .026, .004, .008.
Sources: Metzler and Croft, A Markov Random Field Model for Term Dependencies, SIGIR 2005,
doi:10.1145/1076034.1076115 (pairs); Fang, Tao, Zhai, A Formal Study of Information Retrieval
Heuristics, SIGIR 2004, doi:10.1145/1008992.1009004 (coverage of distinct terms).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.index.held_passages import HeldPassage
from kb.index.lexical.analysis import analyse
from kb.index.lexical.bags import keys_of

READ_PASSAGES: Final = 40
"""Passages read; the mean nDCG@10 is .002 less with 20, .001 less with 30, the same with 60."""

START_WEIGHT: Final = 0.5
"""From .3 to 1 the mean nDCG@10 stays within .001."""

FULL_LETTERS: Final = 400
"""About three quarters of a chunk; with 300 or 500 the mean nDCG@10 is up to .001 less."""

START_LETTERS: Final = 1_000
"""With 500 or 2,000 the mean nDCG@10 is .001 less."""


@dataclass(frozen=True, kw_only=True)
class WeighedQuestion:
    """Its terms as passages have them, (t,), their weights, and (p, 2) places of neighbours."""

    terms: NDArray[np.uint32]
    weights: NDArray[np.float64]
    pairs: NDArray[np.intp]


def weigh_question(
    text: str, language: str | None, idf_by_term: Mapping[str, float]
) -> WeighedQuestion:
    """The question as passages of the language are read; a term without an idf counts nothing."""
    terms = analyse(text, language)
    place_by_term = {term: place for place, term in enumerate(dict.fromkeys(terms))}
    weights = np.array([idf_by_term.get(term, 0.0) ** 2 for term in place_by_term])
    places = (place_by_term[term] for term in terms)
    return WeighedQuestion(
        terms=keys_of(list(place_by_term)),
        weights=weights / max(weights.sum(), np.finfo(np.float64).tiny),
        pairs=np.array(list(dict.fromkeys(pairwise(places))), dtype=np.intp).reshape(-1, 2),
    )


def score_texts(question: WeighedQuestion, held: Sequence[HeldPassage]) -> NDArray[np.float64]:
    """The evidence of its text for each of the passages, one at least, from 0 to 3.5.

    `question` is weighed in the passages' language. Forty passages take .15 ms.
    """
    terms = np.concatenate([each.terms for each in held])
    starts = np.cumsum([0, *(len(each.terms) for each in held[:-1])])
    is_term = terms == question.terms[:, None]
    coverage = question.weights @ np.logical_or.reduceat(is_term, starts, axis=1)
    is_pair = np.zeros((len(question.pairs), len(terms)), dtype=bool)
    first, second = question.pairs.T
    # No pair stands over two passages: each ends with what is no term.
    np.logical_and(is_term[first, :-1], is_term[second, 1:], out=is_pair[:, :-1])
    found_pairs = np.logical_or.reduceat(is_pair, starts, axis=1).sum(axis=0)
    letters = np.array([len(each.passage.text) for each in held])
    offsets = np.array([each.passage.location["char_start"] for each in held])
    return np.asarray(
        found_pairs / max(1, len(question.pairs))
        + coverage
        + np.minimum(1.0, letters / FULL_LETTERS)
        + START_WEIGHT / (1 + offsets / START_LETTERS)
    )
