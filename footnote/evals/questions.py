"""Questions of a set with all that judges an answer to them."""

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from footnote.evals.datasets import Dataset
from footnote.evals.halves import is_held_back
from kb.errors import Misconfigured


@dataclass(frozen=True, kw_only=True)
class PutQuestion:
    """A question, and what is known of its answer.

    `documents` are those it was written about, which hold the answer if there is one, `articles`
    their titles; `selected` are the sentences that people chose as the answer's proof. `answers`
    and `selected` are empty where the set gives none.
    """

    id: str
    text: str
    is_answerable: bool
    documents: frozenset[str]
    articles: frozenset[str]
    answers: tuple[str, ...]
    selected: tuple[str, ...]

    @property
    def is_held_back(self) -> bool:
        """True for the half of the articles that nothing was fitted to."""
        return is_held_back(min(self.articles))


class _Meta(TypedDict):
    selected_sentences: NotRequired[list[str]]


class _QuestionLine(TypedDict):
    query_id: str
    text: str
    answerable: NotRequired[bool]
    answers: NotRequired[list[str]]
    meta: NotRequired[_Meta]


class _DocumentLine(TypedDict):
    doc_id: str
    title: NotRequired[str | None]


def read_questions(dataset: Dataset) -> list[PutQuestion]:
    """Those that were written about a document of the set, in an order that mixes the articles.

    Misconfigured when there is none.
    """
    documents_by_question = _documents(dataset.folder)
    title_by_document = _titles(dataset.folder)
    lines = (cast("_QuestionLine", line) for line in _lines(dataset.folder / "queries.jsonl.gz"))
    questions = [
        _question(line, documents, title_by_document)
        for line in lines
        if (
            documents := documents_by_question.get(line["query_id"], set())
            & title_by_document.keys()
        )
    ]
    if not questions:
        raise Misconfigured(f"No question of {dataset.name!r} has a document that it is about.")
    return sorted(questions, key=lambda question: sha256(question.id.encode()).digest())


def elsewhere(question: PutQuestion) -> PutQuestion:
    """The question as it is for a knowledge base that has nothing on its subject."""
    return replace(question, is_answerable=False, documents=frozenset(), answers=(), selected=())


def _question(
    line: _QuestionLine, documents: set[str], title_by_document: Mapping[str, str]
) -> PutQuestion:
    meta = line.get("meta", {})
    return PutQuestion(
        id=line["query_id"],
        text=line["text"],
        is_answerable=line.get("answerable", True),
        documents=frozenset(documents),
        articles=frozenset(title_by_document[document] for document in documents),
        answers=tuple(line.get("answers", [])),
        selected=tuple(meta.get("selected_sentences", [])),
    )


def _titles(folder: Path) -> dict[str, str]:
    lines = (cast("_DocumentLine", line) for line in _lines(folder / "corpus.jsonl.gz"))
    return {line["doc_id"]: line.get("title") or line["doc_id"] for line in lines}


def _documents(folder: Path) -> dict[str, set[str]]:
    """By question; one without an answer has its document judged irrelevant."""
    documents: dict[str, set[str]] = {}
    for path in sorted(folder.glob("qrels*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                documents.setdefault(row["query_id"], set()).add(row["doc_id"])
    return documents


def _lines(path: Path) -> Iterator[object]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
