"""`footnote eval grounding`, `calibrate` and `calibrate-model`, on claims that people labelled."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.answering.verify.profiles import PROFILES_FILE, ProfileName, fitted_profiles
from footnote.commands.eval_command import Measured, evaluation, require_writable
from footnote.evals.calibration import fit_profiles
from footnote.evals.grounding import GroundingReport, judge_sets, report_of
from footnote.evals.grounding_claims import GROUNDING_SETS, read_claims
from footnote.evals.grounding_results import KIND, results_of_sets
from footnote.evals.model_calibration import fit_calibration, meanings_of
from footnote.evals.results import write_fitted
from footnote.output import JsonOption, console, print_json, table_console
from kb.errors import InvalidInput
from kb.settings import Settings
from models.grounding_model import CrossEncoderOutputs

DatasetsOption = Annotated[
    list[str] | None,
    typer.Option("--dataset", help="A folder of FOOTNOTE_EVALDATA; repeatable; unset: all."),
]


@evaluation
def grounding(
    *,
    dataset: DatasetsOption = None,
    profile: Annotated[
        str | None, typer.Option(help="strict, balanced or lenient; unset: the configured one.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="A sample of so many claims of each set.")
    ] = None,
) -> Measured:
    """Measure how well supported claims are told from others."""
    settings = Settings()
    names = dataset or list(GROUNDING_SETS)
    fitted = fitted_profiles()
    if profile is not None and profile not in fitted["profiles"]:
        raise InvalidInput(f"There is no profile {profile!r}.")
    # The keys of the file are the names.
    name = cast("ProfileName", profile or settings.verify_profile)
    sets = judge_sets(settings.evaldata, names, fitted=fitted, profile=name, limit=limit)
    return Measured(
        kind=KIND,
        options={"profile": name, "limit": limit},
        results=results_of_sets(
            sets,
            profile=name,
            is_whole=limit is None,
            has_all=set(names) == set(GROUNDING_SETS),
        ),
        show=lambda: table_console.print(
            _grounding_table(report_of(sets, fitted=fitted, profile=name))
        ),
    )


def calibrate(
    *,
    dataset: DatasetsOption = None,
    version: Annotated[str, typer.Option(help="Name of the new thresholds.")],
    output: Annotated[
        Path, typer.Option(help="The file to write; unset: the one that the verifier reads.")
    ] = PROFILES_FILE,
    as_json: JsonOption = False,
) -> None:
    """Fit the support score and the thresholds of the profiles to labelled claims."""
    require_writable(output)
    evaldata = Settings().evaldata
    claims = [
        claim
        for name in dataset or GROUNDING_SETS
        for claim in sorted(read_claims(evaldata, name), key=lambda claim: claim.context)
    ]
    if len({claim.is_supported for claim in claims}) == 1:
        raise InvalidInput("Supported and unsupported claims are needed to calibrate.")
    fitted = fit_profiles(claims, fitted_profiles(), version=version)
    write_fitted(fitted, output)
    if as_json:
        print_json(fitted)
    else:
        console.print(f"Written: {output}")


def calibrate_model(
    model: Annotated[str, typer.Argument(help="A CrossEncoder: a hub name or a local folder.")],
    *,
    output: Annotated[Path, typer.Option(help="The calibration file to write.")],
    label: Annotated[
        list[str] | None,
        typer.Option(help="A label and its meaning, such as entailment=supported; repeatable."),
    ] = None,
    dataset: DatasetsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a grounding model's thresholds to labelled claims, and write its calibration file."""
    settings = Settings()
    classifier = CrossEncoderOutputs(model)
    named = dict(each.partition("=")[::2] for each in label or [])
    claims = [c for name in dataset or GROUNDING_SETS for c in read_claims(settings.evaldata, name)]
    fitted, report = fit_calibration(
        classifier,
        claims,
        labels=meanings_of(classifier.labels, named),
    )
    folder = Path(model).resolve()
    written = {**asdict(fitted), "model": str(folder) if folder.is_dir() else model}
    write_fitted(written, output)
    report["file"] = str(output)
    if as_json:
        print_json(report)
        return
    for name, value in report.items():
        console.print(f"{name}: {value}")


def _grounding_table(report: GroundingReport) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("data set", no_wrap=True)
    for heading in (
        *("n", "AUROC", "BA", "caught", "false alarms", "caught at 2/5/10/20 %"),
        *("p50 ms", "p95 ms"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in report["sets"]:
        caught = each["caught_at_false_flags"] or {}
        table.add_row(
            each["dataset"],
            str(each["claims"]),
            _share(each["auroc"]),
            _share(each["balanced_accuracy"]),
            _share(each["caught"]),
            _share(each["false_alarms"]),
            " / ".join(_share(value) for value in caught.values()),
            f"{each['cpu_ms_p50']:.2f}",
            f"{each['cpu_ms_p95']:.2f}",
        )
    table.add_row(
        "mean", "", _share(report["mean_auroc"]), _share(report["mean_balanced_accuracy"])
    )
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
