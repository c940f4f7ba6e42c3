"""The evaluation data, read from the folder that `FOOTNOTE_EVALDATA` names."""

import csv
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

from kb.errors import InvalidInput, Misconfigured

ALL_SPLITS = "all"


@dataclass(frozen=True, kw_only=True)
class CorpusDocument:
    """A document to upload."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class DatasetQuestion:
    """A question; `document_id` is the document it was written about, `answers` the gold ones."""

    id: str
    text: str
    answers: tuple[str, ...]
    is_answerable: bool
    document_id: str


@dataclass(frozen=True, kw_only=True)
class PastTurn:
    """A turn of the conversation before the question."""

    speaker: Literal["user", "agent"]
    text: str


@dataclass(frozen=True, kw_only=True)
class JudgedQuestion:
    """A question whose relevant documents are known; there is at least one.

    `split` is the part of the set it belongs to, the language where a set has several. `history`
    is what was said before it, oldest first; `rewrite` is the same question standing alone, as
    the set's authors wrote it.
    """

    id: str
    text: str
    relevance_by_document: Mapping[str, int]
    split: str | None
    history: tuple[PastTurn, ...]
    rewrite: str | None


class _CorpusLine(TypedDict):
    doc_id: str
    title: str
    text: str


class _HistoryLine(TypedDict):
    speaker: Literal["user", "agent"]
    text: str


class _QueryMeta(TypedDict):
    doc_id: str
    history: NotRequired[list[_HistoryLine]]
    rewrite: NotRequired[str | None]


class _QueryLine(TypedDict):
    query_id: str
    text: str
    answers: NotRequired[list[str]]
    answerable: bool
    split: NotRequired[str]
    lang: NotRequired[str]
    meta: _QueryMeta


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One set in its folder."""

    name: str
    folder: Path

    @property
    def sha256(self) -> str:
        """Names the content: documents, questions and judgements, as they lie in the folder."""
        return _sha256([*self.folder.glob("*.jsonl.gz"), *self.folder.glob("qrels*.tsv")])

    @property
    def corpus_sha256(self) -> str:
        """Names the documents alone."""
        return _sha256([self.folder / "corpus.jsonl.gz"])

    def documents(self) -> list[CorpusDocument]:
        """All documents, in the order of the file."""
        lines = (cast("_CorpusLine", line) for line in json_lines(self.folder / "corpus.jsonl.gz"))
        return [
            CorpusDocument(id=line["doc_id"], title=line["title"], text=line["text"])
            for line in lines
        ]

    def questions(self) -> list[DatasetQuestion]:
        """All questions, in the order of the file."""
        lines = (cast("_QueryLine", line) for line in json_lines(self.folder / "queries.jsonl.gz"))
        return [
            DatasetQuestion(
                id=line["query_id"],
                text=line["text"],
                answers=tuple(line.get("answers", [])),
                is_answerable=line["answerable"],
                document_id=line["meta"]["doc_id"],
            )
            for line in lines
        ]

    def judged_questions(self, split: str | None = None) -> list[JudgedQuestion]:
        """The questions with relevant documents, in the order of the file.

        No split: those that `qrels.tsv` judges; a split's name: its questions, whichever file
        judges them; `all`: every judged one. Misconfigured when nothing is judged, InvalidInput
        when the split has no judged question.
        """
        judgements = self.judgements("qrels.tsv" if split is None else "qrels*.tsv")
        lines = (cast("_QueryLine", line) for line in json_lines(self.folder / "queries.jsonl.gz"))
        questions = []
        for line in lines:
            judged = judgements.get(line["query_id"], {})
            relevance = {document: degree for document, degree in judged.items() if degree > 0}
            if not relevance:
                continue
            # Not every set has `meta`, and most of those that do have no conversation.
            meta = line.get("meta", {})
            questions.append(
                JudgedQuestion(
                    id=line["query_id"],
                    text=line["text"],
                    relevance_by_document=relevance,
                    split=line.get("split", line.get("lang")),
                    history=tuple(
                        PastTurn(speaker=turn["speaker"], text=turn["text"])
                        for turn in meta.get("history", [])
                    ),
                    rewrite=meta.get("rewrite"),
                )
            )
        if not questions:
            raise Misconfigured(f"The data set {self.name!r} has no judged questions.")
        if split is None or split == ALL_SPLITS:
            return questions
        chosen = [question for question in questions if question.split == split]
        if not chosen:
            known = ", ".join(sorted({question.split or "none" for question in questions}))
            raise InvalidInput(f"{self.name!r} has no split {split!r}; it has: {known}.")
        return chosen

    def judgements(self, pattern: str) -> dict[str, dict[str, int]]:
        """The judged documents of each question with their relevance, 0 for irrelevant."""
        relevance_by_question: dict[str, dict[str, int]] = {}
        for path in sorted(self.folder.glob(pattern)):
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    documents = relevance_by_question.setdefault(row["query_id"], {})
                    documents[row["doc_id"]] = int(row["relevance"])
        return relevance_by_question


def open_dataset(evaldata: Path, name: str) -> Dataset:
    """The set; Misconfigured when its folder is absent."""
    folder = evaldata / name
    if not (folder / "corpus.jsonl.gz").exists():
        raise Misconfigured(
            f"The data set {name!r} is absent: FOOTNOTE_EVALDATA must name the folder that has it."
        )
    return Dataset(name=name, folder=folder)


def _sha256(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def json_lines(path: Path) -> Iterator[object]:
    """The values of a gzipped file, one in each line."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
