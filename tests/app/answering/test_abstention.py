"""The probability of an answer: its signals, its weights, its limits."""

import math
from dataclasses import replace
from datetime import date

import pytest

from app.answering.abstention import (
    PROBABILITY_OF_NAMED,
    EvidenceSignals,
    FittedAbstention,
    answer_probability,
    evidence_probability,
    evidence_signals,
    fitted_model,
    is_fitted_to,
    packaged_model,
)
from app.answering.context import Context
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.question.parts import read_question
from kb.errors import InvalidInput
from kb.store.spaces import CosineScale, SpaceTuning
from tests.fakes.sources import context_of, sentence_piece

HARVARD = "The library of Harvard holds 18 million volumes."
ZERO = EvidenceSignals(
    best_cosine=0.0,
    best_coverage=0.0,
    passage_cosine=0.0,
    passage_lead=0.0,
    answer_type=0.0,
    names_missing=0.0,
)


def with_cosines(context: Context, *cosines: float | None) -> Context:
    """The same context as if the vectors had found its sources so close."""
    sources = []
    for source, cosine in zip(context.sources, cosines, strict=True):
        passage = replace(source.passage, cosine=cosine)
        sources.append(replace(source, passage=passage, parts=(passage,)))
    return replace(context, sources=tuple(sources))


def sentence(context: Context, place: int = 0, **known: float) -> SentenceEvidence:
    """The text of a source as evidence."""
    source = context.sources[place]
    return SentenceEvidence(
        source_id=source.id,
        piece=sentence_piece(source.passage.text),
        coverage=known.get("coverage", 0.5),
        cosine=known.get("cosine", 0.5),
        passage_score=1.0,
        passage_rank=int(known.get("passage_rank", place)),
        has_answer_type=bool(known.get("has_answer_type")),
    )


def signals(question: str, text: str = HARVARD, **known: float) -> EvidenceSignals:
    context = context_of([text], title=None)
    found = evidence_signals(read_question(question), context, [sentence(context, 0, **known)])
    assert found is not None
    return found


def test_without_evidence_there_is_no_answer() -> None:
    context = context_of([HARVARD])

    assert evidence_signals(read_question("Who?"), context, []) is None
    assert evidence_probability(read_question("Who?"), context, [], SpaceTuning()) == 0


def test_sentences_of_passages_far_down_are_no_evidence() -> None:
    context = context_of([HARVARD])

    found = evidence_signals(read_question("Who?"), context, [sentence(context, passage_rank=5)])

    assert found is None


def test_cosine_and_coverage_are_the_best_ones_each() -> None:
    context = context_of([HARVARD, "Visitors sign in at the front desk."])
    close = sentence(context, 0, cosine=0.8, coverage=0.1)
    covering = sentence(context, 1, cosine=0.2, coverage=0.9)

    found = evidence_signals(read_question("Which library is it?"), context, [close, covering])

    assert found is not None
    assert (found.best_cosine, found.best_coverage) == (0.8, 0.9)


def test_the_best_passage_is_ahead_of_the_next_four() -> None:
    texts = [f"Number {word} is a passage of its own." for word in "abcdef"]
    context = with_cosines(context_of(texts), 0.3, 0.7, 0.2, 0.3, 0.2, 0.1)

    found = evidence_signals(read_question("Which number?"), context, [sentence(context)])

    assert found is not None
    assert found.passage_cosine == 0.7
    # .3, .3, .2 and .2 come next: .7 - .25.
    assert found.passage_lead == pytest.approx(0.45)


def test_passages_that_the_vectors_did_not_find_are_as_close_as_their_sentences() -> None:
    found = signals("Which library is it?", cosine=0.4)

    assert found.passage_cosine == 0.4
    assert found.passage_lead == 0


@pytest.mark.parametrize(
    ("question", "has_answer_type", "expected"),
    [
        ("How many volumes are there?", True, 1),
        ("How many volumes are there?", False, -1),
        ("Is there a library?", False, 0),
    ],
)
def test_a_thing_of_the_kind_asked_for_counts(
    question: str, *, has_answer_type: bool, expected: float
) -> None:
    assert signals(question, has_answer_type=has_answer_type).answer_type == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many volumes does Harvard hold?", 0),
        ("How many volumes does Chicago hold?", 1),
        ("Does Harvard hold more volumes than Chicago?", 0.5),
        ("How many volumes did Harvard hold in 1900?", 0.5),
        ("how many volumes are there", 0),
        ("Volumes?", 0),
        ("", 0),
    ],
)
def test_names_and_numbers_that_the_passage_does_not_hold_are_missed(
    question: str, expected: float
) -> None:
    assert signals(question).names_missing == expected


def test_a_name_in_the_title_is_not_missed() -> None:
    context = context_of(["Its library holds 18 million volumes."], title="Harvard")

    found = evidence_signals(read_question("How many has Harvard?"), context, [sentence(context)])

    assert found is not None
    assert found.names_missing == 0


def test_the_probability_is_the_logistic_of_weighed_deviations() -> None:
    fitted: FittedAbstention = {
        **packaged_model(),
        "bias": 0.5,
        "signals": {
            name: {"mean": 1.0, "deviation": 2.0, "weight": 4.0 if name == "best_cosine" else 0.0}
            for name in EvidenceSignals._fields
        },
    }

    probability = answer_probability(fitted, ZERO._replace(best_cosine=3.0))

    # .5 + 4 * (3 - 1) / 2 = 4.5
    assert probability == pytest.approx(1 / (1 + math.exp(-4.5)))


def test_signals_far_outside_what_was_fitted_to_overflow_nothing() -> None:
    assert 0 <= answer_probability(packaged_model(), ZERO._replace(best_cosine=-1e6)) < 1e-9
    assert answer_probability(packaged_model(), ZERO._replace(best_cosine=1e6)) == 1


def test_the_packaged_model_says_what_it_was_fitted_to() -> None:
    fitted = packaged_model()

    assert tuple(fitted["signals"]) == EvidenceSignals._fields
    assert all(signal["deviation"] > 0 for signal in fitted["signals"].values())
    assert len(fitted["data_sha256"]) == 64
    assert fitted["sets"] == ["clapnq", "squad2"]
    assert fitted["embedding_model"] == "all-MiniLM-L6-v2"
    assert fitted["version"]
    assert date.fromisoformat(fitted["fitted_on"]) > date(2026, 1, 1)


@pytest.mark.parametrize(
    "name", ["best_cosine", "best_coverage", "passage_cosine", "passage_lead", "answer_type"]
)
def test_more_of_what_speaks_for_an_answer_makes_it_more_probable(name: str) -> None:
    model = packaged_model()

    assert answer_probability(model, ZERO._replace(**{name: 0.5})) > answer_probability(model, ZERO)


def test_a_missing_name_makes_an_answer_less_probable() -> None:
    model = packaged_model()
    missed = ZERO._replace(names_missing=1.0)

    assert answer_probability(model, missed) < answer_probability(model, ZERO)


@pytest.mark.parametrize(
    ("question", "is_named"),
    [("What is the Sedge?", True), ("What is the Sedge used for at weekends?", False)],
)
def test_evidence_with_all_that_is_asked_about_is_never_below_even(
    question: str, *, is_named: bool
) -> None:
    context = context_of(["Wardens carry the radio Sedge, which is charged each night."])
    evidence = [
        SentenceEvidence(
            source_id=context.sources[0].id,
            piece=sentence_piece(context.sources[0].passage.text),
            coverage=1.0 if is_named else 0.4,
            cosine=-0.5,
            passage_score=1.0,
            passage_rank=0,
        )
    ]

    probability = evidence_probability(read_question(question), context, evidence, SpaceTuning())

    assert (probability >= PROBABILITY_OF_NAMED) == is_named


def test_a_fit_of_a_model_says_the_same_on_another_scale() -> None:
    fitted = dict(packaged_model())
    scale = CosineScale(slope=2.0, intercept=-0.5)
    raw = EvidenceSignals(
        best_cosine=0.6,
        best_coverage=0.4,
        passage_cosine=0.7,
        passage_lead=0.1,
        answer_type=1.0,
        names_missing=0.5,
    )
    scaled = raw._replace(
        best_cosine=2 * 0.6 - 0.5, passage_cosine=2 * 0.7 - 0.5, passage_lead=2 * 0.1
    )

    own = fitted_model(SpaceTuning(abstention=fitted))
    own_scaled = fitted_model(SpaceTuning(abstention=fitted, cosines=scale))

    assert answer_probability(own_scaled, scaled) == pytest.approx(answer_probability(own, raw))
    # Without a fit of its own, the packaged one reads what the scale makes of the cosines.
    assert fitted_model(SpaceTuning(cosines=scale)) == packaged_model()


def test_a_fit_that_nobody_has_written_is_refused() -> None:
    with pytest.raises(InvalidInput, match="signals"):
        fitted_model(SpaceTuning(abstention={"bias": 1.0}))


@pytest.mark.parametrize(
    ("tuning", "is_fitted"),
    [
        (SpaceTuning(), False),
        (SpaceTuning(evidence_floor=0.4), True),
        (SpaceTuning(cosines=CosineScale(slope=1.5, intercept=0.0)), True),
    ],
)
def test_a_space_of_another_model_is_fitted_once_it_says_so(
    tuning: SpaceTuning, *, is_fitted: bool
) -> None:
    assert is_fitted_to("another model", tuning) == is_fitted
