"""Reads the calibration of a grounding model: what its outputs mean, fitted to labelled claims.

{"version": "2", "model": "org/name", "data_sha256": "...",
 "thresholds": {"balanced": 0.9, "lenient": 0.8},
 "labels": {"entailment": "supported", "neutral": "unsupported", "contradiction": "contradicted"}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from kb.errors import ModelUnavailable

BESIDE_THE_MODEL: Final = "grounding.json"
"""The calibration's name in the folder of its model."""

Meaning = Literal["supported", "unsupported", "contradicted"]
Threshold = Annotated[float, Field(gt=0, le=1)]

_HOW: Final = (
    "`footnote eval calibrate-model MODEL --output FILE` fits one to labelled claims; then "
    "FOOTNOTE_GROUNDING_MODEL names that file."
)


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The probability of `supported` from which on a claim is shown, by profile.

    `strict` has none: it shows no model's words.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    balanced: Threshold
    lenient: Threshold


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The file.

    Attributes:
        version: of the file's form. Version 1 said when a model may take support away, which says
            nothing of when its word is enough.
        model: a hub name, or a folder, relative to the file; None: the file's own folder.
        labels: what each of the model's labels says of the claim.
        thresholds: from which on its word is enough.
        data_sha256: of the claims that it was fitted to.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    version: Literal["2"]
    labels: Mapping[str, Meaning]
    thresholds: Thresholds
    data_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    model: Annotated[str, Field(min_length=1)] | None = None
    fitted_on: str | None = None


_FILE: Final = TypeAdapter(Calibration)


@dataclass(frozen=True, kw_only=True)
class CalibratedModel:
    """A model to load, and the calibration to read it by."""

    model: str
    calibration: Calibration


def find_calibration(setting: str) -> CalibratedModel:
    """The model that FOOTNOTE_GROUNDING_MODEL names: a calibration file or a folder with one.

    Raises:
        ModelUnavailable: there is no calibration, or it is wrong.
    """
    named = Path(setting)
    file = named if named.suffix == ".json" else named / BESIDE_THE_MODEL
    if not file.is_file():
        raise ModelUnavailable(
            f"The grounding model {named.name!r} has no calibration: without one nobody knows what "
            f"its outputs mean for a claim and its quotes. {_HOW}"
        )
    try:
        calibration = _FILE.validate_json(file.read_bytes())
    except OSError:
        raise ModelUnavailable(
            "The calibration of the grounding model cannot be read: check FOOTNOTE_GROUNDING_MODEL."
        ) from None
    except ValidationError as error:
        places = {".".join(str(step) for step in fault["loc"]) for fault in error.errors()}
        raise ModelUnavailable(
            f"The calibration of the grounding model is wrong at: "
            f"{', '.join(sorted(places)) or 'the whole file'}. {_HOW}"
        ) from None
    if calibration.model is None:
        return CalibratedModel(model=str(file.parent), calibration=calibration)
    beside = file.parent / calibration.model
    model = str(beside) if beside.is_dir() else calibration.model
    return CalibratedModel(model=model, calibration=calibration)
