"""The verdicts and results of the benchmarks."""

import json
import re
from pathlib import Path

import pytest

from evals.bench import ingest, record
from evals.bench.footnote_process import Instance
from evals.bench.ingest import EncodeCost, IngestRun, Ways
from evals.bench.record import Outcome, spread, write
from evals.bench.search import queries_from
from evals.bench.squad2 import AskedQuestion, judge
from footnote.evals.datasets import CorpusDocument, Dataset, DatasetQuestion


def asked(
    *, article: str, answers: tuple[str, ...], quotes: tuple[str, ...], status: str = "answered"
) -> AskedQuestion:
    return AskedQuestion(
        question=DatasetQuestion(
            id="q", text="?", answers=answers, is_answerable=bool(answers), document_id="d"
        ),
        article=article,
        status=status,
        reason=None if quotes else "low_relevance",
        quotes=quotes,
        has_retrieved_gold=True,
        milliseconds=10.0,
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "corpus.jsonl.gz").write_bytes(b"")
    return Dataset(name="small", folder=tmp_path)


def test_percentiles_are_nearest_ranks() -> None:
    # 1..20: rank 10 of 20 is 10, rank 19 is 19, rank ceil(19.8) = 20 is 20.
    assert spread([float(number) for number in range(1, 21)]) == {
        "n": 20,
        "min": 1.0,
        "p50": 10.0,
        "p95": 19.0,
        "p99": 20.0,
        "max": 20.0,
    }


def ingest_run(*, library_seconds: float = 9.0) -> IngestRun:
    return IngestRun(
        documents=50,
        chunks=100,
        distinct_chunks=99,
        accepted_seconds=1.0,
        findable_seconds=10.0,
        processor_seconds={"api": 1.0, "worker": 12.0, "postgres": 0.5},
        library=EncodeCost(seconds=library_seconds, processor_seconds=2 * library_seconds),
        bare=EncodeCost(seconds=7.5, processor_seconds=11.0),
    )


def test_ratios_are_of_speeds() -> None:
    run = ingest_run()

    # 100 / 10 = 10 chunks/s; 100 / 9 = 11.1 and 100 / 7.5 = 13.3 chunks/s.
    assert run.ratio == pytest.approx(0.9)
    assert run.strict_ratio == pytest.approx(0.75)


def test_what_a_document_costs_is_told_without_its_embedding() -> None:
    assert ingest_run().milliseconds_a_document == pytest.approx(
        {"api": 20, "worker": 20, "postgres": 10, "beyond embedding": 50, "embedding": 220}
    )


@pytest.mark.parametrize(
    ("library_seconds", "tiny_seconds", "has_met"),
    [(8.9, 6.1, False), (9.1, 5.9, False), (9.1, 6.1, True)],
)
def test_ingestion_is_to_keep_its_share_of_the_models_speed(
    dataset: Dataset, *, library_seconds: float, tiny_seconds: float, has_met: bool
) -> None:
    pages, tiny = (ingest_run(library_seconds=each) for each in (library_seconds, tiny_seconds))

    outcome = ingest.judge(dataset, Ways(pages=[pages], tiny=[tiny], tiny_in_batches=[tiny]))

    assert outcome.has_met_target == has_met
    assert outcome.target == "median ratio >= 0.9; of tiny documents >= 0.6"


def test_answers_are_looked_for_in_the_first_and_in_any_quote(dataset: Dataset) -> None:
    gold = ("two weeks",)
    questions = [
        asked(article="a", answers=gold, quotes=("A loan runs two weeks.",)),
        asked(article="a", answers=gold, quotes=("No.", "It is two weeks.")),
        asked(article="b", answers=gold, quotes=("A loan runs three weeks.",)),
        asked(article="b", answers=gold, quotes=(), status="unsupported"),
        asked(article="b", answers=(), quotes=("Something.",)),
        asked(article="b", answers=(), quotes=(), status="unsupported"),
    ]

    outcome = judge(dataset, questions)

    first, anywhere = (
        outcome.numbers[name] for name in ("first_quote_holds_answer", "any_quote_holds_answer")
    )
    assert isinstance(first, dict)
    assert isinstance(anywhere, dict)
    assert (first["share"], anywhere["share"], first["n"]) == (0.25, 0.5, 4)
    assert outcome.numbers["answerable_answered"] == 0.75
    assert outcome.numbers["unanswerable_answered"] == 0.5
    assert outcome.numbers["answerable_endings"] == {
        "answered": 3,
        "unsupported/low_relevance": 1,
    }
    assert not outcome.has_met_target


def test_queries_are_different_headings_of_several_words() -> None:
    documents = [
        CorpusDocument(
            id=str(number),
            title=f"Page number {number}",
            text=f"# Page number {number}\n\n## How to [lend](x) part {number}\n\n### FAQ\n",
        )
        for number in range(10)
    ]

    queries = queries_from(documents, count=20, seed=1)

    assert len(set(queries)) == 20
    assert all(re.fullmatch(r"Page number \d|How to lend x part \d", query) for query in queries)


def test_there_must_be_enough_headings() -> None:
    with pytest.raises(ValueError, match="larger than population"):
        queries_from([CorpusDocument(id="1", title="Two words", text="")], count=2, seed=1)


def test_a_service_gets_only_the_settings_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_DATABASE_URL", "postgresql://elsewhere/production")
    monkeypatch.setenv("FOOTNOTE_WORKER_CONCURRENCY", "3")

    instance = Instance(home=tmp_path, overrides={"job_max_attempts": "4"})

    assert instance.environment["FOOTNOTE_JOB_MAX_ATTEMPTS"] == "4"
    assert "FOOTNOTE_DATABASE_URL" not in instance.environment
    assert "FOOTNOTE_WORKER_CONCURRENCY" not in instance.environment
    assert instance.settings.job_max_attempts == 4
    assert instance.settings.database_url is None
    assert instance.settings.worker_concurrency != 3


@pytest.fixture
def outcome(dataset: Dataset) -> Outcome:
    return Outcome(
        question="How fast?",
        target="p50 <= 1 s",
        has_met_target=True,
        numbers={"seconds": spread([0.5])},
        dataset=dataset,
        seed=7,
        warm_up=2,
        concurrency=4,
    )


def test_a_result_says_what_it_depends_on(
    tmp_path: Path, dataset: Dataset, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    settings = Instance(home=tmp_path, overrides={}).settings

    path = write("speed", outcome, settings, 0.25, is_whole=True)

    result = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "speed.json"
    assert result["numbers"]["seconds"]["p95"] == 0.5
    assert result["dataset"] == {"name": "small", "sha256": dataset.sha256}
    assert (result["seed"], result["warm_up"], result["concurrency"]) == (7, 2, 4)
    assert result["machine"]["cores"] >= 1
    assert result["machine"]["load_before"] == 0.25
    assert {"python", "torch", "sqlalchemy"} <= result["versions"].keys()
    assert result["settings"]["worker_concurrency"] == 16
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_less_than_the_whole_leaves_the_result_as_it_is(
    tmp_path: Path, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    settings = Instance(home=tmp_path, overrides={}).settings
    whole = write("speed", outcome, settings, 0.25, is_whole=True)
    before = whole.read_bytes()

    part = write("speed", outcome, settings, 0.5, is_whole=False)

    assert part == tmp_path / "speed.part.json"
    assert whole.read_bytes() == before
