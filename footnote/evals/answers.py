"""Measures of whole answers: the real answerer, judged by rules alone.

questions -> the real answerer -> statuses, quotes and claims -> measures
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import fmean, harmonic_mean
from time import perf_counter
from typing import Final

from app.answering.claims import VerifiedCitation
from app.answering.difficulty import difficulties
from app.answering.guard.instructions import instruction_spans
from app.answering.outcome import AnswerStatus
from app.answering.pipeline import Answerer
from app.answering.question.question import Question
from app.gateway.route import Tier
from app.identity import Caller
from footnote.evals.answers_judge import Judge, ToGrade, opinion
from footnote.evals.answers_tiers import MICRODOLLARS, Spent
from footnote.evals.asking import new_asker
from footnote.evals.loading import LoadedDataset
from footnote.evals.metrics import (
    any_contains_answer,
    first_contains_answer,
    normalize_answer,
    share,
)
from footnote.evals.provenance import spread
from footnote.evals.questions import PutQuestion
from footnote.evals.results import DIGITS, Result, mean_scores
from language.text import sentences

KIND: Final = "answers"

SAME_SENTENCE: Final = 0.8
"""Share of the shorter one's words that two sentences share when they are one: sets split and space
sentences in their own ways."""

FAULTS: Final = ("leaks", "misquotes", "instructions")
"""Faults that no quote may have."""

SHOWS_AN_ANSWER: Final[frozenset[AnswerStatus]] = frozenset(
    {"answered", "partially_supported", "conflicting"}
)


@dataclass(frozen=True, kw_only=True)
class JudgedAnswer:
    """An answer beside what is known of its question; `quotes` are those shown, in order.

    `tier` is that of the model that was asked last; None where none was.
    """

    question: PutQuestion
    status: AnswerStatus
    reason: str | None
    quotes: tuple[VerifiedCitation, ...]
    claims: int
    supported: int
    cost_microdollars: int | None
    milliseconds: float
    tier: Tier | None = None
    answer: str = ""

    @property
    def texts(self) -> list[str]:
        """The quotes' words."""
        return [citation.quote for citation in self.quotes]

    @property
    def is_shown(self) -> bool:
        """True when the asker gets an answer."""
        return self.status in SHOWS_AN_ANSWER


@dataclass(frozen=True, kw_only=True)
class AnswersRun:
    """The way to put questions; `alias` None: the default one; `spent`: cost of models so far."""

    answerer: Answerer
    alias: str | None
    variant: str
    is_whole: bool
    clock: Callable[[], datetime]
    spent: Callable[[], Spent]
    judge: Judge | None = None


async def measure_answers(
    run: AnswersRun, loaded: LoadedDataset, questions: Sequence[PutQuestion]
) -> Result:
    """Asks the questions one after the other as somebody who may read the set's documents."""
    asker = new_asker(loaded.tenant_id)
    # The first answer makes the lexical index and fills pools.
    await run.answerer.answer(
        asker, Question(text=f"{questions[0].text} {questions[0].text}"), now=run.clock()
    )
    before = run.spent()
    judged = [await _judge(run, asker, question) for question in questions]
    spent = run.spent().since(before)
    known = frozenset(document.id for document in loaded.dataset.documents())
    gradable = [
        ToGrade(
            question=each.question.text,
            known_answers=each.question.selected or each.question.answers,
            answer=each.answer,
        )
        for each in judged
        if each.is_shown and each.question.is_answerable
    ]
    model_use = {}
    if spent.calls:
        strong = [each.question.text for each in judged if each.tier == "strong"]
        # Routed to the strong tier at once, or escalated to it afterwards.
        routed = sum(bool(difficulties(text)) for text in strong)
        model_use = {**asdict(spent), "routed": routed, "escalated": len(strong) - routed}
    faults = [_faults(quote, known) for each in judged for quote in each.quotes]
    milliseconds = [each.milliseconds for each in judged]
    costs = [each.cost_microdollars for each in judged if each.cost_microdollars is not None]
    scores = {
        "right_outcome": [float(each.is_shown == each.question.is_answerable) for each in judged],
        "right_answer": [float(_is_right(each)) for each in judged],
    }
    return {
        "dataset": loaded.dataset.name,
        "dataset_sha256": loaded.dataset.sha256,
        "split": None,
        "is_whole": run.is_whole,
        "variant": run.variant,
        "figures": {"share": 1.0, **mean_scores(scores), **figures_of(judged, known)},
        "figures_by_split": outcomes(judged),
        "latency_ms": spread(milliseconds),
        "details": {
            "answerable": sum(each.question.is_answerable for each in judged),
            "claims": sum(each.claims for each in judged),
            **{name: sum(each[name] for each in faults) for name in FAULTS},
            "cost_usd": sum(costs) / MICRODOLLARS if costs else None,
            **model_use,
            **(await opinion(run.judge, gradable) if run.judge else {}),
        },
        "question_ids": [each.question.id for each in judged],
        "scores": scores,
        "milliseconds": milliseconds,
    }


def figures_of(judged: Sequence[JudgedAnswer], known: frozenset[str]) -> dict[str, float]:
    """Every measure that the questions allow; shares of nothing are left out.

    `unsupported_precision`: of what was unsupported, the share without an answer;
    `unsupported_recall`: of what has no answer, the share unsupported. `first_quote` and
    `any_quote` hold the gold answer, of all answerable questions; citations and sentences are
    judged where an answer was given. `clean_quotes`: of the asker's own documents, verbatim, and no
    instruction to the reader.
    """
    shown = [each for each in judged if each.is_shown]
    quotes = [quote for each in shown for quote in each.quotes]
    answered = [each for each in shown if each.question.is_answerable]
    asked = [each.question for each in judged]
    unsupported = [each for each in judged if each.status == "unsupported"]
    # Gold answers are short where people selected no sentences.
    short = [
        each
        for each in judged
        if each.question.is_answerable and each.question.answers and not each.question.selected
    ]
    flags: Mapping[str, Sequence[bool]] = {
        "answered": [each.is_shown for each in judged if each.question.is_answerable],
        "unsupported_recall": [
            each.status == "unsupported" for each in judged if not each.question.is_answerable
        ],
        "unsupported_precision": (
            [not each.question.is_answerable for each in unsupported]
            if any(not question.is_answerable for question in asked)
            else []
        ),
        "first_quote": [first_contains_answer(each.texts, each.question.answers) for each in short],
        "any_quote": [any_contains_answer(each.texts, each.question.answers) for each in short],
        "right_document": [
            quote.passage.external_id in each.question.documents
            for each in answered
            for quote in each.quotes
        ],
        "clean_quotes": [not any(_faults(quote, known).values()) for quote in quotes],
    }
    figures = {name: share(values) for name, values in flags.items() if values}
    claims = sum(each.claims for each in judged)
    if claims:
        figures["supported_claims"] = sum(each.supported for each in judged) / claims
    matched = [
        matched_sentences(each.texts, each.question.selected)
        for each in answered
        if each.question.selected
    ]
    if matched:
        figures |= {
            "citation_precision": fmean(precision for precision, _ in matched),
            "citation_recall": fmean(recall for _, recall in matched),
            "sentence_f1": fmean(harmonic_mean(pair) if all(pair) else 0.0 for pair in matched),
        }
    return {name: round(value, DIGITS) for name, value in figures.items()}


def outcomes(judged: Sequence[JudgedAnswer]) -> dict[str, dict[str, float]]:
    """For each outcome the share of the questions that ended so, and how many had an answer."""
    names = [f"{each.status} {each.reason}" if each.reason else each.status for each in judged]
    found = {}
    for name in sorted(set(names)):
        ended = [each for each, other in zip(judged, names, strict=True) if other == name]
        found[name] = {
            "share": round(len(ended) / len(judged), DIGITS),
            "right_outcome": round(
                share([each.is_shown == each.question.is_answerable for each in ended]), DIGITS
            ),
        }
    return found


def matched_sentences(quotes: Sequence[str], selected: Sequence[str]) -> tuple[float, float]:
    """Citation precision and recall by sentences.

    The share of the quoted sentences that people selected, and of the selected that are quoted.
    """
    shown = [quote[each.start : each.end] for quote in quotes for each in sentences(quote)]
    quoted, wanted = (
        [frozenset(normalize_answer(sentence).split()) for sentence in side]
        for side in (shown, dict.fromkeys(selected))
    )
    return (
        share([any(_is_same(each, other) for other in wanted) for each in quoted]),
        share([any(_is_same(each, other) for other in quoted) for each in wanted]),
    )


async def _judge(run: AnswersRun, asker: Caller, question: PutQuestion) -> JudgedAnswer:
    started = perf_counter()
    answered = await run.answerer.answer(
        asker, Question(text=question.text, model=run.alias), now=run.clock()
    )
    milliseconds = round((perf_counter() - started) * 1000, 3)
    return JudgedAnswer(
        question=question,
        status=answered.outcome.status,
        reason=answered.outcome.reason,
        quotes=tuple(citation for claim in answered.supported for citation in claim.citations)
        if answered.outcome.status in SHOWS_AN_ANSWER
        else (),
        claims=len(answered.claims),
        supported=len(answered.supported),
        cost_microdollars=answered.cost_microdollars,
        milliseconds=milliseconds,
        tier=answered.draft_report.tier,
        answer=" ".join(claim.text for claim in answered.supported),
    )


def _is_right(judged: JudgedAnswer) -> bool:
    """An answer that holds the gold one, or its sentence; no answer where there is none."""
    question = judged.question
    if not question.is_answerable:
        return not judged.is_shown
    if question.selected:
        return matched_sentences(judged.texts, question.selected)[1] > 0
    return any_contains_answer(judged.texts, question.answers)


def _faults(quote: VerifiedCitation, known: frozenset[str]) -> dict[str, bool]:
    """The faults that no quote may have."""
    return {
        "leaks": quote.passage.external_id not in known,
        "misquotes": quote.quote not in quote.passage.text,
        "instructions": bool(instruction_spans(quote.quote)),
    }


def _is_same(one: frozenset[str], other: frozenset[str]) -> bool:
    shorter = min(len(one), len(other))
    return shorter > 0 and len(one & other) >= SAME_SENTENCE * shorter
