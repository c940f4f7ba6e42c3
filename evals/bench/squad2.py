"""The share of extractive answers whose quotes hold the gold answer, over the whole service."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import httpx

from evals.bench.footnote_process import Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.upload import upload_all
from footnote.embedding_model import load_embedder
from footnote.evals.bootstrap import grouped_share
from footnote.evals.datasets import CorpusDocument, Dataset, DatasetQuestion
from footnote.evals.metrics import any_contains_answer, first_contains_answer, share

DATASET = "squad2"
TARGET_FIRST = 0.78
TARGET_ANY = 0.90
SEED = 11
ASKERS = 2
"""As many as the machine has cores: more would wait for each other."""


@dataclass(frozen=True, kw_only=True)
class AskedQuestion:
    """A question and what came back; `milliseconds` as its asker waits."""

    question: DatasetQuestion
    article: str
    status: str
    reason: str | None
    quotes: tuple[str, ...]
    has_retrieved_gold: bool
    milliseconds: float


def measure_squad2(instance: Instance, dataset: Dataset, *, limit: int | None) -> Outcome:
    """Every paragraph is ingested as a document, every question (or the first `limit`) asked."""
    documents = dataset.documents()
    questions = dataset.questions()[:limit]
    load_embedder(instance.settings)
    with running(instance) as footnote, footnote.client() as client:
        upload_all(client, documents)
        asked = ask_all(client, documents, questions)
    return judge(dataset, asked)


def ask_all(
    client: httpx.Client, documents: Sequence[CorpusDocument], questions: Sequence[DatasetQuestion]
) -> list[AskedQuestion]:
    """The response to each question, in order."""
    title_by_document = {document.id: document.title for document in documents}

    def ask(question: DatasetQuestion) -> AskedQuestion:
        started = perf_counter()
        response = client.post(
            "/v1/answers", json={"question": question.text, "include_retrieved": True}
        )
        milliseconds = (perf_counter() - started) * 1000
        response.raise_for_status()
        body = response.json()
        retrieved = {hit["document"]["external_id"] for hit in body["retrieved"]}
        return AskedQuestion(
            question=question,
            article=title_by_document[question.document_id],
            status=body["status"],
            reason=body["reason"],
            quotes=tuple(citation["quote"] for citation in body["citations"]),
            has_retrieved_gold=question.document_id in retrieved,
            milliseconds=milliseconds,
        )

    with ThreadPoolExecutor(ASKERS) as askers:
        return list(askers.map(ask, questions))


def judge(dataset: Dataset, asked: Sequence[AskedQuestion]) -> Outcome:
    """Shares of the answerable questions, and how the unanswerable ones ended."""
    answerable = [each for each in asked if each.question.is_answerable]
    unanswerable = [each for each in asked if not each.question.is_answerable]
    articles = [each.article for each in answerable]
    first = grouped_share(
        [first_contains_answer(each.quotes, each.question.answers) for each in answerable],
        articles,
        seed=SEED,
    )
    anywhere = grouped_share(
        [any_contains_answer(each.quotes, each.question.answers) for each in answerable],
        articles,
        seed=SEED,
    )
    return Outcome(
        question="Share of answerable questions whose first, or any, quote holds a gold answer",
        target=f"first >= {TARGET_FIRST}, any >= {TARGET_ANY}",
        has_met_target=first["share"] >= TARGET_FIRST and anywhere["share"] >= TARGET_ANY,
        numbers={
            "first_quote_holds_answer": first,
            "any_quote_holds_answer": anywhere,
            "gold_paragraph_retrieved": round(share([a.has_retrieved_gold for a in answerable]), 4),
            "answerable_answered": round(share([bool(a.quotes) for a in answerable]), 4),
            "unanswerable_answered": round(share([bool(a.quotes) for a in unanswerable]), 4),
            "answerable": len(answerable),
            "unanswerable": len(unanswerable),
            "answerable_endings": _endings(answerable),
            "unanswerable_endings": _endings(unanswerable),
            "quotes_per_answer": spread([float(len(a.quotes)) for a in asked if a.quotes])
            if any(a.quotes for a in asked)
            else None,
            "answer_milliseconds": spread([a.milliseconds for a in asked]),
        },
        dataset=dataset,
        seed=SEED,
        warm_up=0,
        concurrency=ASKERS,
    )


def _endings(asked: Sequence[AskedQuestion]) -> dict[str, int]:
    """The number of answers by status and reason."""
    return dict(
        Counter(f"{a.status}/{a.reason}" if a.reason else a.status for a in asked).most_common()
    )
