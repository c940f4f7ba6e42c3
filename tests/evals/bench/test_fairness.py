"""The requests and the verdict of the benchmark of searches beside costly requests."""

import json
from pathlib import Path

import pytest

from app.http.answers.schemas import AnswerRequest
from app.http.chat.schemas import ChatRequest
from app.http.grounding.schemas import GroundingRequest
from app.http.search.schemas import SearchRequest
from evals.bench.fairness import costly_requests, judge
from footnote.evals.datasets import Dataset


@pytest.mark.parametrize(("extra", "is_met"), [(100.0, True), (100.1, False)])
def test_the_worst_request_may_delay_a_search_by_a_tenth_of_a_second(
    tmp_path: Path, extra: float, *, is_met: bool
) -> None:
    (tmp_path / "corpus.jsonl.gz").write_bytes(b"")
    dataset = Dataset(name="small", folder=tmp_path)

    outcome = judge(
        dataset, {"a": {"p95_extra_milliseconds": 5.0}, "b": {"p95_extra_milliseconds": extra}}
    )

    assert outcome.has_met_target == is_met


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("grounding, numbers", GroundingRequest),
        ("grounding, sentences", GroundingRequest),
        ("search, long question", SearchRequest),
        ("search, large filter", SearchRequest),
        ("answers, long history", AnswerRequest),
        ("chat, many messages", ChatRequest),
    ],
)
def test_what_is_measured_is_allowed(
    name: str, model: type[GroundingRequest | SearchRequest | AnswerRequest | ChatRequest]
) -> None:
    body = costly_requests("What is a note?")[name].body

    model.model_validate(json.loads(body))

    assert len(body) <= 2_000_000
