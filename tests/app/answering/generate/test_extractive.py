"""What an answer without a language model is made of."""

import pytest

from app.answering.claims import Draft
from app.answering.context import Context
from app.answering.evidence.pieces import pieces_of
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.generate.extractive import extract
from app.answering.question.parts import read_question
from tests.app.answering.evidence.test_tabular import VANS, context_of_table
from tests.fakes.sources import context_of

LEAVE = (
    "2.1 Annual leave\n"
    "Every full-time employee has 28 days of annual leave. Up to five unused days may be carried "
    "over. However, they expire on 31 March. Leave is approved by the team lead."
)
CAMP = "You may bring:\n- a tent\n- a torch with 2 spare batteries\n- a map"
STEPS = (
    "Installation\n\nMount the gauge on the pier.\nPoint the arrow downstream.\n"
    "Tighten the bolts with 14 Nm."
)


def ranked(context: Context, *best: str) -> list[SentenceEvidence]:
    """All pieces for each part, those that begin with the given words first, in that order."""
    found = []
    for source in context.sources:
        for piece in pieces_of(source.passage):
            place = next(
                (len(best) - i for i, start in enumerate(best) if piece.text.startswith(start)), 0
            )
            found += [
                SentenceEvidence(
                    source_id=source.id,
                    coverage=1 + place / 10,
                    cosine=0.0,
                    passage_score=0.0,
                    passage_rank=0,
                    piece=piece,
                    part=part,
                )
                for part in range(2)
            ]
    return found


def answered(question: str, text: str, *best: str, earlier: str = "") -> Draft:
    context = context_of([text])
    return extract(read_question(question, earlier), ranked(context, *best), context)


def told(question: str, text: str, *best: str) -> list[str]:
    draft = answered(question, text, *best)
    return [claim.text for claim in draft.claims]


def test_no_evidence_is_unsupported() -> None:
    draft = extract(read_question("How many days?"), [], context_of([LEAVE]))

    assert (draft.status, draft.claims) == ("unsupported", ())


def test_an_answer_ends_when_the_question_is_answered() -> None:
    question = "How many days of annual leave do employees have?"

    assert told(question, LEAVE, "Every full-time") == [
        "Every full-time employee has 28 days of annual leave."
    ]


def test_a_condition_belongs_to_the_sentence_before_it() -> None:
    question = "How many unused days may be carried over?"

    assert told(question, LEAVE, "Up to five") == [
        "Up to five unused days may be carried over. However, they expire on 31 March."
    ]


def test_a_sentence_that_leans_on_the_one_before_is_told_with_it() -> None:
    text = "The certificate is signed by two people. It is kept for 15 years."

    assert told("How long is the certificate kept?", text, "It is kept") == [text]


def test_a_sentence_that_was_cut_in_two_is_told_whole() -> None:
    text = (
        "2.3 Sickness Be well. A note is needed from the fourth\n\ncalendar day of an illness on."
    )

    assert told("From which day of illness is a note needed?", text, "calendar day") == [
        "A note is needed from the fourth\n\ncalendar day of an illness on."
    ]


def test_each_part_of_a_question_gets_its_own_piece() -> None:
    question = "How many days of annual leave are there and who approves leave?"

    assert told(question, LEAVE, "Leave is approved", "Every full-time") == [
        "Every full-time employee has 28 days of annual leave.",
        "Leave is approved by the team lead.",
    ]


def test_a_claim_quotes_its_own_words() -> None:
    draft = answered("How many unused days may be carried over?", LEAVE, "Up to five")

    (claim,) = draft.claims
    assert [each.quote for each in claim.citations] == [claim.text]


def test_a_procedure_is_all_its_steps_under_their_heading() -> None:
    assert told("How do I install the gauge?", STEPS, "Point the arrow") == [STEPS]


def test_one_step_answers_what_is_asked_of_it_alone() -> None:
    question = "With what torque are the bolts tightened?"

    assert told(question, STEPS, "Tighten the bolts") == ["Tighten the bolts with 14 Nm."]


def test_a_list_is_told_with_its_lead_in() -> None:
    assert told("What may I bring?", CAMP, "- a tent") == [CAMP]


def test_a_long_list_says_how_many_more_there_are() -> None:
    text = "You may bring:\n" + "\n".join(f"- thing {number}" for number in range(1, 41))

    (said,) = told("What may I bring?", text, "- thing 7")

    # 40 items, of which 30 are told.
    assert said.endswith("- thing 30\nand 10 more in Handbook")


def test_an_item_is_told_with_the_line_that_leads_to_it() -> None:
    draft = answered("Which torch may I bring?", CAMP, "- a torch")

    (claim,) = draft.claims
    assert claim.text == "You may bring:\n- a torch with 2 spare batteries"
    assert [each.quote for each in claim.citations] == [
        "- a torch with 2 spare batteries",
        "You may bring:",
    ]


def test_a_definition_is_the_defining_sentence() -> None:
    text = "Count the pick face daily. A pick face is the place from which an article is taken."

    assert told("What is a pick face?", text, "Count the pick face") == [
        "A pick face is the place from which an article is taken."
    ]


def test_a_sentence_that_only_repeats_the_question_is_no_answer() -> None:
    text = "Employees get days of leave. Employees get 28 days of leave."

    assert told("How many days of leave do employees get?", text, "Employees get days") == [
        "Employees get 28 days of leave."
    ]


@pytest.mark.parametrize(
    "question",
    ["Do gauges for repair go to Port Ansel?", "Do gauges for repair go to Kelder or Port Ansel?"],
)
def test_what_is_decided_may_be_said_in_the_questions_words(question: str) -> None:
    text = "Gauges for repair go to Port Ansel."

    assert told(question, text, "Gauges") == [text]


def test_what_the_question_pins_down_must_be_there() -> None:
    draft = answered("How many days of leave are there in Kelder?", LEAVE, "Every full-time")

    assert draft.status == "unsupported"


# --- Rows ----------------------------------------------------------------------------------------


def told_of_vans(question: str, *best: str, earlier: str = "") -> list[str]:
    context = context_of_table(VANS)
    draft = extract(read_question(question, earlier), ranked(context, *best), context)
    return [claim.text for claim in draft.claims]


def test_a_row_is_told_with_the_column_that_is_asked_for() -> None:
    assert told_of_vans("What is the payload of the van Cedar?", "Van: Cedar") == [
        "Cedar: payload 1250 kg"
    ]


def test_the_row_that_is_named_is_told_not_the_one_that_ranks_first() -> None:
    assert told_of_vans("What is the payload of the van Cedar?", "Van: Alder") == [
        "Cedar: payload 1250 kg"
    ]


def test_a_row_that_is_not_there_has_no_neighbour_for_an_answer() -> None:
    assert told_of_vans("What is the payload of the van Willow?", "Van: Cedar") == []


def test_a_column_that_is_not_there_is_unsupported() -> None:
    assert told_of_vans("What colour is the van Cedar?", "Van: Cedar") == []


def test_two_columns_of_one_row_are_one_claim() -> None:
    question = "What does the van Alder cost per day and how far does it go?"

    assert told_of_vans(question, "Van: Alder") == ["Alder: range 310 km; daily rate EUR 79"]


def test_a_follow_up_names_another_row() -> None:
    question = "And the Birch?"
    earlier = "What is the payload of the van Cedar?"

    assert told_of_vans(question, "Van: Cedar", earlier=earlier) == ["Birch: payload 980 kg"]


def test_all_rows_are_asked_before_any_piece() -> None:
    assert told_of_vans("Which van has the longest range?", "Van: Alder") == ["Hazel: range 510 km"]


def test_what_the_table_does_not_tell_for_certain_is_no_row_of_it() -> None:
    assert told_of_vans("What is the average range of the vans?", "Van: Alder") == []


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("What are the payload, range and tow bar of the Cedar?", ["payload", "range", "tow bar"]),
        (
            "What are the size, range and tow bar of the Cedar?",
            ["payload", "range", "daily rate", "tow bar"],
        ),
        (
            "Tell me everything about the range of the Cedar.",
            ["payload", "range", "daily rate", "tow bar"],
        ),
    ],
)
def test_all_columns_that_are_listed_are_told_or_the_whole_row(
    question: str, told: list[str]
) -> None:
    context = context_of_table(VANS)

    (claim,) = extract(read_question(question), ranked(context, "Van: Cedar"), context).claims

    columns = ["payload", "range", "daily rate", "tow bar"]
    assert [each for each in columns if each in claim.text.lower()] == told


SUPPORT = (
    "Support\n\n- A grant of EUR 7,500 for everybody who moves house.\n"
    "- Two paid days for the search for a home.\n- Help with school places."
)


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("What support do people get who move to the new hall?", 3),
        ("What did the committee decide in spring about the new hall?", 3),
        ("How much is the grant?", 1),
    ],
)
def test_who_asks_for_several_things_gets_the_whole_list(question: str, count: int) -> None:
    (claim,) = answered(question, SUPPORT, "- A grant").claims

    assert claim.text.count("\n- ") + claim.text.startswith("- ") == count


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which vans other than Hazel have a tow bar?", []),
        ("Which van except the Hazel has the longest range?", []),
        ("What is the range of the vans that are not Hazel?", []),
        ("What is the range of Hazel?", ["Hazel: range 510 km"]),
    ],
)
def test_a_row_that_the_question_leaves_out_is_no_answer(
    question: str, expected: list[str]
) -> None:
    context = context_of_table(VANS)

    draft = extract(read_question(question), ranked(context, "Van: Hazel"), context)

    assert [claim.text for claim in draft.claims] == expected
