"""Data sets as the evaluation folder has them."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.datasets import CorpusDocument, DatasetQuestion, open_dataset
from kb.errors import Misconfigured

CORPUS = [{"doc_id": "d1", "title": "Loans", "text": "A loan runs for two weeks.", "meta": {}}]
QUERIES = [
    {
        "query_id": "q1",
        "text": "How long is a loan?",
        "answers": ["two weeks"],
        "answerable": True,
        "meta": {"doc_id": "d1"},
    },
    {"query_id": "q2", "text": "Who lends?", "answerable": False, "meta": {"doc_id": "d1"}},
]


def write_lines(path: Path, lines: Sequence[object]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
def evaldata(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    write_lines(folder / "corpus.jsonl.gz", CORPUS)
    write_lines(folder / "queries.jsonl.gz", QUERIES)
    return tmp_path


def test_documents_are_read_in_order(evaldata: Path) -> None:
    dataset = open_dataset(evaldata, "small")

    assert dataset.documents() == [
        CorpusDocument(id="d1", title="Loans", text="A loan runs for two weeks.")
    ]


def test_questions_know_their_document_and_answers(evaldata: Path) -> None:
    questions = open_dataset(evaldata, "small").questions()

    assert questions == [
        DatasetQuestion(
            id="q1",
            text="How long is a loan?",
            answers=("two weeks",),
            is_answerable=True,
            document_id="d1",
        ),
        DatasetQuestion(
            id="q2", text="Who lends?", answers=(), is_answerable=False, document_id="d1"
        ),
    ]


def test_the_hash_names_the_content(evaldata: Path) -> None:
    before = open_dataset(evaldata, "small").sha256

    write_lines(evaldata / "small" / "queries.jsonl.gz", QUERIES[:1])

    assert len(before) == 64
    assert open_dataset(evaldata, "small").sha256 != before


def test_an_absent_set_is_told(evaldata: Path) -> None:
    with pytest.raises(Misconfigured, match="'large' is absent"):
        open_dataset(evaldata, "large")
