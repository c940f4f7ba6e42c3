"""The questions and the verdict of the benchmark of answers."""

import json
from pathlib import Path

import httpx
import pytest

from evals.bench.answer_time import BLOCK, WARM_UP, Service, Timed, judge, time_answers
from evals.bench.footnote_process import Instance
from footnote.evals.datasets import Dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "corpus.jsonl.gz").write_bytes(b"")
    return Dataset(name="small", folder=tmp_path)


def measured(home: Path, *, answers: list[float], searches: list[float]) -> Service:
    return Service(
        client=httpx.Client(),
        home=home,
        answers=Timed(
            milliseconds=answers, statuses=["answered"] * len(answers), cpu_seconds=[0.3, 0.1]
        ),
        searches=Timed(
            milliseconds=searches, statuses=["found"] * len(searches), cpu_seconds=[0.1]
        ),
    )


@pytest.mark.parametrize(
    ("answer", "other", "is_met"),
    [
        # 130 / 20 = 6.5, and 130 / 125 = 1.04.
        pytest.param(130.0, 125.0, True, id="met"),
        pytest.param(131.0, 200.0, False, id="too far above the search"),
        pytest.param(130.0, 120.0, False, id="slower than the other"),
        pytest.param(130.0, None, True, id="met alone"),
    ],
)
def test_an_answer_is_held_to_the_search_and_to_the_other(
    tmp_path: Path, dataset: Dataset, answer: float, other: float | None, *, is_met: bool
) -> None:
    services = [measured(tmp_path, answers=[answer] * 4, searches=[20.0] * 4)]
    if other is not None:
        services.append(measured(tmp_path, answers=[other] * 4, searches=[1.0] * 4))

    outcome = judge(dataset, services, ["ours", "theirs"][: len(services)])

    assert outcome.has_met_target is is_met
    assert ("ratio_to_other" in outcome.numbers) is (other is not None)


def test_processor_time_is_told_for_each_answer(tmp_path: Path, dataset: Dataset) -> None:
    outcome = judge(dataset, [measured(tmp_path, answers=[9.0] * 4, searches=[3.0] * 4)], ["ours"])

    answers = outcome.numbers["answers"]
    # Blocks of .3 and .1 s for four answers: 100 ms each.
    assert isinstance(answers, dict)
    assert answers["cpu_milliseconds"] == 100.0
    assert answers["statuses"] == {"answered": 4}


def test_services_get_the_same_and_no_text_is_sent_twice(tmp_path: Path) -> None:
    asked: dict[str, list[tuple[str, str]]] = {"ours": [], "theirs": []}
    turns: list[str] = []

    def service(name: str) -> Service:
        def respond(request: httpx.Request) -> httpx.Response:
            (text,) = json.loads(request.content).values()
            asked[name].append((request.url.path, text))
            turns.append(name)
            return httpx.Response(200, json={"status": "answered"})

        client = httpx.Client(base_url="http://there", transport=httpx.MockTransport(respond))
        return Service(client=client, home=tmp_path / name)

    services = [service("ours"), service("theirs")]
    texts = [f"Question {number}?" for number in range(WARM_UP + 4 * BLOCK)]

    time_answers(services, texts)

    assert asked["ours"] == asked["theirs"]
    assert [text for _, text in asked["ours"]] == texts
    assert [len(each.answers.milliseconds) for each in services] == [2 * BLOCK, 2 * BLOCK]
    assert [len(each.searches.milliseconds) for each in services] == [2 * BLOCK, 2 * BLOCK]
    # The first block begins with one service, the second with the other.
    counted = turns[2 * WARM_UP :: 2 * BLOCK]
    assert counted == ["ours", "theirs", "theirs", "ours"]


def test_a_service_runs_the_code_of_its_checkout(tmp_path: Path) -> None:
    beside = Instance(home=tmp_path, overrides={})
    other = Instance(home=tmp_path, overrides={}, checkout=tmp_path)

    assert (Path(beside.environment["PYTHONPATH"]) / "evals" / "bench").is_dir()
    assert other.environment["PYTHONPATH"] == str(tmp_path)
