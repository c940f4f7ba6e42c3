import pytest

from app.answering.question.constraints import MAX_QUESTION_CHARS, constraints_of


@pytest.mark.parametrize(
    ("question", "text", "background"),
    [
        ("What does SP-4217 cost?", "Antenna cover (SP-4217): price EUR 87.25", ""),
        ("What does sp 4217 cost?", "Antenna cover (SP-4217): price EUR 87.25", ""),
        ("How heavy is the TQ-42/b?", "Weight: 120 g", "Datasheet TQ-42b"),
        ("What was revenue in Q1 2025?", "Revenue rose in the first quarter of 2025.", ""),
        ("What was revenue in the 1st quarter?", "Umsatz im 1. Quartal: 5 Mio.", ""),
        ("Chiffre d'affaires au premier trimestre 2025 ?", "Revenue: 5.2m", "Results Q1 2025"),
        ("What is due on March 3?", "Reports are due on 2025-03-03.", ""),
        ("Was ist am 3. März fällig?", "Reports are due on March 3.", ""),
        ("What is the limit in 2021?", "The limit was 50 from 2019 to 2023.", ""),
        ("Who sits on the 2nd floor?", "Sales sit on the second floor.", ""),
        ("Wer sitzt im zweiten Stock?", "Sales sit on the second floor.", ""),
        ("What does section 4.2 say?", "Notice is four weeks.", "4.2 Notice period"),
        ("What is the salary in grade 7?", "Grade: 7 | Salary: 5000", ""),
        ("What is the salary in grade 7?", "Grades 5 to 8 get a bonus.", ""),
        ("Is a hotel for 150 EUR allowed?", "Hotels up to EUR 160 are refunded.", ""),
        ("Who runs Hollis?", "Hollis Ltd is run by Ann Poe.", ""),
        ("Where is the WHO?", "The World Health Organization sits in Geneva.", ""),
        ("Who is the CEO of Fenbrige?", "The Chief Executive Officer of Fenbridge is Ann.", ""),
        ("Is it open on Sunday?", "It is open daily.", ""),
        ("When did the 1987 extension end?", "It ended in 1989.", "The 1987 extension"),
        ("What changed in version 2.1?", "Alarms can be muted.", "v2.1"),
        ("Who won the First Battle of Holm?", "The battle of Holm was won by Ann.", ""),
    ],
)
def test_the_same_thing_in_another_form_is_met(question: str, text: str, background: str) -> None:
    assert constraints_of(question).unmet(text, background) == ()


@pytest.mark.parametrize(
    ("question", "text", "background"),
    [
        ("What does SP-4217 cost?", "Antenna cover (SP-4218): price EUR 87.25", "Spare parts"),
        ("What does SP-4217 cost?", "SP-4218 costs EUR 87.25", "SP-4217 is a cover."),
        ("What does SP-4217 cost?", "Cover SP-42170: price EUR 87.25", ""),
        ("What was revenue in Q1 2025?", "In Q2 2025 revenue was 5m.", "Results Q1 2025"),
        ("What was revenue in Q1 2025?", "Revenue was 5m in Q1 2024.", "Results Q1 2025"),
        ("What is the limit in 2025?", "The limit is 50.", "Travel policy 2023"),
        ("What is due on March 3?", "Reports are due on 2025-03-04.", ""),
        ("Who sits on the second floor?", "The lab is on the third floor.", ""),
        ("What does section 4.2 say?", "Notice is four weeks.", "4.3 Notice period"),
        ("What is the salary in grade 7?", "Grade: 8 | Salary: 5000", ""),
        ("Who runs Hollis?", "Acme is run by Ann Poe.", ""),
        ("What changed in version 2.1?", "Alarms can be muted.", "Version 2.2"),
        ("Where is the University of Chicago?", "Harvard University is in Cambridge.", ""),
        ("What does a room for 150 guests cost?", "The hall costs EUR 90.", ""),
        ("What is World War II?", "World War I began in 1914.", ""),
    ],
)
def test_another_one_is_unmet(question: str, text: str, background: str) -> None:
    assert constraints_of(question).unmet(text, background) != ()


@pytest.mark.parametrize(
    "question", ["What is the notice period?", "Wie lange ist die Kündigungsfrist?", "", "?"]
)
def test_a_question_without_specifics_is_met_by_all(question: str) -> None:
    assert constraints_of(question).unmet("The canteen opens at nine.", "") == ()


@pytest.mark.parametrize(
    "question",
    [
        "a " + "Abcdefg of " * 5_000,
        "Is it " + "abcdefg " * 5_000,
        "a Bcdefgh, " * 5_000,
        "SP-4217 " * 5_000,
        "1-2 " * 5_000,
        "when " + "".join(f"word{number} " for number in range(5_000)),
    ],
)
def test_a_long_question_is_read_no_further_than_it_may_be_long(question: str) -> None:
    text = " ".join(f"abcdef{letter}{other}" for letter in "bcdehijk" for other in "mnopqrst") * 20

    unmet = constraints_of(question).unmet(text, text)

    assert unmet == constraints_of(question[:MAX_QUESTION_CHARS]).unmet(text, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What did a place cost in 2018-19?", "For the 2018-19 season a place cost EUR 40."),
        ("What was the first year that the clubs met?", "The clubs have met since 1911."),
        ("When did the mill make 80% of the flour?", "In 1950 it made about 80% of the flour."),
        ("How hot is the oven, in degrees Celsius?", "The oven runs at 220 \u00b0C."),
    ],
)
def test_a_way_of_asking_pins_nothing_down(question: str, text: str) -> None:
    assert constraints_of(question).unmet(text, "") == ()
