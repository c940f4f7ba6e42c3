"""The verdict of the benchmark of searches beside ingestion."""

from pathlib import Path

import pytest

from evals.bench.beside import IDLE, judge
from evals.bench.footnote_process import BenchmarkFailed
from evals.bench.upload import Uploaded
from footnote.evals.datasets import Dataset

UPLOADED = Uploaded(accepted_seconds=1.0, findable_seconds=60.0)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "corpus.jsonl.gz").write_bytes(b"")
    return Dataset(name="small", folder=tmp_path)


@pytest.mark.parametrize(("beside", "is_met"), [(30.0, True), (30.5, False)])
def test_the_slowest_may_take_three_times_as_long(
    dataset: Dataset, beside: float, *, is_met: bool
) -> None:
    outcome = judge(dataset, [10.0] * IDLE, [beside] * IDLE, UPLOADED, [])

    assert outcome.has_met_target == is_met
    assert outcome.numbers["p95_ratio"] == beside / 10


def test_an_ingestion_that_was_over_at_once_measures_nothing(dataset: Dataset) -> None:
    with pytest.raises(BenchmarkFailed):
        judge(dataset, [10.0] * IDLE, [10.0] * (IDLE - 1), UPLOADED, [])
