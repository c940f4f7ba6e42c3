"""A tiny data set in the form that evaluations read, and hand-made results."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from footnote.evals.provenance import spread
from footnote.evals.results import Evaluation, Result, mean_scores

NAME = "small"

CORPUS: list[dict[str, object]] = [
    {"doc_id": "loans.md", "title": "Loans", "text": "A loan of a book runs for two weeks."},
    {"doc_id": "fines", "title": "Fines", "text": "A late book costs ten cents a day."},
    {"doc_id": "hours", "title": "Hours", "text": "The library opens at nine on weekdays."},
    {"doc_id": "cats", "title": "", "text": "Cats sleep for most of the afternoon."},
]

QUERIES: list[dict[str, object]] = [
    {"query_id": "q1", "text": "How long does a loan run?", "split": "plain", "meta": {}},
    {
        "query_id": "q2",
        "text": "And what does it cost?",
        "split": "talk",
        "meta": {
            "rewrite": "What does a late book cost a day?",
            "history": [
                {"speaker": "user", "text": "Tell me about late books."},
                {"speaker": "agent", "text": "They cost something."},
            ],
        },
    },
    {"query_id": "q3", "text": "When does the library open?", "split": "plain", "meta": {}},
    {"query_id": "q4", "text": "Who wrote Hamlet?", "answerable": False, "split": "plain"},
]

QRELS = ["q1\tloans.md\t1", "q2\tfines\t1", "q3\thours\t2", "q3\tloans.md\t0", "q4\tcats\t0"]


def write_lines(path: Path, lines: Sequence[object]) -> None:
    """The lines as gzipped JSON."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def write_small_set(evaldata: Path, corpus: Sequence[object] = CORPUS) -> Path:
    """The set's folder below `evaldata`."""
    folder = evaldata / NAME
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "corpus.jsonl.gz", corpus)
    write_lines(folder / "queries.jsonl.gz", QUERIES)
    header = "query_id\tdoc_id\trelevance"
    (folder / "qrels.tsv").write_text("\n".join([header, *QRELS]) + "\n", encoding="utf-8")
    return folder


def result_of(
    scores: Mapping[str, Sequence[float]], *, dataset: str = NAME, variant: str = "hybrid"
) -> Result:
    """One score for each of the questions 0, 1, 2 ... and measure."""
    count = len(next(iter(scores.values())))
    milliseconds = [float(number) for number in range(1, count + 1)]
    return {
        "dataset": dataset,
        "dataset_sha256": "0" * 64,
        "split": None,
        "is_whole": True,
        "variant": variant,
        "figures": mean_scores(scores),
        "figures_by_split": {},
        "latency_ms": spread(milliseconds),
        "details": {},
        "question_ids": [str(number) for number in range(count)],
        "scores": {measure: list(values) for measure, values in scores.items()},
        "milliseconds": milliseconds,
    }


def evaluation_of(*results: Result) -> Evaluation:
    """A run with these results on a machine that there is not."""
    return {
        "format": 1,
        "evaluation": "retrieval",
        "options": {"limit": None},
        "provenance": {
            "measured_at": "2026-03-01T12:00:00+00:00",
            "git": {"sha": "a" * 40, "has_uncommitted_changes": False},
            "machine": {
                "system": "Linux",
                "processor": "abacus",
                "cores": 2,
                "memory_gib": 4.0,
                "load_before": 0.5,
            },
            "versions": {"python": "3.11.0"},
            "settings": {"retrieval_candidates": 100},
        },
        "results": list(results),
    }
