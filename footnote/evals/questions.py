"""Questions of a set with all that judges an answer to them."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import NotRequired, TypedDict, cast

from footnote.evals.datasets import Dataset, json_lines
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
    corpus = (
        cast("_DocumentLine", line) for line in json_lines(dataset.folder / "corpus.jsonl.gz")
    )
    titles = {line["doc_id"]: line.get("title") or line["doc_id"] for line in corpus}
    # A question without an answer has its document judged irrelevant.
    judgements = dataset.judgements("qrels*.tsv")
    questions = []
    for value in json_lines(dataset.folder / "queries.jsonl.gz"):
        line = cast("_QuestionLine", value)
        documents = judgements.get(line["query_id"], {}).keys() & titles.keys()
        if documents:
            questions.append(
                PutQuestion(
                    id=line["query_id"],
                    text=line["text"],
                    is_answerable=line.get("answerable", True),
                    documents=frozenset(documents),
                    articles=frozenset(titles[document] for document in documents),
                    answers=tuple(line.get("answers", [])),
                    selected=tuple(line.get("meta", {}).get("selected_sentences", [])),
                )
            )
    if not questions:
        raise Misconfigured(f"No question of {dataset.name!r} has a document that it is about.")
    return sorted(questions, key=lambda question: sha256(question.id.encode()).digest())


def elsewhere(question: PutQuestion) -> PutQuestion:
    """The question as it is for a knowledge base that has nothing on its subject."""
    return replace(question, is_answerable=False, documents=frozenset(), answers=(), selected=())
