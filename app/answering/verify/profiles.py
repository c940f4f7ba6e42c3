"""Named thresholds of the support score, with the data that they were fitted to."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypedDict, cast

ProfileName = Literal["strict", "balanced", "lenient"]


class Weights(TypedDict):
    """The support score's: logit = bias + the sum of each weight times its feature."""

    bias: float
    held: float
    veto: float


class Profile(TypedDict):
    """The score from which a sentence without quotes is supported unless it is verbatim."""

    min_score: float


class Fitted(TypedDict):
    """The file `profiles.json`."""

    version: str
    data_sha256: str
    sets: list[str]
    weights: Weights
    held_out: Mapping[str, float]
    """Balanced accuracy on each set when all is fitted to the others."""
    profiles: Mapping[ProfileName, Profile]


PROFILES_FILE = Path(__file__).with_name("profiles.json")


@lru_cache(maxsize=1)
def fitted_profiles() -> Fitted:
    """The weights and thresholds of this release."""
    # The file is part of the package, and a test reads every field.
    return cast("Fitted", json.loads(PROFILES_FILE.read_text(encoding="utf-8")))
