"""An evaluation's results as they are stored: one file, whatever was evaluated.

Every evaluation gives each question (or claim) one number per measure. Comparing, judging by
floors and drawing need no more than that, so they work for all of them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

# pydantic reads these, and cannot read those of typing before Python 3.12.
from typing_extensions import TypedDict

from footnote.evals.provenance import Provenance, Spread
from kb.errors import InvalidInput

FORMAT: Literal[1] = 1
"""Grows when an older file can no longer be read as it is."""

DIGITS = 6
"""Kept of each score: far below what a difference of one rank makes."""


@with_config(ConfigDict(allow_inf_nan=False))
class Result(TypedDict):
    """One data set asked in one way.

    `variant` names the way, such as `hybrid`; `scores` has one number for each question and
    measure, in the order of `question_ids`; `figures` are the means of these and whatever is
    counted over all; `is_whole` is false when not all of the set was asked.
    """

    dataset: str
    dataset_sha256: str
    split: str | None
    is_whole: bool
    variant: str
    figures: dict[str, float]
    figures_by_split: dict[str, dict[str, float]]
    latency_ms: Spread
    details: dict[str, str | int | float | None]
    question_ids: list[str]
    scores: dict[str, list[float]]
    milliseconds: list[float]


class Evaluation(TypedDict):
    """One run of one command; `evaluation` is the command's name."""

    format: Literal[1]
    evaluation: str
    options: dict[str, str | int | bool | None]
    provenance: Provenance
    results: list[Result]


_EVALUATION: TypeAdapter[Evaluation] = TypeAdapter(Evaluation)


def mean_scores(
    scores: Mapping[str, Sequence[float]], chosen: Sequence[int] | None = None
) -> dict[str, float]:
    """The mean of each measure over all questions, or over those at the chosen places."""
    means = {}
    for measure, values in scores.items():
        picked = values if chosen is None else [values[at] for at in chosen]
        means[measure] = round(sum(picked) / len(picked), DIGITS)
    return means


def mean_scores_by_split(
    scores: Mapping[str, Sequence[float]], splits: Sequence[str | None]
) -> dict[str, dict[str, float]]:
    """The means within each split; empty unless there are several."""
    names = sorted({split for split in splits if split is not None})
    if len(names) < 2:  # noqa: PLR2004  # the means of a single part are those of the whole
        return {}
    return {
        name: mean_scores(scores, [at for at, split in enumerate(splits) if split == name])
        for name in names
    }


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Writes the file; its folder is made when absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(evaluation, ensure_ascii=False) + "\n", encoding="utf-8")


def write_fitted(fitted: Mapping[str, object], path: Path) -> None:
    """Writes what was fitted as the service reads it: JSON for people, too."""
    path.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")


def read_evaluation(path: Path) -> Evaluation:
    """The evaluation in the file; InvalidInput when it is none, or one without numbers."""
    try:
        evaluation = _EVALUATION.validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} holds no evaluation.") from error
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        told = f"{place}: {fault['msg']}" if place else fault["msg"]
        raise InvalidInput(f"{str(path)!r} holds no evaluation: {told}.") from error
    # A run that would be compared or drawn as something it did not measure.
    faults = [] if any(each["figures"] for each in evaluation["results"]) else ["it has no figures"]
    for at, result in enumerate(evaluation["results"]):
        count = len(result["question_ids"])
        if not count:
            faults.append(f"results.{at} has no questions")
        faults += [
            f"results.{at} has {len(values)} numbers for {count} questions"
            for values in (result["milliseconds"], *result["scores"].values())
            if len(values) != count
        ]
    if faults:
        raise InvalidInput(f"{str(path)!r} holds no evaluation: {faults[0]}.")
    return evaluation


def summary(evaluation: Evaluation) -> dict[str, object]:
    """The same without what was measured of each single question."""
    single = {"question_ids", "scores", "milliseconds"}
    return {
        **evaluation,
        "results": [
            {name: value for name, value in result.items() if name not in single}
            for result in evaluation["results"]
        ],
    }
