"""The verdict of the benchmark of many clients."""

from pathlib import Path

import pytest

from evals.bench.concurrency import Round, judge
from footnote.evals.datasets import Dataset


def measured(*, searches: float, embeddings: float, slowest: float) -> Round:
    return Round(
        alone_milliseconds=[10.0] * 20,
        together_milliseconds=[20.0] * 10 + [slowest] * 10,
        together_per_second=searches,
        repeated_per_second=searches,
        embedded_per_second=embeddings,
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "corpus.jsonl.gz").write_bytes(b"")
    return Dataset(name="small", folder=tmp_path)


@pytest.mark.parametrize(
    ("searches", "slowest", "is_met"),
    [
        # 70 / 100 = .7 and 100 / 10 = 10: just met.
        pytest.param(70.0, 100.0, True, id="met"),
        pytest.param(69.0, 100.0, False, id="too slow together"),
        pytest.param(70.0, 101.0, False, id="some wait too long"),
    ],
)
def test_both_targets_must_be_met(
    dataset: Dataset, searches: float, slowest: float, *, is_met: bool
) -> None:
    rounds = [measured(searches=searches, embeddings=100.0, slowest=slowest)] * 3

    outcome = judge(dataset, rounds, 7)

    assert outcome.has_met_target is is_met
    assert outcome.numbers["chunks"] == 7


def test_each_round_is_compared_with_its_own_embedding(dataset: Dataset) -> None:
    rounds = [
        measured(searches=50.0, embeddings=100.0, slowest=20.0),
        measured(searches=8.0, embeddings=10.0, slowest=20.0),
        measured(searches=90.0, embeddings=100.0, slowest=20.0),
    ]

    ratio = judge(dataset, rounds, 7).numbers["ratio"]

    # .5, .8 and .9: the median is .8, although 50 / 100 was the first and 8 the least.
    assert isinstance(ratio, dict)
    assert ratio["p50"] == pytest.approx(0.8)
