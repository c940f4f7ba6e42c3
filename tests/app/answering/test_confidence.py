"""The reason names what was seen, in words."""

import re

import pytest

from app.answering.claims import Draft, DraftCitation, DraftClaim, VerifiedClaim
from app.answering.confidence import confidence_reason
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.generate.draft_report import DraftReport
from app.answering.outcome import Outcome
from app.answering.pipeline import Answered
from app.answering.run import Retrieved
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.retrieval import Explanation, Retrieval, Timings
from tests.app.answering.verify.drafts import verify
from tests.fakes.sources import context_of, sentence_piece
from tests.footnote.small_embedder import SmallEmbedder

SENTENCE = "Employees receive 30 days of leave."
NOTHING = Retrieval(
    passages=(),
    embedder=QueryEmbedder(SmallEmbedder(), SmallEmbedder().space),
    generation=1,
    timings=Timings(embed=0, lexical=0, vector=0, fetch=0, total=0),
    explanation=Explanation(
        terms=(),
        lexical_candidates=0,
        vector_candidates=0,
        vector_plan=None,
        lexical_weight=0.3,
    ),
)


def supported_claim() -> VerifiedClaim:
    context = context_of([SENTENCE])
    citation = DraftCitation(source=context.sources[0].id, quote=SENTENCE)
    draft = Draft(status="answered", claims=(DraftClaim(text=SENTENCE, citations=(citation,)),))
    return verify(draft, context).claims[0]


def evidence(coverage: float, cosine: float) -> SentenceEvidence:
    return SentenceEvidence(
        source_id="k1q",
        piece=sentence_piece(SENTENCE),
        coverage=coverage,
        cosine=cosine,
        passage_score=1.0,
        passage_rank=0,
    )


def reason(
    outcome: Outcome,
    *,
    best: SentenceEvidence | None,
    probability: float = 0.6,
    logprob: float | None = None,
    claims: tuple[VerifiedClaim, ...] = (),
) -> str:
    return confidence_reason(
        Answered(
            outcome=outcome,
            claims=claims,
            retrieved=Retrieved(
                retrieval=NOTHING,
                context=context_of([SENTENCE] if best else []),
                evidence=(best,) if best else (),
                evidence_probability=probability,
                disagreement=None,
            ),
            draft_report=DraftReport(status="answered", model="m", mean_logprob=logprob),
            checks=(),
            timings_ms={},
        )
    )


def test_proved_answer_tells_quotes_evidence_and_how_sure_the_model_was() -> None:
    told = reason(
        Outcome(status="answered"),
        best=evidence(1.0, 0.9),
        probability=0.8,
        logprob=-0.05,
        claims=(supported_claim(),),
    )

    # e^-.05 = .951
    assert told == (
        "1 of 1 claim proved by 1 quote (1 word for word) from 1 document; the best sentence holds "
        "all of the question's words and is very close to it; an answer in these passages is "
        "likely; the model was sure of its words."
    )


@pytest.mark.parametrize(
    ("coverage", "cosine", "probability", "told"),
    [
        # The best cosines were .547 on average, with a deviation of .184.
        (1.0, 0.74, 0.75, ("all", "very close to it", "likely")),
        (0.7, 0.6, 0.74, ("most", "close to it", "more likely than not")),
        (0.4, 0.5, 0.3, ("some", "only related to it", "possible")),
        (0.1, 0.1, 0.1, ("few", "about something else", "unlikely")),
    ],
)
def test_graded_evidence_is_told_in_words(
    coverage: float, cosine: float, probability: float, told: tuple[str, str, str]
) -> None:
    weak = Outcome(status="unsupported", reason="low_relevance")

    said = reason(weak, best=evidence(coverage, cosine), probability=probability)

    assert said == (
        f"The evidence is too weak: the best sentence holds {told[0]} of the question's words and "
        f"is {told[1]}; an answer in these passages is {told[2]}."
    )
    assert not re.search(r"\d", said)


@pytest.mark.parametrize(
    ("logprob", "told"),
    [(-0.01, "sure"), (-0.3, "fairly sure"), (-2.0, "unsure"), (None, None)],
)
def test_log_probabilities_are_a_word_where_they_are_told(
    logprob: float | None, told: str | None
) -> None:
    failed = Outcome(status="unsupported", reason="verification_failed")

    said = reason(failed, best=evidence(0.5, 0.5), logprob=logprob)

    assert said.endswith(f"; the model was {told} of its words." if told else "than not.")


def test_without_evidence_nothing_is_graded() -> None:
    nothing = Outcome(status="unsupported", reason="no_results")

    assert reason(nothing, best=None) == (
        "No passage that could be read says anything on the question."
    )
