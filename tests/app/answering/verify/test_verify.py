"""What is shown of a claim: the first of verbatim, read, quoted; else nothing."""

import pytest

from app.answering.claims import Draft, ReasonCode
from app.answering.context import Context, Source
from app.answering.verify.read import Opinion
from kb.passages import Location
from tests.app.answering.verify.drafts import Verification, claim_of, judge, read, verify
from tests.fakes.sources import context_of, passage_of

TEXT = (
    "Employees receive 25 days of paid leave in each calendar year. Unused days expire in March. "
    "Managers may not approve their own leave."
)
CONTEXT = context_of([TEXT])
LEAVE = "Employees receive 25 days of paid leave in each calendar year."
EXPIRY = "Unused days expire in March."
APPROVAL = "Managers may not approve their own leave."


def verified(*claims: tuple[str, ...]) -> Verification:
    drafted = tuple(claim_of(text, *quotes, context=CONTEXT) for text, *quotes in claims)
    return verify(Draft(status="answered", claims=drafted), CONTEXT)


def reasons(text: str, *quotes: str, context: Context = CONTEXT) -> set[ReasonCode]:
    judged = judge(text, *quotes, context=context)
    assert judged.verdict != "supported"
    return {reason.code for reason in judged.reasons}


# --- Statuses ------------------------------------------------------------------------------------


def test_all_claims_shown_is_answered() -> None:
    verification = verified((LEAVE, LEAVE), ("Left-over days lapse in spring.", EXPIRY))

    assert (verification.status, verification.reason) == ("answered", None)
    assert [each.text for each in verification.supported] == [LEAVE, EXPIRY]


def test_some_claims_removed_is_partially_supported() -> None:
    verification = verified((LEAVE, LEAVE), ("Lunch is free.", "Lunch is free."))

    assert (verification.status, verification.reason) == ("partially_supported", None)
    assert [each.text for each in verification.supported] == [LEAVE]
    assert len(verification.claims) == 2


def test_no_claim_left_is_verification_failed() -> None:
    verification = verified(("Lunch is free.", "Lunch is free."))

    assert (verification.status, verification.reason) == ("unsupported", "verification_failed")


def test_a_draft_without_claims_is_verification_failed() -> None:
    verification = verified()

    assert (verification.status, verification.reason) == ("unsupported", "verification_failed")


def test_a_draft_that_gives_up_is_insufficient_evidence() -> None:
    draft = Draft(status="unsupported", claims=(claim_of(LEAVE, LEAVE, context=CONTEXT),))

    verification = verify(draft, CONTEXT)

    assert (verification.status, verification.reason) == ("unsupported", "insufficient_evidence")
    assert verification.claims == ()


def test_a_draft_that_asks_back_keeps_its_question() -> None:
    draft = Draft(status="needs_clarification", clarifying_question="Which country?")

    verification = verify(draft, CONTEXT)

    assert verification.status == "needs_clarification"
    assert verification.clarifying_question == "Which country?"


@pytest.mark.parametrize("lead_in", ["Here is what I found:", "Anything else?", "---", ""])
def test_what_claims_nothing_is_left_out_without_changing_the_status(lead_in: str) -> None:
    verification = verified((lead_in, LEAVE), (LEAVE, LEAVE))

    assert verification.status == "answered"
    assert [each.text for each in verification.supported] == [LEAVE]
    assert verification.claims[0].reasons[0].code == "not_a_claim"


# --- Verbatim ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        LEAVE,
        "employees receive 25 days of paid leave in each calendar year",
        "**Employees** receive 25\u00a0days of paid leave in each calendar year [1].",
        "- Yes, employees receive 25 days of paid leave in each calendar year.",
        "According to the handbook, employees receive 25 days of paid leave in each calendar year.",
        "No, employees receive 25 days of paid leave in each calendar year.",
    ],
)
def test_a_claim_that_is_a_sentence_is_shown_in_the_sources_characters(text: str) -> None:
    judged = judge(text, LEAVE, context=CONTEXT)

    assert (judged.verdict, judged.wording, judged.text) == ("supported", "source", LEAVE)
    assert judged.draft is None
    assert judged.score == 1
    assert [citation.quote for citation in judged.citations] == [LEAVE]
    assert judged.citations[0].reader is None
    assert set(judged.citations[0].checks.values()) == {True}


def test_a_run_of_sentences_is_verbatim_and_one_quote() -> None:
    judged = judge(f"{LEAVE} {EXPIRY}", LEAVE, EXPIRY, context=CONTEXT)

    assert judged.text == f"{LEAVE} {EXPIRY}"
    assert [citation.quote for citation in judged.citations] == [f"{LEAVE} {EXPIRY}"]
    assert judged.draft is None


def test_sentences_that_do_not_follow_each_other_are_no_run() -> None:
    judged = judge(f"{LEAVE} {APPROVAL}", LEAVE, context=CONTEXT)

    assert (judged.text, judged.draft is not None) == (LEAVE, True)


def test_a_sentence_of_a_cited_source_needs_no_quote_of_its_own() -> None:
    judged = judge(EXPIRY, "There is no such sentence.", context=CONTEXT)

    assert (judged.verdict, judged.text) == ("supported", EXPIRY)
    assert [each.reason.code for each in judged.rejected] == ["quote_not_found"]


def test_a_sentence_of_a_source_that_is_not_cited_proves_nothing() -> None:
    context = context_of([LEAVE, EXPIRY])

    judged = judge(EXPIRY, EXPIRY, context=context, source=context.sources[0].id)

    assert judged.verdict == "unsupported"


def test_a_heading_is_no_claim_to_show() -> None:
    context = context_of(["Leave and absence\n\nEmployees receive 25 days of paid leave."])

    assert judge("Leave and absence", "Leave and absence", context=context).verdict == "unsupported"


def test_other_languages_are_supported_word_for_word() -> None:
    text = "Les congés non pris expirent en mars. 未使用の休暇は三月に失効します。"

    verdicts = [
        judge(each, each, context=context_of([text])).verdict
        for each in ("Les congés non pris expirent en mars.", "未使用の休暇は三月に失効します。")
    ]

    assert verdicts == ["supported", "supported"]


# --- Quoted --------------------------------------------------------------------------------------


def test_a_lie_with_a_true_quote_becomes_the_quote() -> None:
    judged = judge("Employees receive 30 days of leave.", "25 days of paid leave", context=CONTEXT)

    assert (judged.verdict, judged.wording, judged.text) == ("supported", "source", LEAVE)
    assert [citation.quote for citation in judged.citations] == [LEAVE]
    assert judged.draft is not None
    assert judged.draft.text == "Employees receive 30 days of leave."
    assert judged.draft.verdict != "supported"
    assert judged.draft.checks["coverage"] is False


def test_a_true_paraphrase_that_nobody_read_becomes_its_quote() -> None:
    judged = judge("Left-over days lapse in spring.", EXPIRY, context=CONTEXT)

    assert (judged.text, judged.wording) == (EXPIRY, "source")
    assert judged.draft is not None
    assert [reason.code for reason in judged.draft.reasons] == ["not_read"]


def test_a_quote_of_another_thing_than_was_asked_takes_no_claims_place() -> None:
    draft = Draft(
        status="answered", claims=(claim_of("Days lapse in spring.", EXPIRY, context=CONTEXT),)
    )

    claim = verify(draft, CONTEXT, is_about=lambda _extract: False).claims[0]

    assert (claim.verdict, claim.text) == ("unsupported", "Days lapse in spring.")
    assert "beside_the_question" in {reason.code for reason in claim.reasons}


def test_a_quote_is_widened_to_its_whole_sentences() -> None:
    context = context_of(["Staff may park here unless the gate is shut. Guests may not."])

    judged = judge("Staff can always park here.", "Staff may park here", context=context)

    assert judged.text == "Staff may park here unless the gate is shut."


def test_a_quote_that_leans_on_the_sentence_before_is_shown_with_it() -> None:
    context = context_of(["Ada Lovelace was a mathematician. She wrote a program in 1843."])

    judged = judge("Babbage wrote a program.", "She wrote a program in 1843.", context=context)

    assert judged.text == "Ada Lovelace was a mathematician. She wrote a program in 1843."


def test_an_item_is_shown_with_the_lead_in_of_its_list() -> None:
    text = "On the last day you must:\n- hand in your badge\n- return the laptop\n\nThen go home."
    context = context_of([text])

    judged = judge("Laptops are kept.", "return the laptop", context=context)

    assert judged.text == "On the last day you must:\n- return the laptop"
    assert [citation.quote for citation in judged.citations] == [
        "On the last day you must:",
        "- return the laptop",
    ]


def test_a_line_that_is_no_sentence_is_shown_with_its_heading() -> None:
    context = context_of(["Sick leave\n\nUp to 14 days\n\nOther leave is at will."])

    judged = judge("You may be ill for a fortnight.", "Up to 14 days", context=context)

    assert judged.text == "Sick leave: Up to 14 days"


def test_two_quotes_of_one_claim_are_shown_one_after_the_other() -> None:
    judged = judge("Leave is 25 days and lapses.", EXPIRY, LEAVE, context=CONTEXT)

    assert judged.text == f"{EXPIRY}\n{LEAVE}"
    assert [citation.quote for citation in judged.citations] == [EXPIRY, LEAVE]


# --- Read ----------------------------------------------------------------------------------------


def test_a_paraphrase_that_was_read_is_shown_in_the_models_words() -> None:
    judged = read("Left-over leave lapses in March.", EXPIRY, context=CONTEXT)

    assert (judged.verdict, judged.wording) == ("supported", "model")
    assert judged.text == "Left-over leave lapses in March."
    assert judged.score == pytest.approx(0.985)  # (1 + .97) / 2
    assert [citation.reader for citation in judged.citations] == ["a reader"]
    assert judged.draft is None


def test_a_paraphrase_that_a_reader_does_not_believe_becomes_its_quote() -> None:
    no = Opinion(is_supported=False, probability=0.2)

    judged = read("Left-over leave lapses in May.", EXPIRY, context=CONTEXT, opinion=no)

    assert (judged.wording, judged.text) == ("source", EXPIRY)
    assert judged.citations[0].reader is None


def test_a_claim_without_a_quote_is_not_read() -> None:
    judged = read("Left-over leave lapses.", "Nothing of the kind.", context=CONTEXT)

    assert judged.verdict == "unsupported"


# --- Citations -----------------------------------------------------------------------------------


def test_a_quote_is_the_sources_own_words_at_their_place() -> None:
    judged = judge(
        "Unused days expire in March [1].", "“unused  days EXPIRE in march”", context=CONTEXT
    )

    citation = judged.citations[0]
    assert judged.text == EXPIRY
    assert citation.quote == EXPIRY == TEXT[63:91]
    assert (citation.char_start, citation.char_end) == (63, 91)
    assert citation.method == "normalized"


def test_offsets_count_from_the_start_of_the_document() -> None:
    passage = passage_of(EXPIRY)
    location: Location = {**passage.location, "char_start": 1000, "char_end": 1000 + len(EXPIRY)}
    moved = type(passage)(**{**vars(passage), "location": location})
    source = Source(id="abcdef", passage=moved, parts=(moved,))

    judged = judge(EXPIRY, EXPIRY, context=Context(sources=(source,), budget=1, used=1, dropped=()))

    assert (judged.citations[0].char_start, judged.citations[0].char_end) == (1000, 1028)


def test_a_citation_of_joined_chunks_names_the_chunk_that_holds_it() -> None:
    first, second = passage_of(LEAVE + " ", chunk_id=7), passage_of(EXPIRY, chunk_id=8)
    where: Location = {**second.location, "char_start": 63, "char_end": 91}
    second = type(second)(**{**vars(second), "location": where})
    whole = passage_of(f"{LEAVE} {EXPIRY}", chunk_id=7)
    source = Source(id="abcdef", passage=whole, parts=(first, second))
    context = Context(sources=(source,), budget=1, used=1, dropped=())

    chunk_ids = [
        judge(each, each, context=context).citations[0].passage.chunk_id for each in (LEAVE, EXPIRY)
    ]

    assert chunk_ids == [7, 8]


@pytest.mark.parametrize(
    ("quote", "code"),
    [
        ("Employees receive lunch.", "quote_not_found"),
        ("Employees receive 30 days of paid leave in each calendar year.", "quote_altered"),
        ("the", "quote_trivial"),
        ("25", "quote_trivial"),
        ("in each", "quote_trivial"),
        ("", "quote_not_found"),
    ],
)
def test_a_bad_quote_has_its_reason(quote: str, code: ReasonCode) -> None:
    assert reasons("Leave is 25 days.", quote) == {code}


def test_an_unknown_source_has_its_reason_and_checks() -> None:
    judged = judge(LEAVE, LEAVE, context=CONTEXT, source="zzzzzz")

    assert [reason.code for reason in judged.reasons] == ["source_unknown"]
    assert set(judged.rejected[0].checks.values()) == {False}
    assert judged.score == 0


def test_a_claim_without_citation_falls() -> None:
    assert reasons(LEAVE) == {"no_citation"}


def test_verifying_the_same_twice_gives_the_same() -> None:
    claims = (claim_of(LEAVE, LEAVE, context=CONTEXT), claim_of("None.", EXPIRY, context=CONTEXT))
    draft = Draft(status="answered", claims=claims)

    assert verify(draft, CONTEXT) == verify(draft, CONTEXT)
