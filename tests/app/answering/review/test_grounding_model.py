"""A cross-encoder as a reader: without a calibration nobody knows what it says."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from app.answering.review.calibration import Calibration, Meaning, Thresholds
from app.answering.review.grounding_model import (
    GroundingModel,
    GroundingModelReader,
    load_grounding_model,
)
from app.answering.verify.read import Opinion, ToRead
from kb.errors import ModelUnavailable
from tests.fakes.cross_encoders import (
    DATA_SHA256,
    MNLI,
    ONE,
    save_grounding_model,
    write_calibration,
)

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


def calibrated(
    balanced: float = 0.5, lenient: float = 0.25, labels: dict[str, Meaning] | None = None
) -> Calibration:
    usual: dict[str, Meaning] = {
        "entailment": "supported",
        "neutral": "unsupported",
        "contradiction": "contradicted",
    }
    return Calibration(
        version="2",
        labels=labels or usual,
        thresholds=Thresholds(balanced=balanced, lenient=lenient),
        data_sha256=DATA_SHA256,
    )


CLAIM = ToRead(
    claim="Staff have 31 days.",
    evidence="Every employee has 31 days of leave.",
    background="Handbook\nLeave",
)


async def opinions(model: GroundingModel, *claims: ToRead) -> list[Opinion]:
    return list(await GroundingModelReader(model=model, threshold=0.5).read(claims))


async def test_model_reads_the_evidence_with_what_stands_around_it() -> None:
    classifier = TableClassifier([[4.0, 0.0, 0.0]])
    model = GroundingModel(classifier=classifier, calibration=calibrated())

    (opinion,) = await opinions(model, CLAIM)

    # e^4 / (e^4 + e^0 + e^0) = .965
    assert opinion.is_supported
    assert opinion.probability == pytest.approx(0.9647, abs=1e-4)
    assert classifier.pairs == [
        ("Handbook\nLeave\nEvery employee has 31 days of leave.", "Staff have 31 days.")
    ]


@pytest.mark.parametrize("row", [[0.0, 4.0, 0.0], [0.0, 0.0, 4.0], [float("nan")] * 3])
async def test_what_it_does_not_find_there_is_not_supported(row: list[float]) -> None:
    model = GroundingModel(classifier=TableClassifier([row]), calibration=calibrated())

    (opinion,) = await opinions(model, CLAIM)

    assert not opinion.is_supported


async def test_claims_are_read_in_one_pass_and_in_their_order() -> None:
    classifier = TableClassifier([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    model = GroundingModel(classifier=classifier, calibration=calibrated())

    found = await opinions(model, CLAIM, CLAIM)

    assert [each.is_supported for each in found] == [True, False]
    assert await opinions(model) == []


def test_threshold_is_of_the_profile_and_strict_has_none() -> None:
    model = GroundingModel(classifier=TableClassifier([]), calibration=calibrated(0.9, 0.7))

    assert model.threshold("balanced") == 0.9
    assert model.threshold("lenient") == 0.7
    assert model.threshold("strict") is None


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

    (chance,) = model.probabilities([(CLAIM.evidence, CLAIM.claim)])
    assert ("supported" if chance > 0.5 else "unsupported") == verdict


def test_calibration_elsewhere_names_its_model(tmp_path: Path) -> None:
    save_grounding_model(tmp_path / "model")
    file = write_calibration(tmp_path / "tuned.json", model="model")

    assert load_grounding_model(str(file)).calibration.thresholds.balanced == 0.5


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
        ({"thresholds": {"balanced": 0.0, "lenient": 0.5}}, "thresholds.balanced"),
        ({"thresholds": {"balanced": 0.5}}, "thresholds.lenient"),
        ({"version": "1"}, "version"),
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
