import pytest

from app.answering.question.answer_type import answer_type_of


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
        ("What is the address of the pool?", "The pool has six lanes.", False),
        ("What is the address of the pool?", "Come to 12 Mill Road.", True),
        ("Quelle est l'adresse de la m\u00e9diath\u00e8que ?", "Elle a dix salles.", False),
        ("What colour is the van?", "The reduced van holds 3 pallets.", False),
        ("Welche Farbe hat der Wagen?", "Der Wagen ist dunkelblau.", True),
        ("How many flats are there?", "It is allowed for three months.", False),
        ("How many flats are there?", "The gate opens at 16:30; a key costs \u20ac 14.", False),
        ("How many flats are there?", "The office owns 1,204 of them.", True),
        ("How many days of leave are there?", "It is 30 days.", True),
        ("How many lids were rejected in percent?", "Rejected: 0.4 %", True),
        ("How long does it take?", "It is free for those over 60.", False),
        ("How long is it open?", "From 1 May to 3 June.", True),
        ("How warm is the water?", "The pool has 6 lanes.", False),
        ("Wie hei\u00df ist der Ofen?", "Der Ofen hat 6 Bleche.", False),
        ("Wie hei\u00df ist der Ofen?", "Der Ofen hat 220 Grad.", True),
        ("What is the speed limit?", "The speed limit is 130 kilometres an hour.", True),
        ("What is the speed limit?", "The speed limit is 50 km/h.", True),
        ("In which city is the clinic?", "Patients cancel in March.", False),
        ("Why is the house closed?", "The house is closed in May.", False),
        ("Why is the house closed?", "It is closed because of mould.", True),
        ("Pour quelle raison ferme-t-on ?", "On ferme d'avril \u00e0 juin.", False),
        ("Who wrote it?", "It came out on Monday in March.", False),
        ("Is smoking allowed on the balcony?", "Smoking is allowed on the balcony.", True),
        ("To which account are invoices paid?", "Invoices are paid after 30 days.", False),
        ("To which account are invoices paid?", "Invoices are paid to 20-45-45.", True),
        ("To which account are invoices paid?", "They are paid by 2027-03-19.", False),
        ("To which account are invoices paid?", "Pay to account 4711.", True),
        ("To which account are invoices paid?", "Use the account of the department.", True),
        ("What is the IBAN of Holm?", "Holm hung gauges under 9,400 bridges.", False),
        ("What is the VAT number of Holm?", "Holm is closed from 4 to 22 August 2025.", False),
        ("What is the VAT number of Holm?", "Holm: EUR 12, founded in 1974", False),
        ("What is the VAT number of Holm?", "Holm: VAT no. DE123456789", True),
        ("What is the serial number of REF-017?", "REF-017 is in hall 2.", True),
        ("What is the serial number of REF-017?", "REF-017 is in the hall.", False),
        ("Welche Kundennummer hat Holm?", "Holm liefert seit 2011.", False),
        ("Welche Kundennummer hat Holm?", "Holm: Kunde 4711", True),
        ("What is the maximum number of packs?", "Packs are stacked.", True),
        ("What is the travel policy?", "Anything.", True),
        ("", "Anything.", True),
    ],
)
def test_a_text_holds_an_answer_of_the_expected_type(
    question: str, text: str, *, expected: bool
) -> None:
    assert answer_type_of(question).is_held_by(text, "") is expected


def test_a_unit_may_stand_in_the_column() -> None:
    expected = answer_type_of("What does the cover cost?")

    assert expected.is_held_by("Cover | 5", "Price (EUR)")


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
    assert (answer_type_of(question).kind == "decision") == expected


@pytest.mark.parametrize(
    ("question", "text", "names", "expected"),
    [
        ("What licence does the van need?", "The van holds 3 pallets.", "Vans", True),
        ("What licence does the van need?", "Class B will do.", "Licences for the vans", False),
        ("How many calories does a meal have?", "A meal is EUR 5.", "Canteen", True),
        ("What is the notice period?", "Notice is four weeks.", "", False),
        ("Wie lange ist die Frist?", "Die K\u00fcndigungsfrist ist vier Wochen.", "", False),
        ("What is the waranty?", "The warranty is two years.", "", False),
        ("Where was Ann Poe born?", "Ann Poe works in Holm.", "", True),
        ("Who is Maria Keller?", "Maria Keller leads sales.", "", False),
        ("Is smoking allowed on the balcony?", "The canteen opens at nine.", "", True),
        ("Is smoking allowed on the balcony?", "Smoking is forbidden on balconies.", "", False),
        ("What licence does the van need?", "Der Wagen ist mit drei Paletten voll.", "", False),
        ("What does the cover cost?", "The cover is EUR 5.", "", False),
        ("What does a kayak cost?", "A boat is EUR 10.", "Boats", True),
        ("What does SP-4218 cost?", "EUR 5.", "", False),
        ("What's the smell of the van?", "The van holds 3 pallets.", "Vans", True),
        ("Wie heisst die Leiterin?", "Nicht gedeckt sind Sch\u00e4den.", "Verleih", True),
        ("Darf mein Hund mitfahren?", "Hunde fahren gratis.", "", False),
        ("Puis-je h\u00e9berger mon fr\u00e8re ?", "L'h\u00e9bergement est permis.", "", False),
    ],
)
def test_the_attribute_is_there_in_some_form(
    question: str, text: str, names: str, *, expected: bool
) -> None:
    assert answer_type_of(question).lacks_attribute(text, names) is expected
