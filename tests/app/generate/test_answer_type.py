import pytest

from app.generate.answer_type import asked_words, names_wanted, wanted_kind, wants_yes_or_no


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("When did the plant open?", "The plant was opened in 1987.", True),
        ("In what month is the audit?", "The audit takes place every March.", True),
        ("When did the plant open?", "The plant has 12 gates.", False),
        ("When was the 1987 audit?", "The 1987 audit was short.", False),
        ("How many days of leave are there?", "Everybody gets 25 days.", True),
        ("What is the population of Holm?", "Holm has two thousand people.", True),
        ("How many days of leave are there?", "Days of leave are granted.", False),
        ("Who approves travel?", "Travel is approved by Maria Keller.", True),
        ("Who is Maria Keller?", "Sales are led by Maria Keller.", False),
        ("Who approves travel?", "Managers approve it.", False),
        ("Which city hosts the fair?", "The fair is held in Lisbon.", True),
    ],
)
def test_a_sentence_names_what_is_asked_for(
    question: str, sentence: str, *, expected: bool
) -> None:
    kind = wanted_kind(question)

    assert kind is not None
    assert names_wanted(sentence, kind, asked=asked_words(question)) is expected


@pytest.mark.parametrize("question", ["What is the travel policy?", "Wie lange?", "parental leave"])
def test_other_questions_want_nothing_so_plain(question: str) -> None:
    assert wanted_kind(question) is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is smoking allowed on the balcony?", True),
        ("Aren't visitors allowed?", True),
        ("Does the canteen open on Sundays?", True),
        ("Is the canteen open on Sundays or on Mondays?", False),
        ("When is smoking allowed?", False),
        ("Island of which country?", False),
    ],
)
def test_a_yes_or_no_is_wanted(question: str, *, expected: bool) -> None:
    assert wants_yes_or_no(question) == expected
