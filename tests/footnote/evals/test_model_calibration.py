"""A grounding model's calibration: what its labels mean, and the threshold on labelled claims."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner

from app.answering.review.grounding_model import load_grounding_model
from footnote.commands.eval_grounding import calibrate_model
from footnote.evals.grounding_claims import LabelledClaim
from footnote.evals.model_calibration import fit_calibration, fit_threshold, meanings_of
from kb.errors import InvalidInput
from tests.fakes.cross_encoders import MNLI, save_grounding_model

CONTEXT = "Every employee has 31 days of leave. The canteen opens at noon."


class ByLength:
    """Finds a claim likelier the shorter it is."""

    labels = ("LABEL_0",)

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return np.array([[30.0 - len(claim)] for _, claim in pairs], dtype=np.float32)


def labelled(claim: str, *, is_supported: bool) -> LabelledClaim:
    return LabelledClaim(
        id=claim, dataset="set", context=CONTEXT, claim=claim, is_supported=is_supported, gold=None
    )


@pytest.mark.parametrize(
    ("labels", "named", "meanings"),
    [
        (MNLI, {}, ["supported", "unsupported", "contradicted"]),
        (("SUPPORTS", "REFUTES", "NOT_ENOUGH_INFO"), {}, "supported contradicted unsupported"),
        (("hallucinated", "consistent"), {}, "unsupported supported"),
        (("LABEL_0",), {}, "supported"),
        (("a", "b"), {"a": "unsupported", "b": "supported"}, "unsupported supported"),
    ],
)
def test_labels_mean_what_they_say(
    labels: tuple[str, ...], named: dict[str, str], meanings: str | list[str]
) -> None:
    told = meanings.split() if isinstance(meanings, str) else meanings

    assert list(meanings_of(labels, named).values()) == told


@pytest.mark.parametrize("named", [{}, {"LABEL_0": "true"}])
def test_labels_that_say_nothing_must_be_explained(named: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"LABEL_0|true"):
        meanings_of(("LABEL_0", "LABEL_1"), named)


def test_threshold_lets_no_more_false_claims_pass_than_allowed() -> None:
    false = [number / 100 for number in range(1, 101)]

    # Two of a hundred may pass, .99 and 1: .98 has to stay out.
    assert fit_threshold(false, 0.02) == pytest.approx(0.9801)
    assert fit_threshold([0.3], 0.02) == pytest.approx(0.3001)
    assert fit_threshold([1.0], 0.02) == 1
    with pytest.raises(InvalidInput, match="needed"):
        fit_threshold([], 0.02)


def test_model_is_calibrated_on_claims_with_their_evidence() -> None:
    claims = [
        labelled("Employees have 31 days.", is_supported=True),
        labelled("The canteen opens at noon.", is_supported=True),
        labelled("The canteen of all employees opens at half past twelve.", is_supported=False),
        labelled("Every employee has 32 days of leave, and then some more.", is_supported=False),
    ]

    fitted, report = fit_calibration(ByLength(), claims, labels={"LABEL_0": "supported"})

    assert report["claims"] == 4
    assert report["auroc"] == 1.0
    assert (report["true_shown"]["balanced"], report["false_shown"]["balanced"]) == (1.0, 0.0)
    assert fitted.thresholds.lenient <= fitted.thresholds.balanced
    assert fitted.fitted_on is not None


def test_command_writes_a_file_that_the_service_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaldata = tmp_path / "evaldata" / "wice"
    evaldata.mkdir(parents=True)
    lines = [
        {"id": "1", "context": CONTEXT, "claim": "The canteen opens at noon.", "label": label}
        for label in ("supported", "unsupported")
    ]
    with gzip.open(evaldata / "grounding.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    monkeypatch.setenv("FOOTNOTE_EVALDATA", str(tmp_path / "evaldata"))
    model = save_grounding_model(tmp_path / "model")
    output = tmp_path / "tuned.json"
    app = typer.Typer()
    app.command()(calibrate_model)

    done = CliRunner().invoke(
        app, [str(model), "--output", str(output), "--dataset", "wice", "--json"]
    )

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["claims"] == 2
    assert load_grounding_model(str(output)).calibration.labels["entailment"] == "supported"
