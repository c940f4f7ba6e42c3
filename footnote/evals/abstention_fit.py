"""Fits the probability that there is an answer to questions with and without one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from app.answering.abstention import EvidenceSignals, FittedAbstention, FittedSignal
from footnote.evals.abstention import Case, WeighedQuestion
from kb.errors import InvalidInput

WEIGHT_BY_CASE: Final[dict[Case, float]] = {"answerable": 1.0, "near": 0.25, "absent": 0.75}
"""Of each set, so that no large one decides alone, and answerable ones count half of all. What is
`near` cannot be told well; at .5 and more it takes coverage its weight, and `absent` suffers."""

STRENGTH: Final = 0.05
"""Inverse of the regularisation. With it the weights fitted to either half of the articles are more
alike; from .02 to 1 the shares caught at 5 % false abstention stay within .03."""

DIGITS: Final = 4


@dataclass(frozen=True, kw_only=True)
class FitName:
    """The labels written beside the weights."""

    version: str
    fitted_on: str
    embedding_model: str


def fit_abstention(weighed: Sequence[WeighedQuestion], name: FitName) -> FittedAbstention:
    """A logistic regression over these questions; the same for the same questions in any order.

    InvalidInput unless there are questions of both kinds.
    """
    rows = sorted(
        (each for each in weighed if each.signals is not None),
        key=lambda each: (each.dataset, each.case, each.question_id),
    )
    labels = [each.case == "answerable" for each in rows]
    if len(set(labels)) != 2:  # noqa: PLR2004  # with and without an answer
        raise InvalidInput("Questions with and without an answer are needed to fit.")
    counts = Counter((each.dataset, each.case) for each in rows)
    importance = np.array(
        [WEIGHT_BY_CASE[each.case] / counts[each.dataset, each.case] for each in rows]
    )
    importance *= len(rows) / importance.sum()
    values = np.array([each.signals for each in rows], dtype=np.float64)
    mean = np.average(values, axis=0, weights=importance)
    deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=importance))
    deviation[deviation == 0] = 1.0
    model = LogisticRegression(C=STRENGTH)
    model.fit((values - mean) / deviation, labels, sample_weight=importance)
    names = "".join(f"{each.dataset} {each.case} {each.question_id}\n" for each in rows)
    return FittedAbstention(
        version=name.version,
        fitted_on=name.fitted_on,
        # Names the questions and their cases.
        data_sha256=sha256(names.encode()).hexdigest(),
        sets=sorted({each.dataset for each in rows}),
        embedding_model=name.embedding_model,
        bias=round(float(model.intercept_[0]), DIGITS),
        signals={
            field: FittedSignal(
                mean=round(float(mean[place]), DIGITS),
                deviation=round(float(deviation[place]), DIGITS),
                weight=round(float(model.coef_[0][place]), DIGITS),
            )
            for place, field in enumerate(EvidenceSignals._fields)
        },
    )
