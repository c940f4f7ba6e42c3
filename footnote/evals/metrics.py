"""Measures: pure functions of what was given and what was right."""

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from math import log2, sqrt
from typing import Final

from scipy.stats import rankdata

_ARTICLES: Final = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION: Final = str.maketrans(dict.fromkeys(string.punctuation, " "))


def normalize_answer(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces.

    As in the SQuAD evaluation, except that punctuation becomes a space: `twin-cylinder` is two
    words on both sides. Source: Rajpurkar et al., EMNLP 2016.
    """
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def contains_answer(text: str, answers: Iterable[str]) -> bool:
    """True when the text holds one of the gold answers as whole words; an empty answer is none."""
    padded = f" {normalize_answer(text)} "
    wanted = (normalize_answer(answer) for answer in answers)
    return any(f" {answer} " in padded for answer in wanted if answer)


def first_contains_answer(quotes: Sequence[str], answers: Sequence[str]) -> bool:
    """True when the first quote holds a gold answer; no quote holds none."""
    return bool(quotes) and contains_answer(quotes[0], answers)


def any_contains_answer(quotes: Sequence[str], answers: Sequence[str]) -> bool:
    """True when one of the quotes holds a gold answer."""
    return any(contains_answer(quote, answers) for quote in quotes)


def share(flags: Sequence[bool]) -> float:
    """Share of true ones, 0 to 1; 0 for none at all."""
    return sum(flags) / len(flags) if flags else 0.0


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n independent flags; 0 to 1 for none at all.

    With z = 1.96 and p = hits / n: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    Source: Wilson, JASA 22(158), 1927.
    """
    if not n:
        return 0.0, 1.0
    z = 1.96
    middle = hits / n + z**2 / (2 * n)
    reach = z * sqrt(hits / n * (1 - hits / n) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def recall_at(ranked: Sequence[str], relevant: Iterable[str], k: int) -> float:
    """Recall@k: share of the relevant ids among the first k; 0 when nothing is relevant."""
    wanted = frozenset(relevant)
    return len(wanted.intersection(ranked[:k])) / len(wanted) if wanted else 0.0


def ndcg_at(ranked: Sequence[str], gain_by_id: Mapping[str, int], k: int) -> float:
    """nDCG@k: DCG@k over the DCG@k of the ideal order; 0 when nothing is relevant.

    DCG@k = sum over ranks r <= k of gain(r) / log2(r + 1), the gain being the relevance itself,
    as trec_eval has it. Source: Jarvelin and Kekalainen, TOIS 20(4), 2002.

    Like all measures here it takes the order in which things were shown: who ranks breaks ties.
    """
    found = _discounted([gain_by_id.get(each, 0) for each in ranked[:k]])
    ideal = _discounted(sorted(gain_by_id.values(), reverse=True)[:k])
    return found / ideal if ideal else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def mrr_at(ranked: Sequence[str], relevant: Iterable[str], k: int) -> float:
    """Reciprocal rank of the first relevant id among the first k; 0 when there is none.

    Its mean over questions is MRR@k.
    """
    wanted = frozenset(relevant)
    ranks = (rank for rank, each in enumerate(ranked[:k], start=1) if each in wanted)
    return 1 / first if (first := next(ranks, None)) else 0.0


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Chance that a random positive scores above a random negative, ties half.

    Mann-Whitney U over n * m; ValueError when a side is empty.
    """
    if not positives or not negatives:
        raise ValueError("AUROC needs at least one score on each side.")
    n, m = len(positives), len(negatives)
    ranks = rankdata([*positives, *negatives])  # ties share the mean of their ranks
    return (float(ranks[:n].sum()) - n * (n + 1) / 2) / (n * m)


def balanced_accuracy(positives: Sequence[bool], negatives: Sequence[bool]) -> float:
    """Mean of the shares judged rightly on both sides; `True` means judged positive."""
    return (share(positives) + share([not judged for judged in negatives])) / 2


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile: the smallest value with at least that share at or below it."""
    if not values:
        raise ValueError("No percentile of nothing.")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]
