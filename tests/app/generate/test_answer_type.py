import pytest

from app.generate.answer_type import expected_answer


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("When did the plant open?", "The plant was opened in 1987.", True),
        ("In what month is the audit?", "The audit takes place every March.", True),
        ("When did the plant open?", "The plant has 12 gates.", False),
        ("When was the 1987 audit?", "The 1987 audit was short.", False),
        ("Wann ist die Prüfung?", "The audit is on 2 May 2025.", True),
        ("How many days of leave are there?", "Everybody gets 25 days.", True),
        ("What is the population of Holm?", "Holm has two thousand people.", True),
        ("How many days of leave are there?", "Days of leave are granted.", False),
        ("How long is the notice period?", "Notice is four weeks.", True),
        ("How long is the notice period?", "Notice is given to 2 managers.", False),
        ("What does the cover cost?", "The cover is EUR 5.", True),
        ("What does the cover cost?", "The cover weighs 120 g.", False),
        ("Was kostet die Abdeckung?", "The cover is 5 \u20ac.", True),
        ("What is the weight of the gauge?", "The gauge takes 5 V.", False),
        ("What is the weight of the gauge?", "It weighs 1.2 kg.", True),
        ("Who approves travel?", "Travel is approved by Maria Keller.", True),
        ("Who approves travel?", "Managers approve it.", True),
        ("Who approves travel?", "Travel is approved in 2 days.", False),
        ("Who is Maria Keller?", "Maria Keller is on leave.", False),
        ("Which city hosts the fair?", "The fair is held in Lisbon.", True),
        ("What is Ann's phone number?", "Ann sits in Lisbon.", False),
        ("What is Ann's phone number?", "Ann: +49 30 123456", True),
        ("What is the email address of Ann?", "Write to ann@example.com.", True),
        ("What is the email address of Ann?", "Ann sits in room 5.", False),
        ("Is smoking allowed on the balcony?", "Smoking is allowed on the balcony.", True),
        ("What is the travel policy?", "Anything.", True),
        ("", "Anything.", True),
    ],
)
def test_a_text_holds_an_answer_of_the_expected_type(
    question: str, text: str, *, expected: bool
) -> None:
    assert expected_answer(question).is_missing_in(text, "") is not expected


def test_a_unit_may_stand_in_the_column() -> None:
    expected = expected_answer("What does the cover cost?")

    assert not expected.is_missing_in("Cover | 5", "Price (EUR)")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is smoking allowed on the balcony?", True),
        ("Aren't visitors allowed?", True),
        ("Does the canteen open on Sundays?", True),
        ("Darf man auf dem Balkon rauchen?", True),
        ("Est-ce que la cantine est ouverte ?", True),
        ("Was kostet die Abdeckung?", False),
        ("Is the canteen open on Sundays or on Mondays?", False),
        ("When is smoking allowed?", False),
        ("Island of which country?", False),
    ],
)
def test_a_yes_or_no_is_wanted(question: str, *, expected: bool) -> None:
    assert (expected_answer(question).kind == "decision") == expected


@pytest.mark.parametrize(
    ("question", "text", "names", "expected"),
    [
        ("What colour is the van?", "The van holds 3 pallets.", "Vans", True),
        ("What colour is the van?", "It is blue.", "Colours of the vans", False),
        ("How many calories does a meal have?", "A meal is EUR 5.", "Canteen", True),
        ("What is the notice period?", "Notice is four weeks.", "", False),
        ("Wie lange ist die Frist?", "Die K\u00fcndigungsfrist ist vier Wochen.", "", False),
        ("What is the waranty?", "The warranty is two years.", "", False),
        ("Where was Ann Poe born?", "Ann Poe works in Holm.", "", True),
        ("Who is Maria Keller?", "Maria Keller leads sales.", "", False),
        ("Is smoking allowed on the balcony?", "The canteen opens at nine.", "", True),
        ("Is smoking allowed on the balcony?", "Smoking is forbidden on balconies.", "", False),
        ("What colour is the van?", "Der Wagen ist mit drei Paletten voll.", "", False),
        ("What does the cover cost?", "The cover is EUR 5.", "", False),
    ],
)
def test_the_attribute_is_there_in_some_form(
    question: str, text: str, names: str, *, expected: bool
) -> None:
    assert expected_answer(question).lacks_attribute(text, names) is expected
