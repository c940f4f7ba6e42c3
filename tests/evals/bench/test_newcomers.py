"""The documents and the verdict of the benchmark of newcomers."""

import gzip
import json
from pathlib import Path

import pytest

from evals.bench.newcomers import LONG_BYTES, Measured, judge, long_texts
from footnote.evals.datasets import Dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    document = {"doc_id": "one", "title": "One", "text": "The first part.\n\nThe second part."}
    with gzip.open(tmp_path / "corpus.jsonl.gz", "wt") as file:
        file.write(json.dumps(document) + "\n")
    return Dataset(name="small", folder=tmp_path)


@pytest.mark.parametrize(
    ("slowest", "beside", "is_met"),
    [
        # 95 of the mean of 90 and 110: a loss of 5 %.
        pytest.param(3.0, 95.0, True, id="met"),
        pytest.param(3.2, 100.0, False, id="too late"),
        pytest.param(1.0, 94.0, False, id="at the cost of the others"),
    ],
)
def test_newcomers_are_held_to_their_time_and_to_what_they_cost(
    dataset: Dataset, slowest: float, beside: float, *, is_met: bool
) -> None:
    now = Measured(
        same_tenant=[slowest] * 20, other_tenant=[1.0] * 20, alone=(90.0, 110.0), beside=beside
    )

    outcome = judge(dataset, now, None, 500)

    assert outcome.has_met_target is is_met
    assert outcome.numbers["bulk_loss"] == pytest.approx(1 - beside / 100)


def test_the_other_checkout_is_compared_by_its_throughput(dataset: Dataset) -> None:
    now = Measured(same_tenant=[1.0], other_tenant=[1.0], alone=(98.0, 100.0), beside=99.0)
    before = Measured(same_tenant=[200.0], other_tenant=[9.0], alone=(90.0, 108.0), beside=99.0)

    numbers = judge(dataset, now, before, 500).numbers

    assert numbers["bulk_chunks_per_second_over_before"] == 1.0


def test_long_texts_have_their_size_and_share_no_paragraph(dataset: Dataset) -> None:
    texts = list(long_texts(dataset, 2))

    assert all(LONG_BYTES <= len(text.encode()) < LONG_BYTES + 100 for text in texts)
    paragraphs = [paragraph for text in texts for paragraph in text.split("\n\n")]
    assert len(set(paragraphs)) == len(paragraphs)
