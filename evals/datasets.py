"""The evaluation data, read from the folder that `FOOTNOTE_EVALDATA` names."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from kb.errors import Misconfigured


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


class _CorpusLine(TypedDict):
    doc_id: str
    title: str
    text: str


class _QueryMeta(TypedDict):
    doc_id: str


class _QueryLine(TypedDict):
    query_id: str
    text: str
    answers: NotRequired[list[str]]
    answerable: bool
    meta: _QueryMeta


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One set in its folder."""

    name: str
    folder: Path

    @property
    def sha256(self) -> str:
        """Names the content: documents and questions, as they lie in the folder."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.glob("*.jsonl.gz")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def documents(self) -> list[CorpusDocument]:
        """All documents, in the order of the file."""
        lines = (cast("_CorpusLine", line) for line in _lines(self.folder / "corpus.jsonl.gz"))
        return [
            CorpusDocument(id=line["doc_id"], title=line["title"], text=line["text"])
            for line in lines
        ]

    def questions(self) -> list[DatasetQuestion]:
        """All questions, in the order of the file."""
        lines = (cast("_QueryLine", line) for line in _lines(self.folder / "queries.jsonl.gz"))
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


def open_dataset(evaldata: Path, name: str) -> Dataset:
    """The set; Misconfigured when its folder is absent."""
    folder = evaldata / name
    if not (folder / "corpus.jsonl.gz").exists():
        raise Misconfigured(
            f"The data set {name!r} is absent: FOOTNOTE_EVALDATA must name the folder that has it."
        )
    return Dataset(name=name, folder=folder)


def _lines(path: Path) -> Iterator[object]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
