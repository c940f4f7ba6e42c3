"""Telling questions without an answer from those with one, before anything is written.

questions -> the real retriever -> context -> sentences -> signals -> probability of an answer

Three cases of a question: `answerable`; `near`, whose subject is there and whose answer is not;
`absent`, an answerable one from whose passages all of its own articles are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Final, Literal

import numpy as np

from app.answering.abstention import (
    EvidenceSignals,
    FittedAbstention,
    answer_probability,
    evidence_signals,
)
from app.answering.context import build_context, random_source_id
from app.answering.evidence.ranking import rank_sentences
from app.answering.question.parts import read_question
from app.limits import AnswerLimits
from app.retrieve.search import Retriever, SearchQuery
from footnote.evals.loading import READER, LoadedDataset
from footnote.evals.metrics import auroc, share
from footnote.evals.provenance import spread
from footnote.evals.questions import PutQuestion
from footnote.evals.results import DIGITS, Result
from kb.passages import Passage
from kb.unit_vectors import Vectors
from models.embedding import Embedder

KIND: Final = "abstention"

Case = Literal["answerable", "near", "absent"]
WITHOUT_ANSWER: Final[tuple[Case, ...]] = ("near", "absent")

QUESTIONS_PER_CASE: Final = 400
"""Of each set and half: a share of .95 is then known to .02 (95 % interval)."""

DEEP: Final = 200
"""Passages looked through for those of other articles: no article of the sets has so many."""

FALSE_ABSTENTIONS: Final = (0.02, 0.05, 0.10, 0.20)
"""Shares of answerable questions lost at which the shares of the others caught are compared."""


@dataclass(frozen=True, kw_only=True)
class WeighedQuestion:
    """The signals of a question in a case, and the milliseconds it took to compute them."""

    dataset: str
    case: Case
    question_id: str
    is_held_back: bool
    signals: EvidenceSignals | None
    milliseconds: float


class RememberingEmbedder:
    """An embedder that embeds no sentence twice: five questions share an article's sentences."""

    def __init__(self, embedder: Embedder) -> None:
        """Remembers nothing yet; all but passages goes to the embedder."""
        self.languages = embedder.languages
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens
        self.count_tokens = embedder.count_tokens
        self.embed_queries = embedder.embed_queries
        self._embed_passages = embedder.embed_passages
        self._rows: dict[str, Vectors] = {}

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """As the embedder's, from memory where it can."""
        new = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if new:
            self._rows.update(zip(new, self._embed_passages(new), strict=True))
        return np.stack([self._rows[text] for text in texts])


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """The parts that questions are measured with."""

    retriever: Retriever
    embedder: Embedder
    limits: AnswerLimits
    clock: Callable[[], datetime]


async def weigh(
    weighing: Weighing, loaded: LoadedDataset, questions: Sequence[PutQuestion]
) -> list[WeighedQuestion]:
    """Every question in its cases, in the order of the questions."""
    weighed = []
    for question in questions:
        cases: tuple[Case, ...] = ("answerable", "absent") if question.is_answerable else ("near",)
        for case in cases:
            context = build_context(
                await _passages(weighing, loaded, question, case),
                budget_tokens=weighing.limits.context_tokens,
                count_tokens=weighing.embedder.count_tokens,
                new_source_id=random_source_id,
            )
            reading = read_question(question.text)
            evidence = rank_sentences(reading, context, weighing.embedder)
            started = perf_counter()
            signals = evidence_signals(reading, context, evidence)
            weighed.append(
                WeighedQuestion(
                    dataset=loaded.dataset.name,
                    case=case,
                    question_id=question.id,
                    is_held_back=question.is_held_back,
                    signals=signals,
                    milliseconds=round((perf_counter() - started) * 1000, 4),
                )
            )
    return weighed


def chosen(questions: Sequence[PutQuestion], *, held_back: bool, limit: int) -> list[PutQuestion]:
    """The first questions of one half of the articles: `limit` with and `limit` without answer."""
    half = [question for question in questions if question.is_held_back == held_back]
    return [
        *[question for question in half if question.is_answerable][:limit],
        *[question for question in half if not question.is_answerable][:limit],
    ]


def results_of(
    loaded: LoadedDataset,
    weighed: Sequence[WeighedQuestion],
    model: FittedAbstention,
    *,
    floor: float,
    is_whole: bool,
) -> list[Result]:
    """A result for each case without answer, which is set beside the answerable questions."""
    answerable = [each for each in weighed if each.case == "answerable"]
    results = []
    for case in WITHOUT_ANSWER:
        others = [each for each in weighed if each.case == case]
        if not answerable or not others:
            continue
        both = [*answerable, *others]
        probabilities = [answer_probability(model, each.signals) for each in both]
        held, missing = probabilities[: len(answerable)], probabilities[len(answerable) :]
        milliseconds = [each.milliseconds for each in both]
        results.append(
            Result(
                dataset=loaded.dataset.name,
                dataset_sha256=loaded.dataset.sha256,
                split=None,
                is_whole=is_whole,
                variant=case,
                figures=figures_of(held, missing, floor=floor),
                figures_by_split={},
                latency_ms=spread(milliseconds),
                details={
                    "answerable": len(held),
                    "without_answer": len(missing),
                    "floor": floor,
                    "model": model["version"],
                },
                question_ids=[f"{each.question_id} {each.case}" for each in both],
                scores={
                    "probability": [round(value, DIGITS) for value in probabilities],
                    "has_answer": [1.0] * len(held) + [0.0] * len(missing),
                },
                milliseconds=milliseconds,
            )
        )
    return results


def figures_of(
    answerable: Sequence[float], missing: Sequence[float], *, floor: float
) -> dict[str, float]:
    """AUROC, what is caught and lost at the floor, and caught at each share of answerable lost."""
    figures = {
        "auroc": auroc(answerable, missing),
        "caught": share([each < floor for each in missing]),
        "kept": share([each >= floor for each in answerable]),
    }
    for lost in FALSE_ABSTENTIONS:
        threshold = threshold_losing(answerable, lost)
        figures[f"caught@{lost:.0%}"] = share([each < threshold for each in missing])
    return {name: round(value, DIGITS) for name, value in figures.items()}


def threshold_losing(answerable: Sequence[float], lost: float) -> float:
    """The highest floor below which no more than that share of the answerable lies."""
    ordered = sorted(answerable)
    return ordered[int(lost * len(ordered))]


async def _passages(
    weighing: Weighing, loaded: LoadedDataset, question: PutQuestion, case: Case
) -> Sequence[Passage]:
    wanted = weighing.limits.passages
    retrieval = await weighing.retriever.search(
        loaded.tenant_id,
        READER,
        SearchQuery(
            text=question.text,
            collections=None,
            filter=None,
            top_k=DEEP if case == "absent" else wanted,
            mode="hybrid",
        ),
        now=weighing.clock(),
    )
    if case != "absent":
        return retrieval.passages
    others = [
        passage
        for passage in retrieval.passages
        if (passage.title or passage.external_id) not in question.articles
    ]
    return others[:wanted]
