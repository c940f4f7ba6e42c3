"""A cross-encoder's second opinion: it needs a calibration, and can only take support away."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from app.claims import Draft, DraftCitation, DraftClaim, VerifiedClaim
from app.second_opinion.calibration import Calibration, Meaning
from app.second_opinion.grounding_model import GroundingModel, load_grounding_model
from app.verify.verify import verify
from kb.errors import ModelUnavailable
from tests.fakes.cross_encoders import (
    DATA_SHA256,
    MNLI,
    ONE,
    save_grounding_model,
    write_calibration,
)
from tests.fakes.sources import context_of

TEXT = "Every employee has 31 days of leave. The canteen opens at noon."
READ_AS_USUAL = dict(zip(MNLI, ("supported", "unsupported", "contradicted"), strict=True))


class TableClassifier:
    """Says what it is told, in turn."""

    def __init__(self, rows: Sequence[Sequence[float]], labels: tuple[str, ...] = MNLI) -> None:
        self.labels = labels
        self.rows = list(rows)
        self.pairs: list[tuple[str, str]] = []

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        self.pairs += pairs
        return np.array([self.rows.pop(0) for _ in pairs], dtype=np.float32)


def calibrated(threshold: float = 0.5, labels: dict[str, Meaning] | None = None) -> Calibration:
    usual: dict[str, Meaning] = {
        "entailment": "supported",
        "neutral": "unsupported",
        "contradiction": "contradicted",
    }
    return Calibration(
        version="1", labels=labels or usual, threshold=threshold, data_sha256=DATA_SHA256
    )


def judged(text: str, quote: str) -> VerifiedClaim:
    context = context_of([TEXT])
    citation = DraftCitation(source=context.sources[0].id, quote=quote)
    draft = Draft(status="answered", claims=(DraftClaim(text=text, citations=(citation,)),))
    return verify(draft, context).claims[0]


SUPPORTED = judged("Every employee has 31 days of leave.", "Every employee has 31 days of leave.")
CONTRADICTED = judged("Every employee has 32 days of leave.", SUPPORTED.citations[0].quote)


def test_agreement_is_labelled_and_changes_nothing_else() -> None:
    classifier = TableClassifier([[4.0, 0.0, 0.0]])
    model = GroundingModel(classifier=classifier, calibration=calibrated())

    (claim,) = model.review([SUPPORTED])

    assert (claim.verdict, claim.score, claim.reasons) == ("supported", SUPPORTED.score, ())
    assert claim.citations[0].checks == {
        **SUPPORTED.citations[0].checks,
        "grounding_model": True,
    }
    assert classifier.pairs == [(SUPPORTED.citations[0].quote, SUPPORTED.text)]


@pytest.mark.parametrize("row", [[0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])
def test_disagreement_takes_support_away(row: list[float]) -> None:
    model = GroundingModel(classifier=TableClassifier([row]), calibration=calibrated())

    (claim,) = model.review([SUPPORTED])

    # e^0 / (e^0 + e^4 + e^0) = .018; below one half of the score's range: .018 / .5 / 2 = .018
    assert claim.verdict == "unsupported"
    assert claim.score == pytest.approx(0.01766, abs=1e-4)
    assert claim.citations[0].checks["grounding_model"] is False
    assert [(each.code, each.detail) for each in claim.reasons] == [
        ("second_opinion", "grounding_model")
    ]


def test_a_model_that_says_no_number_agrees_with_nothing() -> None:
    model = GroundingModel(
        classifier=TableClassifier([[float("nan")] * 3]), calibration=calibrated()
    )

    (claim,) = model.review([SUPPORTED])

    assert (claim.verdict, claim.score) == ("unsupported", 0.0)


def test_failed_hard_check_is_never_replaced() -> None:
    classifier = TableClassifier([[9.0, 0.0, 0.0]])
    model = GroundingModel(classifier=classifier, calibration=calibrated())

    claims = model.review([CONTRADICTED, SUPPORTED, CONTRADICTED])

    assert [claim.verdict for claim in claims] == ["contradicted", "supported", "contradicted"]
    assert claims[0] == CONTRADICTED
    assert len(classifier.pairs) == 1


def test_threshold_decides() -> None:
    # Two labels of equal weight: the probability is one half.
    labels: dict[str, Meaning] = {"yes": "supported", "no": "unsupported"}

    def verdict(threshold: float) -> str:
        classifier = TableClassifier([[1.0, 1.0]], ("yes", "no"))
        model = GroundingModel(classifier=classifier, calibration=calibrated(threshold, labels))
        return model.review([SUPPORTED])[0].verdict

    assert [verdict(0.49), verdict(0.51)] == ["supported", "unsupported"]


def test_one_output_is_read_by_the_logistic_function() -> None:
    classifier = TableClassifier([[0.0], [100.0], [-100.0]], ONE)
    model = GroundingModel(
        classifier=classifier, calibration=calibrated(labels={"LABEL_0": "supported"})
    )

    assert model.probabilities([("", "")] * 3).tolist() == pytest.approx([0.5, 1.0, 0.0])


@pytest.mark.parametrize(
    ("labels", "says", "verdict"),
    [
        (MNLI, "entailment", "supported"),
        (MNLI, "neutral", "unsupported"),
        (ONE, "LABEL_0", "supported"),
        (ONE, "nothing", "unsupported"),
    ],
)
def test_model_of_a_folder_is_asked(
    tmp_path: Path, labels: tuple[str, ...], says: str, verdict: str
) -> None:
    folder = save_grounding_model(tmp_path / "model", labels=labels, says=says)
    read = READ_AS_USUAL if labels is MNLI else {"LABEL_0": "supported"}
    write_calibration(folder / "grounding.json", labels=read)

    model = load_grounding_model(str(folder))

    assert model.review([SUPPORTED])[0].verdict == verdict


def test_calibration_elsewhere_names_its_model(tmp_path: Path) -> None:
    save_grounding_model(tmp_path / "model")
    file = write_calibration(tmp_path / "tuned.json", model="model")

    assert load_grounding_model(str(file)).review([SUPPORTED])[0].verdict == "supported"


def test_model_of_three_classes_without_calibration_is_refused(tmp_path: Path) -> None:
    folder = save_grounding_model(tmp_path / "mnli")

    with pytest.raises(ModelUnavailable, match=r"'mnli' has no calibration.*calibrate-model"):
        load_grounding_model(str(folder))


def test_hub_name_without_calibration_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ModelUnavailable, match="no calibration"):
        load_grounding_model("nobody/no-such-model")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"threshold": 0}, "threshold"),
        ({"data_sha256": "abc"}, "data_sha256"),
        ({"labels": {"entailment": "true"}}, "labels.entailment"),
        ({"treshold": 0.5}, "treshold"),
    ],
)
def test_wrong_calibration_is_refused_by_its_place(
    tmp_path: Path, fields: dict[str, object], told: str
) -> None:
    (tmp_path / "model").mkdir()
    file = tmp_path / "model" / "grounding.json"
    write_calibration(file)
    write_calibration(file, **fields)  # type: ignore[arg-type]  # wrong on purpose

    with pytest.raises(ModelUnavailable, match=told):
        load_grounding_model(str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"entailment": "supported"}, "must explain its labels entailment, neutral"),
        (dict.fromkeys(MNLI, "unsupported"), "no label that means 'supported'"),
    ],
)
def test_calibration_of_another_model_is_refused(
    tmp_path: Path, labels: dict[str, str], told: str
) -> None:
    folder = save_grounding_model(tmp_path / "model")
    write_calibration(folder / "grounding.json", labels=labels)

    with pytest.raises(ModelUnavailable, match=told):
        load_grounding_model(str(folder))


def test_meanings_are_three() -> None:
    assert set(get_args(Meaning)) == set(READ_AS_USUAL.values())
