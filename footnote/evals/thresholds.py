"""Floors below which an evaluation fails."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from typing_extensions import override

from footnote.evals.results import Evaluation
from kb.errors import Misconfigured

PACKAGED = Path(__file__).parent / "thresholds.toml"

Floors = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Evaluation -> data set -> variant -> figure -> lowest value that passes."""

_FLOORS: TypeAdapter[dict[str, dict[str, dict[str, dict[str, float]]]]] = TypeAdapter(
    dict[str, dict[str, dict[str, dict[str, float]]]]
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A figure beside its floor."""

    dataset: str
    variant: str
    figure: str
    value: float
    floor: float

    @property
    def is_met(self) -> bool:
        """True when the figure is not below the floor."""
        return self.value >= self.floor

    @override
    def __str__(self) -> str:
        """Such as `scifact hybrid ndcg@10 0.6912 < 0.7000`."""
        sign = ">=" if self.is_met else "<"
        return f"{self.dataset} {self.variant} {self.figure} {self.value:.4f} {sign} {self.floor}"


def read_floors(path: Path) -> Floors:
    """The floors in the file; Misconfigured when it does not have their form."""
    try:
        return _FLOORS.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise Misconfigured(
            f"{path.name!r} holds no floors: tables [evaluation.dataset.variant] of numbers."
        ) from error


def judge(evaluation: Evaluation, floors: Floors) -> list[Verdict]:
    """Every figure that has a floor, in the order of the floors.

    Floors are for whole sets asked as they are: parts of a set are easier or harder. Misconfigured
    when a floor names a figure that the evaluation does not have.
    """
    floors_of_kind = floors.get(evaluation["evaluation"], {})
    verdicts = []
    for result in evaluation["results"]:
        if not result["is_whole"] or result["split"] is not None:
            continue
        dataset, variant, figures = result["dataset"], result["variant"], result["figures"]
        floor_by_figure = floors_of_kind.get(dataset, {}).get(variant, {})
        unknown = sorted(floor_by_figure.keys() - figures.keys())
        if unknown:
            raise Misconfigured(f"A floor names {unknown[0]!r}, which {dataset!r} has not.")
        verdicts += [
            Verdict(
                dataset=dataset,
                variant=variant,
                figure=figure,
                value=figures[figure],
                floor=floor,
            )
            for figure, floor in floor_by_figure.items()
        ]
    return verdicts
