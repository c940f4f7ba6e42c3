"""`footnote eval grounding` and `calibrate`: the verifier on claims that people labelled."""

from pathlib import Path
from typing import Annotated, cast

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.verify.profiles import PROFILES_FILE, ProfileName, fitted_profiles
from evals.calibration import fit_profiles, write_profiles
from evals.fault_injection import InjectionReport, inject_faults
from evals.grounding import GroundingReport, evaluate_grounding
from evals.grounding_claims import GROUNDING_SETS, read_claims
from footnote.evaluation import print_table
from footnote.output import JsonOption, print_json
from kb.errors import InvalidInput
from kb.settings import Settings

DatasetsOption = Annotated[
    list[str] | None,
    typer.Option("--dataset", help="A folder of FOOTNOTE_EVALDATA; repeatable; unset: all."),
]


def grounding(
    *,
    dataset: DatasetsOption = None,
    corrupt: Annotated[
        bool, typer.Option("--corrupt", help="Falsify true claims, and count what is caught.")
    ] = False,
    profile: Annotated[
        str | None, typer.Option(help="strict, balanced or lenient; unset: the configured one.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="A sample of so many claims of each set.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how well supported claims are told from others."""
    settings = Settings()
    names = dataset or list(GROUNDING_SETS)
    name = _profile(profile or settings.verify_profile)
    if corrupt:
        injected = inject_faults(
            settings.evaldata, names, claims_per_set=limit or 150, profile=name
        )
        if as_json:
            print_json(injected)
        else:
            for each in injected:
                print_table(_injection_table(each))
        return
    report = evaluate_grounding(
        settings.evaldata, names, fitted=fitted_profiles(), profile=name, limit=limit
    )
    if as_json:
        print_json(report)
    else:
        print_table(_grounding_table(report))


def calibrate(
    *,
    dataset: DatasetsOption = None,
    version: Annotated[str, typer.Option(help="What the new thresholds are called.")],
    output: Annotated[
        Path, typer.Option(help="The file to write; unset: the one that the verifier reads.")
    ] = PROFILES_FILE,
    as_json: JsonOption = False,
) -> None:
    """Fit the support score and the thresholds of the profiles to labelled claims."""
    evaldata = Settings().evaldata
    claims = [
        claim
        for name in dataset or GROUNDING_SETS
        for claim in sorted(read_claims(evaldata, name), key=lambda claim: claim.context)
    ]
    if len({claim.is_supported for claim in claims}) == 1:
        raise InvalidInput("Supported and unsupported claims are needed to calibrate.")
    fitted = fit_profiles(claims, fitted_profiles(), version=version)
    write_profiles(fitted, output)
    if as_json:
        print_json(fitted)
    else:
        typer.echo(f"Written: {output}")


def _profile(name: str) -> ProfileName:
    if name not in fitted_profiles()["profiles"]:
        raise InvalidInput(f"There is no profile {name!r}.")
    # The keys of the file are the names.
    return cast("ProfileName", name)


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


def _injection_table(report: InjectionReport) -> Table:
    table = Table(box=SIMPLE_HEAD, title=report["wording"])
    table.add_column("falsehood", no_wrap=True)
    for heading in ("n", "caught", "n kept", "caught of kept"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("none (false alarms)", str(report["claims"]), _share(report["false_alarms"]))
    for name, alarms in report["false_alarms_by_set"].items():
        table.add_row(f"  {name}", "", _share(alarms), style="dim")
    for each in report["kinds"]:
        table.add_row(
            each["kind"],
            str(each["n"]),
            _share(each["caught"]),
            str(each["n_kept"]),
            _share(each["caught_of_kept"]),
        )
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
