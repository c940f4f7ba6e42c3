import pytest

from app.answering.question.asked import asks_how, defined_term, defines, parts_of


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("What does it cost and when does it open?", 2),
        ("Was kostet es und wann \u00f6ffnet es?", 2),
        ("In the old plant, what drives the pump?", 1),
        ("Compared with last year's model, how heavy is the new one?", 1),
        ("Pour les adh\u00e9rents, combien co\u00fbte une place ?", 1),
    ],
)
def test_each_part_asks_something(question: str, count: int) -> None:
    assert len(parts_of(question)) == count


@pytest.mark.parametrize(
    "question",
    [
        "A train has derailed. What do I have to do?",
        "What is to be done?",
        "Take me through the check.",
        "Was muss ich bei einem Unfall tun?",
        "Was ist zu tun?",
        "J'ai un dégât des eaux, que dois-je faire ?",
    ],
)
def test_what_to_do_asks_for_a_procedure(question: str) -> None:
    assert asks_how(question)


@pytest.mark.parametrize("question", ["What do I have to bring?", "Was muss ich zahlen?"])
def test_what_is_needed_asks_for_no_procedure(question: str) -> None:
    assert not asks_how(question)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("What do we mean by an S3?", "- S3 – a train is late."),
        ("C'est quoi, la vétusté ?", "- Vétusté: La perte de valeur d'un bien."),
        ("Qu'est-ce qu'une dépendance au sens du contrat ?", "Dépendance : un bâtiment séparé."),
        ("Was versteht man unter dem Kontaktwinkel?", "Der Kontaktwinkel ist ein Winkel."),
        ("Who counts as a user?", "**User**: a person with a login."),
    ],
)
def test_a_glossary_defines(question: str, sentence: str) -> None:
    term = defined_term(question)

    assert term is not None
    assert defines(sentence, term)
