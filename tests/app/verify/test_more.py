from app.verify.more import split_more, tell_more


def test_the_line_is_told_in_the_documents_language() -> None:
    assert tell_more(7, "Packing list", None) == "and 7 more in Packing list"
    assert tell_more(7, "Packliste", "de") == "und 7 weitere in Packliste"
    assert tell_more(7, "Liste", "fr-CA") == "et 7 autres dans Liste"


def test_the_line_is_found_again() -> None:
    for language in ("en", "de", "fr"):
        claim = f"Bring:\n- a tent\n{tell_more(7, 'Packing list', language)}"
        assert split_more(claim) == ("Bring:\n- a tent", 7, "Packing list")
    assert split_more("Bring:\n- a tent") == ("Bring:\n- a tent", 0, "")
