"""Retrieval measures: the questions of a set, and the documents that answer them.

questions -> the real retriever -> documents, each where its best passage stands -> measures
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from time import perf_counter
from typing import assert_never

from app.retrieve.conversation import Said, in_conversation
from app.retrieve.query import SearchMode, SearchQuery
from app.retrieve.search import Retriever
from footnote.evals.datasets import JudgedQuestion
from footnote.evals.loading import READER, LoadedDataset
from footnote.evals.metrics import mrr_at, ndcg_at, recall_at
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result, mean_scores, mean_scores_by_split
from kb.errors import IndexNotReady
from kb.passages import Passage

KIND = "retrieval"

PASSAGES = 100
"""Retrieved for each question: the most that a request may ask for unless settings say more."""

WARM_UP = 5
"""Questions asked before the clock runs: the first makes the lexical index and fills pools."""

Measure = Callable[[Sequence[str], Mapping[str, int]], float]

MEASURES: Mapping[str, Measure] = {
    "ndcg@10": lambda ranked, relevance: ndcg_at(ranked, relevance, 10),
    "recall@5": lambda ranked, relevance: recall_at(ranked, relevance, 5),
    "recall@20": lambda ranked, relevance: recall_at(ranked, relevance, 20),
    "recall@100": lambda ranked, relevance: recall_at(ranked, relevance, 100),
    "mrr@10": lambda ranked, relevance: mrr_at(ranked, relevance, 10),
}


class History(StrEnum):
    """The part of a conversation that a question is searched with."""

    LAST_TURN = "last-turn"
    """The question as it was put."""
    REWRITE_GIVEN = "rewrite-given"
    """As the set's authors rewrote it: what a perfect rewriter would reach."""
    FOOTNOTE = "footnote"
    """With what Footnote finds that it leans on."""


@dataclass(frozen=True, kw_only=True)
class RetrievalRun:
    """The questions to ask, and the way; `limit` counts from the first, None asks all."""

    mode: SearchMode
    history: History
    split: str | None
    limit: int | None
    is_reranked: bool

    @property
    def variant(self) -> str:
        """Names this way of asking in results, such as `hybrid+rerank`."""
        history = [] if self.history is History.LAST_TURN else [self.history.value]
        return "+".join([self.mode, *(["rerank"] if self.is_reranked else []), *history])


async def measure_retrieval(
    retriever: Retriever, loaded: LoadedDataset, run: RetrievalRun, *, clock: Callable[[], datetime]
) -> Result:
    """Asks the questions one after the other; a retriever that has seen them is faster."""
    judged = loaded.dataset.judged_questions(run.split)
    questions = judged[: run.limit]
    for question in judged[:WARM_UP]:
        # A text that is not asked again: the retriever remembers vectors.
        twice = replace(question, text=f"{question.text} {question.text}", rewrite=None)
        await retriever.search(loaded.tenant_id, READER, _query(twice, run), now=clock())
    scores: dict[str, list[float]] = {measure: [] for measure in MEASURES}
    milliseconds = []
    plans: set[str] = set()
    for question in questions:
        query = _query(question, run)
        started = perf_counter()
        retrieval = await retriever.search(loaded.tenant_id, READER, query, now=clock())
        milliseconds.append(round((perf_counter() - started) * 1000, 3))
        if retrieval.explanation.is_lexical_missing:
            raise IndexNotReady("The lexical index was not ready: nothing was measured.")
        if retrieval.explanation.vector_plan is not None:
            plans.add(retrieval.explanation.vector_plan)
        ranked = ranked_documents(retrieval.passages)
        for name, measure in MEASURES.items():
            scores[name].append(round(measure(ranked, question.relevance_by_document), DIGITS))
    return {
        "dataset": loaded.dataset.name,
        "dataset_sha256": loaded.dataset.sha256,
        "split": run.split,
        "is_whole": len(questions) == len(judged),
        "variant": run.variant,
        "figures": mean_scores(scores),
        "figures_by_split": mean_scores_by_split(scores, [each.split for each in questions]),
        "latency_ms": spread(milliseconds),
        "details": {
            "documents": loaded.documents,
            "unread_documents": loaded.unread_documents,
            "load_seconds": None if loaded.seconds is None else round(loaded.seconds, 1),
            "passages": PASSAGES,
            "warm_up": WARM_UP,
            "vector_plan": " ".join(sorted(plans)) or None,
        },
        "question_ids": [question.id for question in questions],
        "scores": scores,
        "milliseconds": milliseconds,
    }


def ranked_documents(passages: Sequence[Passage]) -> list[str]:
    """The set's ids of the documents, each at the place of its first passage.

    Passages of equal score stand as they were shown.
    """
    return list(dict.fromkeys(passage.external_id or "" for passage in passages))


def _query(question: JudgedQuestion, run: RetrievalRun) -> SearchQuery:
    query = SearchQuery(
        text=question.text,
        collections=None,
        filter=None,
        top_k=PASSAGES,
        mode=run.mode,
        rerank=run.is_reranked,
    )
    match run.history:
        case History.LAST_TURN:
            return query
        case History.REWRITE_GIVEN:
            return replace(query, text=question.rewrite or question.text)
        case History.FOOTNOTE:
            # As an answer with `history` searches for it.
            said = [
                Said(speaker="user" if turn.speaker == "user" else "assistant", text=turn.text)
                for turn in question.history
            ]
            return replace(query, conversation=in_conversation(question.text, said))
        case _:
            assert_never(run.history)
