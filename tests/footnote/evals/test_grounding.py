"""The grounding evaluation on small sets of its own, and once on a real one."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.answering.verify.grounding import Feature, score_of
from app.answering.verify.profiles import fitted_profiles
from footnote.evals.calibration import fit_profiles
from footnote.evals.grounding import JudgedClaim, judge_sets, report_of, report_set
from footnote.evals.grounding_claims import read_claims
from footnote.evals.results import write_fitted
from kb.errors import Misconfigured
from kb.settings import Settings

TEXT = "Ana Ruiz met Bo Lind in Paris on 3 May 2020. The tower is 300 metres high and was not sold."


@pytest.fixture
def evaldata(tmp_path: Path) -> Path:
    lines = [
        {
            "id": "1",
            "context": TEXT,
            "claim": "The tower is 300 metres high.",
            "label": "supported",
        },
        {"id": "2", "context": TEXT, "claim": "Whales are mammals.", "label": "unsupported"},
        {"id": "3", "context": TEXT, "claim": "The tower is blue.", "label": "unsupported"},
        {"id": "4", "context": TEXT, "claim": "It was not sold.", "label": "supported"},
    ]
    (tmp_path / "towers").mkdir()
    with gzip.open(tmp_path / "towers" / "grounding.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return tmp_path


def judged(score: float, *, is_supported: bool) -> JudgedClaim:
    return JudgedClaim(
        is_supported=is_supported,
        verdict="supported" if score >= 0.5 else "unsupported",
        score=score,
        cpu_ms=1.0,
    )


def test_the_report_counts_as_worked_out_by_hand() -> None:
    claims = [judged(score, is_supported=True) for score in (0.9, 0.8, 0.4, 0.7)]
    claims += [judged(score, is_supported=False) for score in (0.1, 0.6)]

    report = report_set("hand", claims)

    # Of 8 pairs the unsupported claim has the lower score in 4 (0.1) + 3 (0.6).
    assert report["auroc"] == 7 / 8
    assert report["false_alarms"] == 1 / 4
    assert report["caught"] == 1 / 2
    # The mean of one half caught and three quarters kept.
    assert report["balanced_accuracy"] == 5 / 8
    # One in four flagged is more than 20 %: the bound is the riskiest supported claim, 0.4.
    assert report["caught_at_false_flags"] == {"2%": 0.5, "5%": 0.5, "10%": 0.5, "20%": 0.5}


def test_a_set_of_one_kind_has_no_area() -> None:
    report = report_set("hand", [judged(0.9, is_supported=True)])

    assert report["auroc"] is None
    assert report["caught"] is None


def test_sets_are_judged_in_a_sample_of_their_own(evaldata: Path) -> None:
    fitted = fitted_profiles()
    sets = judge_sets(evaldata, ["towers"], fitted=fitted, profile="balanced")
    report = report_of(sets, fitted=fitted, profile="balanced")

    assert report["sets"][0]["claims"] == 4
    assert report["mean_auroc"] == 1.0


def test_an_absent_set_is_named(evaldata: Path) -> None:
    with pytest.raises(Misconfigured, match="castles"):
        read_claims(evaldata, "castles")


def test_calibration_separates_what_can_be_separated(evaldata: Path, tmp_path: Path) -> None:
    fitted = fit_profiles(read_claims(evaldata, "towers"), fitted_profiles(), version="test")

    write_fitted(fitted, tmp_path / "profiles.json")

    assert json.loads((tmp_path / "profiles.json").read_text()) == fitted
    held: dict[Feature, float] = {"held": 1.0, "veto": 0.0}
    lost: dict[Feature, float] = {"held": 0.0, "veto": 0.0}
    assert score_of(held, fitted["weights"]) > score_of(lost, fitted["weights"])
    assert fitted["sets"] == ["towers"]
    assert fitted["profiles"]["strict"] == fitted_profiles()["profiles"]["strict"]
    assert fitted["held_out"] == {}


def test_calibration_tells_how_it_does_on_a_set_that_it_has_not_seen(evaldata: Path) -> None:
    seen = read_claims(evaldata, "towers")
    unseen = [replace(claim, dataset="other") for claim in seen]

    fitted = fit_profiles([*seen, *unseen], fitted_profiles(), version="test")

    assert fitted["held_out"] == {"other": 1.0, "towers": 1.0}


def test_a_sample_of_a_real_set_is_told_apart() -> None:
    evaldata = Settings().evaldata
    if not (evaldata / "begin" / "grounding.jsonl.gz").exists():
        pytest.skip("the evaluation data is absent")

    fitted = fitted_profiles()
    sets = judge_sets(evaldata, ["begin"], fitted=fitted, profile="balanced", limit=150)
    report = report_of(sets, fitted=fitted, profile="balanced")

    # The whole set gives .94.
    assert report["mean_auroc"] > 0.88
