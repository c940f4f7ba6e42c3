"""Abstention: what is counted, and what is fitted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.answering.abstention import EvidenceSignals, answer_probability
from footnote.evals.abstention import (
    Case,
    RememberingEmbedder,
    WeighedQuestion,
    chosen,
    figures_of,
    threshold_losing,
)
from footnote.evals.abstention_fit import FitName, fit_abstention
from footnote.evals.datasets import open_dataset
from footnote.evals.questions import PutQuestion, elsewhere, read_questions
from footnote.evals.risk import risk_by_coverage
from kb.errors import InvalidInput, Misconfigured
from kb.unit_vectors import Vectors
from tests.footnote.evals.small_set import CORPUS, NAME, write_lines, write_small_set

FIT = FitName(version="7", fitted_on="2026-03-01", embedding_model="abacus")


def question(name: str, *, is_answerable: bool = True, article: str = "Loans") -> PutQuestion:
    return PutQuestion(
        id=name,
        text=f"{name}?",
        is_answerable=is_answerable,
        documents=frozenset({article}),
        articles=frozenset({article}),
        answers=("two weeks",),
        selected=(),
    )


def weighed(case: Case, cosine: float, *, name: str = "q", dataset: str = NAME) -> WeighedQuestion:
    return WeighedQuestion(
        dataset=dataset,
        case=case,
        question_id=name,
        is_held_back=False,
        signals=EvidenceSignals(
            best_cosine=cosine,
            best_coverage=0.5,
            passage_cosine=0.5,
            passage_lead=0.0,
            answer_type=0.0,
            names_missing=0.0,
        ),
        milliseconds=0.1,
    )


def cases() -> list[WeighedQuestion]:
    """The closer, the likelier an answer."""
    return [
        *[weighed("answerable", 0.5 + place / 100, name=f"a{place}") for place in range(20)],
        *[weighed("near", 0.4 + place / 100, name=f"n{place}") for place in range(20)],
        *[weighed("absent", 0.1 + place / 100, name=f"a{place}") for place in range(20)],
    ]


def test_figures_count_what_is_caught_and_what_is_lost() -> None:
    figures = figures_of([0.2, 0.6, 0.7, 0.8, 0.9], [0.1, 0.2, 0.65, 0.3], floor=0.5)

    assert figures["caught"] == 0.75
    assert figures["kept"] == 0.8
    # One of five is lost below .6, and with it the others below .6.
    assert figures["caught@20%"] == 0.75
    # Nothing may be lost: the floor is the lowest answerable one, .2.
    assert figures["caught@10%"] == 0.25
    # 16.5 of the 20 pairs stand right: of .2 two and a half of four; of .6 three; else all.
    assert figures["auroc"] == pytest.approx((1.5 + 3 + 4 + 4 + 4) / 20)


def test_a_threshold_loses_no_more_than_it_may() -> None:
    scores = [place / 100 for place in range(100)]

    assert threshold_losing(scores, 0.05) == 0.05
    assert sum(score < 0.05 for score in scores) == 5


def test_risk_grows_with_coverage() -> None:
    curve = risk_by_coverage([0.9, 0.1, 0.8, 0.5], [1, 0, 1, 0])

    assert curve == [(0.25, 0), (0.5, 0), (0.75, 1 / 3), (1, 0.5)]


def test_the_fit_tells_what_it_was_fitted_to_tell() -> None:
    model = fit_abstention(cases(), FIT)

    probabilities = [
        answer_probability(model, weighed("near", cosine).signals) for cosine in (0.1, 0.45, 0.65)
    ]

    assert probabilities == sorted(probabilities)
    assert probabilities[0] < 0.5 < probabilities[-1]


def test_the_same_questions_in_another_order_give_the_same_model() -> None:
    assert fit_abstention(cases(), FIT) == fit_abstention(cases()[::-1], FIT)


def test_another_question_gives_another_hash() -> None:
    more = [*cases(), weighed("near", 0.3, name="n99")]

    assert fit_abstention(cases(), FIT)["data_sha256"] != fit_abstention(more, FIT)["data_sha256"]


def test_a_large_set_does_not_outweigh_a_small_one() -> None:
    once = fit_abstention(cases(), FIT)
    other = [
        WeighedQuestion(
            dataset="copy",
            case=each.case,
            question_id=f"{each.question_id} {copy}",
            is_held_back=False,
            signals=each.signals,
            milliseconds=0.1,
        )
        for each in cases()
        for copy in range(3)
    ]

    both = fit_abstention([*cases(), *other], FIT)

    assert both["signals"]["best_cosine"]["mean"] == once["signals"]["best_cosine"]["mean"]


def test_one_kind_of_questions_cannot_be_fitted_to() -> None:
    with pytest.raises(InvalidInput, match="with and without"):
        fit_abstention([weighed("answerable", 0.5)], FIT)


def test_as_many_questions_of_each_kind_are_chosen_from_one_half() -> None:
    articles = [f"article {number}" for number in range(40)]
    questions = [
        question(f"{kind}{place}", is_answerable=kind == "yes", article=article)
        for place, article in enumerate(articles)
        for kind in ("yes", "no")
    ]

    first = chosen(questions, held_back=False, limit=5)
    second = chosen(questions, held_back=True, limit=5)

    assert [each.is_answerable for each in first] == [True] * 5 + [False] * 5
    assert not {each.articles for each in first} & {each.articles for each in second}


class CountingEmbedder:
    """Embeds a text as its length; counts."""

    languages: frozenset[str] | None = None
    dimension = 1
    max_tokens = 10

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.array([[len(text)] for text in texts], dtype=np.float32)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return self.embed_queries(texts)


def test_no_sentence_is_embedded_twice() -> None:
    counting = CountingEmbedder()
    remembering = RememberingEmbedder(counting)

    remembering.embed_passages(["a", "bb", "a"])
    rows = remembering.embed_passages(["bb", "ccc"])

    assert rows.tolist() == [[2], [3]]
    assert counting.embedded == ["a", "bb", "ccc"]


def test_questions_know_the_articles_they_are_about(tmp_path: Path) -> None:
    write_small_set(tmp_path)

    questions = {each.id: each for each in read_questions(open_dataset(tmp_path, NAME))}

    assert questions["q1"].articles == {"Loans"}
    # Its one document is judged irrelevant and has no title.
    assert questions["q4"].articles == {"cats"}
    assert not questions["q4"].is_answerable
    assert questions["q3"].documents == {"hours", "loans.md"}


def test_a_set_without_judged_documents_is_refused(tmp_path: Path) -> None:
    folder = write_small_set(tmp_path)
    write_lines(folder / "corpus.jsonl.gz", [{**CORPUS[0], "doc_id": "other"}])

    with pytest.raises(Misconfigured, match="has a document"):
        read_questions(open_dataset(tmp_path, NAME))


def test_elsewhere_a_question_has_no_answer() -> None:
    assert elsewhere(question("q")) == PutQuestion(
        id="q",
        text="q?",
        is_answerable=False,
        documents=frozenset(),
        articles=frozenset({"Loans"}),
        answers=(),
        selected=(),
    )
