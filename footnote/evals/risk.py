"""The risk of answering only the most probable questions."""

from collections.abc import Sequence

import numpy as np

from footnote.evals.results import Result


def has_risk(result: Result) -> bool:
    """True for a result that holds a probability for each question, and whether it was right."""
    return {"probability", "has_answer"} <= result["scores"].keys()


def risk_by_coverage(
    probabilities: Sequence[float], has_answer: Sequence[float]
) -> list[tuple[float, float]]:
    """Coverage and risk when only the first n most probable are answered, for each n.

    Coverage is the share answered, risk the share of these without an answer. Source: El-Yaniv and
    Wiener, JMLR 11, 2010.
    """
    order = sorted(range(len(probabilities)), key=lambda place: -probabilities[place])
    wrong = np.cumsum([1 - has_answer[place] for place in order])
    return [
        ((count + 1) / len(order), float(wrong[count]) / (count + 1)) for count in range(len(order))
    ]
