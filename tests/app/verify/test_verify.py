"""Verdicts, citations and statuses, one behaviour at a time."""

import pytest

from app.claims import Draft, DraftCitation, DraftClaim, ReasonCode, Verification
from app.context import Context, Source
from app.verify.verify import verify
from kb.passages import Location
from tests.app.verify.drafts import judge
from tests.fakes.sources import context_of, passage_of

TEXT = (
    "Employees receive 25 days of paid leave in each calendar year. Unused days expire in March. "
    "Managers may not approve their own leave."
)
CONTEXT = context_of([TEXT])
LEAVE = "Employees receive 25 days of paid leave in each calendar year."
EXPIRY = "Unused days expire in March."


def claim(text: str, *quotes: str, source: str | None = None) -> DraftClaim:
    source_id = CONTEXT.sources[0].id if source is None else source
    return DraftClaim(
        text=text,
        citations=tuple(DraftCitation(source=source_id, quote=quote) for quote in quotes),
    )


def verified(*claims: DraftClaim) -> Verification:
    return verify(Draft(status="answered", claims=claims), CONTEXT)


def reasons(text: str, *quotes: str, context: Context = CONTEXT) -> set[ReasonCode]:
    judged = judge(text, *quotes, context=context)
    assert judged.verdict != "supported"
    return {reason.code for reason in judged.reasons}


# --- Statuses ------------------------------------------------------------------------------------


def test_all_claims_supported_is_answered() -> None:
    verification = verified(claim(LEAVE, LEAVE), claim(EXPIRY, EXPIRY))

    assert (verification.status, verification.reason) == ("answered", None)
    assert [each.text for each in verification.supported] == [LEAVE, EXPIRY]


def test_some_claims_removed_is_partially_supported() -> None:
    verification = verified(claim(LEAVE, LEAVE), claim("Unused days never expire.", EXPIRY))

    assert (verification.status, verification.reason) == ("partially_supported", None)
    assert [each.text for each in verification.supported] == [LEAVE]
    assert len(verification.claims) == 2


def test_no_claim_left_is_verification_failed() -> None:
    verification = verified(claim("Unused days never expire.", EXPIRY))

    assert (verification.status, verification.reason) == ("unsupported", "verification_failed")


def test_a_draft_without_claims_is_verification_failed() -> None:
    verification = verified()

    assert (verification.status, verification.reason) == ("unsupported", "verification_failed")


def test_a_draft_that_gives_up_is_insufficient_evidence() -> None:
    verification = verify(Draft(status="unsupported", claims=(claim(LEAVE, LEAVE),)), CONTEXT)

    assert (verification.status, verification.reason) == ("unsupported", "insufficient_evidence")
    assert verification.claims == ()


def test_a_draft_that_asks_back_keeps_its_question() -> None:
    draft = Draft(status="needs_clarification", clarifying_question="Which country?")

    verification = verify(draft, CONTEXT)

    assert verification.status == "needs_clarification"
    assert verification.clarifying_question == "Which country?"


@pytest.mark.parametrize("lead_in", ["Here is what I found:", "Anything else?", "---", ""])
def test_what_claims_nothing_is_left_out_without_changing_the_status(lead_in: str) -> None:
    verification = verified(claim(lead_in, LEAVE), claim(LEAVE, LEAVE))

    assert verification.status == "answered"
    assert [each.text for each in verification.supported] == [LEAVE]
    assert verification.claims[0].reasons[0].code == "not_a_claim"


# --- Citations -----------------------------------------------------------------------------------


def test_a_quote_is_the_sources_own_words_at_their_place() -> None:
    judged = judge(
        "Unused days expire in March [1].", "“unused  days EXPIRE in march”", context=CONTEXT
    )

    citation = judged.citations[0]
    assert judged.text == "Unused days expire in March."
    assert citation.quote == "Unused days expire in March" == TEXT[63:90]
    assert (citation.char_start, citation.char_end) == (63, 90)
    assert citation.method == "normalized"
    assert set(citation.checks.values()) == {True}


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


def test_a_bad_citation_beside_a_good_one_is_dropped() -> None:
    judged = judge(LEAVE, LEAVE, "Employees receive 25 free lunches.", context=CONTEXT)

    assert judged.verdict == "supported"
    assert [citation.quote for citation in judged.citations] == [LEAVE]
    assert [citation.reason.code for citation in judged.rejected] == ["quote_not_found"]


def test_a_citation_that_adds_nothing_is_dropped() -> None:
    judged = judge(LEAVE, LEAVE, EXPIRY, context=CONTEXT)

    assert [citation.quote for citation in judged.citations] == [LEAVE]


def test_the_same_citation_twice_counts_once() -> None:
    judged = judge(LEAVE, LEAVE, LEAVE, context=CONTEXT)

    assert len(judged.citations) == 1


def test_two_quotes_carry_a_claim_of_two_clauses() -> None:
    judged = judge(
        "Employees receive 25 days of paid leave, and unused days expire in March.",
        EXPIRY,
        LEAVE,
        context=CONTEXT,
    )

    assert judged.verdict == "supported"
    assert [citation.quote for citation in judged.citations] == [EXPIRY, LEAVE]


def test_words_of_two_sentences_are_not_pooled() -> None:
    context = context_of(["Ana manages the factory in Berlin. Bo manages the factory in Paris."])

    judged = judge(
        "Ana manages the factory in Paris.",
        "Ana manages the factory in Berlin.",
        "Bo manages the factory in Paris.",
        context=context,
    )

    assert judged.verdict != "supported"


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
    assert reasons(LEAVE, quote) == {code}


def test_an_unknown_source_has_its_reason_and_checks() -> None:
    judged = judge(LEAVE, LEAVE, context=CONTEXT, source="zzzzzz")

    assert [reason.code for reason in judged.reasons] == ["source_unknown"]
    assert set(judged.rejected[0].checks.values()) == {False}
    assert judged.score == 0


def test_a_claim_without_citation_falls() -> None:
    assert reasons(LEAVE) == {"no_citation"}


# --- Checks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "quote", "code"),
    [
        ("Employees receive 30 days of paid leave.", LEAVE, "number_missing"),
        ("Employees receive 25 weeks of paid leave.", LEAVE, "number_moved"),
        ("Unused days expire in April.", EXPIRY, "name_missing"),
        ("Unused days do not expire in March.", EXPIRY, "negation_added"),
        (
            "Managers may approve their own leave.",
            "Managers may not approve their own leave.",
            "negation_dropped",
        ),
        ("Employees receive 25 days of unpaid leave.", LEAVE, "opposite_word"),
        ("Only employees receive 25 days of paid leave.", LEAVE, "stronger_word"),
        ("Employees receive 25 days of paid leave and a company car.", LEAVE, "coverage_low"),
    ],
)
def test_a_check_that_fails_names_its_reason(text: str, quote: str, code: ReasonCode) -> None:
    assert code in reasons(text, quote)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("A pays 10 and B pays 20.", "A pays 20."),
        ("A pays 10 and B pays 20.", "A pays 20 and B pays 10."),
        ("Members pay 15 euros and guests pay 35 euros.", "Members pay 35 euros."),
        ("The fee is 10 euros for members and 20 euros for guests.", "For guests the fee is 10."),
        (
            "Revenue rose from 10 million in 2019 to 20 million in 2020.",
            "In 2019 it was 20 million.",
        ),
        ("Chapter 5 describes 12 rules.", "Chapter 12 describes 5 rules."),
        ("Revenue rose in May and fell in June.", "Revenue fell in May."),
        ("Ana leads Rome and Bo leads Bonn.", "Ana leads Bonn."),
        ("Trevor beat Simon in the final.", "Simon beat Trevor in the final."),
    ],
)
def test_what_moved_to_another_place_is_not_supported(source: str, text: str) -> None:
    assert reasons(text, source, context=context_of([source], title=None))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("A pays 10 and B pays 20.", "B pays 20."),
        ("The fee is 10 euros for members and 20 euros for guests.", "For guests the fee is 20."),
        (
            "Revenue rose from 10 million in 2019 to 20 million in 2020.",
            "Revenue rose to 20 million in 2020.",
        ),
        ("Revenue rose in May and fell in June.", "Revenue fell in June."),
        ("A is allowed, but B is not.", "A is allowed."),
        ("Smoking is forbidden in the hall.", "Smoking is not allowed in the hall."),
        ("The lease ends on 3 March 2026.", "The lease ends on 2026-03-03."),
        ("Ana leads Rome and Bo leads Bonn.", "Bo leads Bonn."),
    ],
)
def test_what_is_left_of_a_longer_sentence_is_supported(source: str, text: str) -> None:
    assert judge(text, source, context=context_of([source], title=None)).verdict == "supported"


@pytest.mark.parametrize(
    ("source", "quote", "text"),
    [
        ("No contractors are allowed to park.", "contractors are allowed to park", ""),
        ("Employees get 25 days of leave.", "5 days of leave", "Employees get 5 days of leave."),
        ("It is unlawful to park here.", "lawful to park here", ""),
        ("It is not true that, in 2019, the firm was sold.", "in 2019, the firm was sold", ""),
        ("Staff may park unless the gate is shut.", "Staff may park", ""),
        ("The limit is -5 degrees at night.", "5 degrees at night", ""),
        ("The limit is 1,200 euros a month.", "200 euros a month", ""),
        ("The rate is 5% of the price.", "The rate is 5", "The rate is 5."),
    ],
)
def test_a_quote_cut_out_of_its_sentence_proves_nothing(source: str, quote: str, text: str) -> None:
    judged = judge(text or quote.capitalize(), quote, context=context_of([source]))

    assert judged.verdict != "supported"


def test_a_claim_of_the_same_thing_with_another_number_is_contradicted() -> None:
    judged = judge("Employees receive 30 days of paid leave.", LEAVE, context=CONTEXT)

    assert judged.verdict == "contradicted"
    assert judged.citations[0].checks["numbers"] is False
    assert judged.citations[0].checks["names"] is True


def test_a_short_claim_with_another_number_is_contradicted_too() -> None:
    context = context_of(["The fee is 5 euros."])

    same_thing = judge("The fee is 9 euros.", "The fee is 5 euros.", context=context)
    other_thing = judge("The tower is 9 metres high.", "The fee is 5 euros.", context=context)

    assert (same_thing.verdict, other_thing.verdict) == ("contradicted", "unsupported")


def test_a_claim_of_another_thing_is_unsupported() -> None:
    judged = judge("The canteen serves lunch from noon.", LEAVE, context=CONTEXT)

    assert judged.verdict == "unsupported"


def test_scores_order_claims_by_what_is_wrong_with_them() -> None:
    scores = [
        judge(text, LEAVE, context=CONTEXT).score
        for text in (
            LEAVE,
            "Employees receive 30 days of paid leave in each calendar year.",
            "The canteen serves lunch from noon.",
        )
    ]

    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1
    assert 0 <= scores[2] < scores[1] < 0.5


def test_a_pronoun_takes_its_name_from_the_sentence_before() -> None:
    context = context_of(["Ada Lovelace was a mathematician. She wrote the first program in 1843."])
    quote = "She wrote the first program in 1843."

    named = judge("Lovelace wrote the first program in 1843.", quote, context=context)
    misnamed = judge("Babbage wrote the first program in 1843.", quote, context=context)

    assert named.verdict == "supported"
    assert misnamed.verdict != "supported"


def test_markers_and_lead_ins_are_no_part_of_a_claim() -> None:
    judged = judge(
        "- According to source 2, **unused** days expire in March [2][k27q3z].",
        EXPIRY,
        context=CONTEXT,
    )

    assert judged.text == "Unused days expire in March."
    assert judged.verdict == "supported"


def test_other_languages_are_supported_word_for_word() -> None:
    text = "Les congés non pris expirent en mars. 未使用の休暇は三月に失効します。"

    verdicts = [
        judge(each, each, context=context_of([text])).verdict
        for each in ("Les congés non pris expirent en mars.", "未使用の休暇は三月に失効します。")
    ]

    assert verdicts == ["supported", "supported"]


def test_verifying_the_same_twice_gives_the_same() -> None:
    draft = Draft(status="answered", claims=(claim(LEAVE, LEAVE), claim("No leave.", EXPIRY)))

    assert verify(draft, CONTEXT) == verify(draft, CONTEXT)
