"""Finds out what the outputs of a grounding model mean, and writes it down beside their source.

The model only ever sees claims that the verifier supports; on those it is calibrated.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypedDict, cast, get_args

import numpy as np
import typer

from app.second_opinion.calibration import Calibration, Meaning
from app.second_opinion.grounding_model import GroundingModel, PairClassifier
from app.verify.grounding import GroundedClaim, ground
from app.verify.profiles import ProfileName, fitted_profiles
from evals.grounding import prepared
from evals.grounding_claims import GROUNDING_SETS, LabelledClaim, claims_sha256, read_claims
from evals.metrics import auroc, share
from kb.errors import InvalidInput
from kb.grounding_model import CrossEncoderOutputs
from kb.settings import Settings

MAX_LOST: Final = 0.05
"""Share of true claims that the model may take support from: it is there to take little."""

_MEANT: Final[Sequence[tuple[Meaning, tuple[str, ...]]]] = (
    ("contradicted", ("contradict", "refut")),
    ("unsupported", ("not_", "not ", "un", "neutral", "hallucinat", "inconsistent", "non")),
    ("supported", ("entail", "support", "consistent", "faithful", "ground")),
)
"""How labels are named, in the order to look."""


class CalibrationReport(TypedDict):
    """On the claims that the verifier supports: `lost` true ones, `caught` false ones."""

    file: str
    claims: int
    auroc: float
    threshold: float
    lost: float
    caught: float


def meanings_of(labels: Sequence[str], named: Mapping[str, str]) -> dict[str, Meaning]:
    """What each label means: as named, else as its name says; the only one means `supported`.

    Raises:
        InvalidInput: a label's name says nothing, or what is named is no meaning.
    """
    unknown = sorted(set(named.values()) - set(get_args(Meaning)))
    if unknown:
        raise InvalidInput(f"No meaning: {', '.join(unknown)}. Use {', '.join(get_args(Meaning))}.")
    if len(labels) == 1:
        return {labels[0]: "supported"}
    meant = {label: named.get(label) or _meaning(label) for label in labels}
    silent = [label for label, meaning in meant.items() if meaning is None]
    if silent:
        raise InvalidInput(
            f"What do {', '.join(silent)} mean? Say --label {silent[0]}=supported, and so on."
        )
    # Both sources of meanings hold nothing else.
    return cast("dict[str, Meaning]", meant)


def fit_threshold(
    supported: Sequence[float], unsupported: Sequence[float], max_lost: float = MAX_LOST
) -> float:
    """The highest threshold that takes support from no more than this share of true claims.

    Raises:
        InvalidInput: there are no claims of one kind.
    """
    if not supported or not unsupported:
        raise InvalidInput("Supported and unsupported claims are needed to calibrate.")
    threshold = float(np.quantile(supported, max_lost, method="lower"))
    # Rounded down, so that the claim it comes from keeps its support.
    return min(max(math.floor(threshold * 10_000) / 10_000, 0.0001), 0.9999)


def calibrate(
    classifier: PairClassifier,
    claims: Sequence[LabelledClaim],
    *,
    labels: Mapping[str, Meaning],
    profile: ProfileName,
) -> tuple[Calibration, CalibrationReport]:
    """The calibration of a model, and what its second opinion is worth on these claims."""
    unfitted = Calibration(
        version="1", labels=labels, threshold=0.5, data_sha256=claims_sha256(list(claims))
    )
    model = GroundingModel(classifier=classifier, calibration=unfitted)
    kept = [(claim, each) for claim, each in _grounded(claims, profile)]
    pairs = [("\n".join(quote.quote for quote in each.citations), each.text) for _, each in kept]
    found = list(
        zip(model.probabilities(pairs).tolist(), (claim for claim, _ in kept), strict=True)
    )
    true = [probability for probability, claim in found if claim.is_supported]
    false = [probability for probability, claim in found if not claim.is_supported]
    threshold = fit_threshold(true, false)
    fitted = Calibration(
        **{
            **asdict(unfitted),
            "threshold": threshold,
            "fitted_on": datetime.now(UTC).date().isoformat(),
        }
    )
    return fitted, CalibrationReport(
        file="",
        claims=len(found),
        # A high probability is a low risk: what is unsupported counts as positive.
        auroc=auroc([-each for each in false], [-each for each in true]),
        threshold=threshold,
        lost=share([each < threshold for each in true]),
        caught=share([each < threshold for each in false]),
    )


def _grounded(
    claims: Sequence[LabelledClaim], profile: ProfileName
) -> list[tuple[LabelledClaim, GroundedClaim]]:
    """The claims that the verifier supports by itself."""
    fitted = fitted_profiles()
    context, sources = "", prepared("")
    kept = []
    for claim in sorted(claims, key=lambda each: each.context):
        if claim.context != context:
            context, sources = claim.context, prepared(claim.context)
        grounded = ground(claim.claim, sources, fitted, profile)
        if grounded.verdict == "supported":
            kept.append((claim, grounded))
    return kept


def _meaning(label: str) -> Meaning | None:
    name = label.casefold()
    for meaning, starts in _MEANT:
        if name.startswith(starts):
            return meaning
    return None


def calibrate_model(
    model: Annotated[str, typer.Argument(help="A CrossEncoder: a hub name or a local folder.")],
    *,
    output: Annotated[Path, typer.Option(help="The calibration file to write.")],
    label: Annotated[
        list[str] | None,
        typer.Option(help="What a label means, such as entailment=supported; repeatable."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="A folder of FOOTNOTE_EVALDATA; repeatable; unset: all."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value.")] = False,
) -> None:
    """Fit a grounding model's threshold to labelled claims, and write its calibration file."""
    settings = Settings()
    classifier = CrossEncoderOutputs(model)
    named = dict(each.partition("=")[::2] for each in label or [])
    claims = [c for name in dataset or GROUNDING_SETS for c in read_claims(settings.evaldata, name)]
    fitted, report = calibrate(
        classifier,
        claims,
        labels=meanings_of(classifier.labels, named),
        profile=settings.verify_profile,
    )
    folder = Path(model).resolve()
    told = {**asdict(fitted), "model": str(folder) if folder.is_dir() else model}
    output.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    report["file"] = str(output)
    if as_json:
        typer.echo(json.dumps(report))
        return
    for name, value in report.items():
        typer.echo(f"{name}: {value}")
