"""nDCG, MRR and recall: by hand, and against a second implementation."""

import random
from collections.abc import Callable, Mapping, Sequence

import ir_measures
import pytest
from ir_measures import RR, R, nDCG

from footnote.evals.metrics import mrr_at, ndcg_at, recall_at

QUESTIONS = 200
DOCUMENTS = [f"d{number}" for number in range(60)]


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    # Gains 0, 2, 1 at ranks 1 to 3: 2 / log2(3) + 1 / log2(4) = 1.26186 + .5 = 1.76186.
    # Ideal 2, 1: 2 / log2(2) + 1 / log2(3) = 2 + .63093 = 2.63093.
    found = ndcg_at(["x", "a", "b"], {"a": 2, "b": 1}, 10)

    assert found == pytest.approx(1.76186 / 2.63093, abs=1e-5)


def test_ndcg_sees_nothing_behind_k() -> None:
    assert ndcg_at(["x", "a"], {"a": 1}, 1) == 0
    # Both the found and the ideal order are cut: the first place is all there is.
    assert ndcg_at(["a", "x"], {"a": 1, "b": 1}, 1) == 1


def test_mrr_is_one_over_the_first_relevant_rank() -> None:
    assert mrr_at(["x", "y", "a", "b"], ["b", "a"], 10) == pytest.approx(1 / 3)
    assert mrr_at(["x", "y", "a"], ["a"], 2) == 0


def test_nothing_relevant_or_nothing_found_is_zero() -> None:
    assert ndcg_at(["a"], {}, 10) == 0
    assert ndcg_at([], {"a": 1}, 10) == 0
    assert mrr_at([], ["a"], 10) == 0


Ranking = tuple[list[str], dict[str, float], dict[str, int]]


def rankings(scores_to_choose_from: int) -> dict[str, Ranking]:
    """For each question the shown order, the scores behind it, and graded relevance.

    Few scores to choose from make ties, which trec_eval breaks by the id, the greater one first.
    """
    generator = random.Random(20261120)  # noqa: S311  # data, no secret
    made: dict[str, Ranking] = {}
    for number in range(QUESTIONS):
        found = generator.sample(DOCUMENTS, generator.randint(1, len(DOCUMENTS)))
        score_by_id = {each: float(generator.randrange(scores_to_choose_from)) for each in found}
        by_id = sorted(found, reverse=True)
        order = sorted(by_id, key=lambda each: score_by_id[each], reverse=True)
        relevant = generator.sample(DOCUMENTS, generator.randint(1, 8))
        gains = {each: generator.randint(1, 3) for each in relevant}
        made[str(number)] = (order, score_by_id, gains)
    return made


OURS: Mapping[str, Callable[[Sequence[str], Mapping[str, int]], float]] = {
    "nDCG@10": lambda order, gains: ndcg_at(order, gains, 10),
    "nDCG@3": lambda order, gains: ndcg_at(order, gains, 3),
    "RR": lambda order, gains: mrr_at(order, gains, len(DOCUMENTS)),
    "RR@10": lambda order, gains: mrr_at(order, gains, 10),
    "R@5": lambda order, gains: recall_at(order, gains, 5),
    "R@20": lambda order, gains: recall_at(order, gains, 20),
}


@pytest.mark.parametrize(
    ("scores_to_choose_from", "measures"),
    [
        (10**9, [nDCG @ 10, nDCG @ 3, RR, RR @ 10, R @ 5, R @ 20]),
        # RR@10 is not trec_eval's there, and breaks ties by the lesser id.
        (4, [nDCG @ 10, nDCG @ 3, RR, R @ 5, R @ 20]),
    ],
    ids=["no ties", "many ties"],
)
def test_the_measures_agree_with_ir_measures(
    scores_to_choose_from: int, measures: list[ir_measures.Measure]
) -> None:
    made = rankings(scores_to_choose_from)

    theirs = list(
        ir_measures.iter_calc(
            measures,
            {name: gains for name, (_, _, gains) in made.items()},
            {name: scores for name, (_, scores, _) in made.items()},
        )
    )

    assert len(theirs) == QUESTIONS * len(measures)
    for each in theirs:
        order, _, gains = made[each.query_id]
        assert OURS[str(each.measure)](order, gains) == pytest.approx(each.value, abs=1e-9), each
