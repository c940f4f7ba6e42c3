"""Results of the verifier's evaluation, in the form that is compared and judged by floors."""

from collections.abc import Mapping, Sequence
from typing import Final

from footnote.evals.grounding import JudgedSet, SetReport, report_set
from footnote.evals.grounding_claims import claims_sha256
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result

KIND: Final = "grounding"
ALL: Final = "mean"
"""Stands in the place of a data set for the means over all of them."""


def results_of_sets(
    sets: Mapping[str, JudgedSet], *, profile: str, is_whole: bool, has_all: bool
) -> list[Result]:
    """A result for each set; with all sets the means over those that have both kinds of claims."""
    reports = {name: report_set(name, judged.verdicts) for name, judged in sets.items()}
    results = [
        _result(name, [judged], _figures(reports[name]), variant=profile, is_whole=is_whole)
        for name, judged in sets.items()
    ]
    if has_all:
        figures = [_figures(report) for report in reports.values() if report["auroc"] is not None]
        means = {
            name: sum(each[name] for each in figures) / len(figures)
            for name in ("auroc", "balanced_accuracy")
        }
        results.append(_result(ALL, list(sets.values()), means, variant=profile, is_whole=is_whole))
    return results


def _result(
    name: str,
    sets: Sequence[JudgedSet],
    figures: Mapping[str, float],
    *,
    variant: str,
    is_whole: bool,
) -> Result:
    claims = [claim for judged in sets for claim in judged.claims]
    verdicts = [verdict for judged in sets for verdict in judged.verdicts]
    milliseconds = [round(each.cpu_ms, 4) for each in verdicts]
    return Result(
        dataset=name,
        dataset_sha256=claims_sha256(claims),
        split=None,
        is_whole=is_whole,
        variant=variant,
        figures={measure: round(value, DIGITS) for measure, value in figures.items()},
        figures_by_split={},
        latency_ms=spread(milliseconds),
        details={"unsupported": sum(not each.is_supported for each in verdicts)},
        question_ids=[f"{claim.dataset} {claim.id}" for claim in claims],
        scores={
            "right": [
                float(each.is_supported == (each.verdict == "supported")) for each in verdicts
            ],
            "score": [round(each.score, DIGITS) for each in verdicts],
        },
        milliseconds=milliseconds,
    )


def _figures(report: SetReport) -> dict[str, float]:
    """Those that the set has: one of a single kind of claims has no area."""
    measured = {
        "auroc": report["auroc"],
        "balanced_accuracy": report["balanced_accuracy"],
        "caught": report["caught"],
        "kept": 1 - report["false_alarms"],
    }
    caught_at = report["caught_at_false_flags"] or {}
    return {
        **{name: value for name, value in measured.items() if value is not None},
        **{f"caught@{flags}": value for flags, value in caught_at.items()},
    }
