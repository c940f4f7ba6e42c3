from app.answering.verify.extract import MAX_SHOWN_CHARS, omission_line, without_more
from tests.app.answering.verify.drafts import judge
from tests.fakes.sources import context_of


def test_the_line_is_told_in_the_documents_language() -> None:
    assert omission_line(7, "Packing list", None) == "and 7 more in Packing list"
    assert omission_line(7, "Packliste", "de") == "und 7 weitere in Packliste"
    assert omission_line(7, "Liste", "fr-CA") == "et 7 autres dans Liste"


def test_the_line_is_found_again() -> None:
    for language in ("en", "de", "fr"):
        claim = f"Bring:\n- a tent\n{omission_line(7, 'Packing list', language)}"
        assert without_more(claim) == "Bring:\n- a tent"
    assert without_more("Bring:\n- a tent") == "Bring:\n- a tent"


def test_a_long_quote_is_cut_after_a_whole_sentence() -> None:
    text = " ".join(
        f"Rule {n} says that visitors of hall {n} sign in at desk {n}." for n in range(200)
    )

    shown = judge("Visitors have to sign in.", text, context=context_of([text]))

    assert shown.verdict == "supported"
    assert text.startswith(shown.text)
    assert shown.text.endswith(".")
    assert MAX_SHOWN_CHARS / 2 < len(shown.text) <= MAX_SHOWN_CHARS


def test_several_long_quotes_are_cut_together() -> None:
    rules = [
        " ".join(f"Rule {n} of {name} says that visitors sign in at desk {n}." for n in range(60))
        for name in ("Rome", "Bonn")
    ]

    shown = judge("Visitors have to sign in.", *rules, context=context_of([" ".join(rules)]))

    assert len(shown.text) <= MAX_SHOWN_CHARS + 1
    assert "of Bonn" in shown.text
