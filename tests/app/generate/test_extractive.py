from app.context import Context
from app.generate.evidence import SentenceEvidence
from app.generate.extractive import extract
from app.verify.verify import verify
from tests.fakes.sources import context_of

QUESTION = "How many days of leave do employees get?"
TEXTS = [
    "Employees get 25 days of leave.",
    "Unused days expire in March.",
    "Part-time staff get fewer days.",
    "Managers approve leave within a week.",
]
CONTEXT: Context = context_of(TEXTS)


def sentence(index: int, *, score: float, text: str | None = None) -> SentenceEvidence:
    """Evidence whose score is all coverage."""
    return SentenceEvidence(
        source_id=CONTEXT.sources[index].id,
        text=TEXTS[index] if text is None else text,
        coverage=score,
        cosine=0.0,
        passage_score=0.0,
        passage_rank=index,
    )


def texts(*evidence: SentenceEvidence, max_sentences: int = 3) -> list[str]:
    draft = extract(QUESTION, evidence, max_sentences=max_sentences)
    return [claim.text for claim in draft.claims]


def test_no_evidence_is_unsupported() -> None:
    draft = extract(QUESTION, [])

    assert (draft.status, draft.claims) == ("unsupported", ())


def test_the_best_sentence_comes_first() -> None:
    assert texts(sentence(1, score=0.8), sentence(0, score=0.9)) == [TEXTS[0], TEXTS[1]]


def test_each_claim_quotes_itself_from_its_source() -> None:
    draft = extract(QUESTION, [sentence(1, score=0.9)])

    citation = draft.claims[0].citations[0]
    assert len(draft.claims[0].citations) == 1
    assert (citation.source, citation.quote) == (CONTEXT.sources[1].id, TEXTS[1])


def test_a_sentence_far_below_the_best_is_left_out() -> None:
    assert texts(sentence(0, score=1.0), sentence(1, score=0.65)) == [TEXTS[0]]
    assert texts(sentence(0, score=1.0), sentence(1, score=0.75)) == TEXTS[:2]


def test_no_more_than_three_sentences() -> None:
    evidence = [sentence(index, score=0.9) for index in range(4)]

    assert len(texts(*evidence)) == 3
    assert len(texts(*evidence, max_sentences=1)) == 1


def test_a_sentence_that_says_the_same_again_is_left_out() -> None:
    again = "All employees get 25 leave days."

    assert texts(sentence(0, score=1.0), sentence(1, score=0.95, text=again)) == [TEXTS[0]]


def test_a_sentence_that_only_repeats_the_question_is_no_answer() -> None:
    echo = "Employees get days of leave."

    assert texts(sentence(1, score=1.0, text=echo), sentence(0, score=0.9)) == [TEXTS[0]]


def test_an_item_of_a_list_is_quoted_with_the_line_that_leads_to_it() -> None:
    context = context_of(["Bring to camp:\n- a tent\n- a torch with 2 spare batteries"])
    item = SentenceEvidence(
        source_id=context.sources[0].id,
        text="- a torch with 2 spare batteries",
        coverage=1.0,
        cosine=0.0,
        passage_score=1.0,
        passage_rank=0,
        lead_in="Bring to camp:",
    )

    draft = extract("Which torch must I bring?", [item])

    verification = verify(draft, context)
    assert draft.claims[0].text == "Bring to camp:\n- a torch with 2 spare batteries"
    assert [each.quote for each in draft.claims[0].citations] == [item.text, item.lead_in]
    assert verification.status == "answered"


def test_what_is_extracted_is_verified() -> None:
    draft = extract(QUESTION, [sentence(index, score=0.9) for index in range(3)])

    verification = verify(draft, CONTEXT)

    assert verification.status == "answered"
    assert [claim.text for claim in verification.supported] == TEXTS[:3]


def test_a_yes_or_no_is_answered_by_the_questions_own_words() -> None:
    said = "Employees do not get leave in March."
    evidence = [sentence(0, score=0.9, text=said)]

    answered = extract("Do employees get leave in March?", evidence)
    repeated = extract("When do employees get leave, in March?", evidence)

    assert [claim.text for claim in answered.claims] == [said]
    assert (repeated.status, repeated.claims) == ("unsupported", ())
