"""Data sets as the evaluation folder has them."""

from pathlib import Path

import pytest

from footnote.evals.datasets import CorpusDocument, DatasetQuestion, open_dataset
from kb.errors import InvalidInput, Misconfigured
from tests.footnote.evals.small_set import NAME, write_lines, write_small_set

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


def test_judged_questions_know_their_relevant_documents_and_history(tmp_path: Path) -> None:
    write_small_set(tmp_path)

    first, second, third = open_dataset(tmp_path, NAME).judged_questions()

    assert first.relevance_by_document == {"loans.md": 1}
    assert (first.history, first.rewrite, first.split) == ((), None, "plain")
    assert [turn.speaker for turn in second.history] == ["user", "agent"]
    assert second.rewrite == "What does a late book cost a day?"
    # What is judged 0 is not relevant; a question with nothing relevant is left out.
    assert third.relevance_by_document == {"hours": 2}


def test_a_split_has_questions_of_its_own(tmp_path: Path) -> None:
    folder = write_small_set(tmp_path)
    (folder / "qrels_more.tsv").write_text(
        "query_id\tdoc_id\trelevance\nq4\tcats\t1\n", encoding="utf-8"
    )
    dataset = open_dataset(tmp_path, NAME)

    assert [question.id for question in dataset.judged_questions()] == ["q1", "q2", "q3"]
    assert [question.id for question in dataset.judged_questions("plain")] == ["q1", "q3", "q4"]
    assert len(dataset.judged_questions("all")) == 4
    with pytest.raises(InvalidInput, match="no split 'test'; it has: plain, talk"):
        dataset.judged_questions("test")


def test_a_set_without_judgements_is_told(evaldata: Path) -> None:
    with pytest.raises(Misconfigured, match="'small' has no judged questions"):
        open_dataset(evaldata, "small").judged_questions()


def test_the_hash_names_the_judgements_as_well(tmp_path: Path) -> None:
    folder = write_small_set(tmp_path)
    dataset = open_dataset(tmp_path, NAME)
    before, corpus_before = dataset.sha256, dataset.corpus_sha256

    (folder / "qrels.tsv").write_text("query_id\tdoc_id\trelevance\n", encoding="utf-8")

    assert dataset.sha256 != before
    assert dataset.corpus_sha256 == corpus_before
