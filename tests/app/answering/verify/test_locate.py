import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.answering.verify.locate import Located, SearchableText, locate
from language.lines import ITEM
from language.text import fold, grapheme_borders

ALPHABET = "abc AB 12.,'’\"“”–-\u00a0\u200b\u00ad\u0301\u0308\r\n\té한각का👍🏽🇩🇪日本ﬁß"
TEXTS = st.text(alphabet=st.sampled_from(ALPHABET), min_size=1, max_size=50)
SOURCE = SearchableText(
    "Employees receive 25 days of paid leave in each calendar year. Unused days expire in March. "
    "Managers may not approve their own leave, which the people team does."
)


def found(quote: str, source: SearchableText = SOURCE) -> tuple[str, str] | None:
    located = locate(quote, source)
    if not isinstance(located, Located):
        return None
    return source.text[located.start : located.end], located.method


@given(TEXTS, st.data())
def test_every_piece_between_graphemes_is_found_exactly(text: str, data: st.DataObject) -> None:
    borders = sorted(grapheme_borders(text) or range(len(text) + 1))
    start = data.draw(st.sampled_from(borders))
    end = data.draw(st.sampled_from([border for border in borders if border >= start]))
    quote = text[start:end]
    assume(quote)
    assume(quote == quote.strip())

    located = locate(quote, SearchableText(text))

    assert isinstance(located, Located)
    assert located.method == "exact"
    assert text[located.start : located.end] == quote


@given(TEXTS, TEXTS)
def test_what_is_found_is_cut_between_graphemes_and_means_the_quote(text: str, quote: str) -> None:
    located = locate(quote, SearchableText(text))

    if isinstance(located, Located):
        words = text[located.start : located.end]
        borders = grapheme_borders(text)
        assert words
        assert borders is None or {located.start, located.end} <= borders
        if located.method == "exact":
            assert words == quote.strip()
        if located.method == "normalized":
            bare = ITEM.sub(" ", words) if fold(words).text not in fold(quote).text else words
            assert fold(bare).text.strip() in fold(quote).text


@given(st.text(alphabet=st.sampled_from("abcdefgh "), min_size=3, max_size=40))
def test_other_spaces_quotes_and_capitals_are_found_as_normalized(text: str) -> None:
    source = SearchableText(f"x {text.strip()} y")
    quote = f"x\u00a0\u200b{text.strip().upper()}\r\n Y"

    located = locate(quote, source)

    assert isinstance(located, Located)
    assert fold(source.text[located.start : located.end]).text == fold(quote).text


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("25 days of paid leave", ("25 days of paid leave", "exact")),
        ("  Unused days  ", ("Unused days", "exact")),
        ("employees RECEIVE 25 days", ("Employees receive 25 days", "normalized")),
        ("“Unused days expire in March.”", ("Unused days expire in March", "normalized")),
        ("Unused days expire in March!", ("Unused days expire in March", "snapped")),
        (
            "Employees receive 25 days of the paid leave in each calendar year",
            ("Employees receive 25 days of paid leave in each calendar year", "snapped"),
        ),
        (
            "Managers may not approve their own leave, that the people team does",
            ("Managers may not approve their own leave, which the people team does", "snapped"),
        ),
        ("Employees receive bonuses of many kinds in each year", None),
        ("", None),
        ("...", None),
    ],
)
def test_quotes_are_found_in_the_sources_words(
    quote: str, expected: tuple[str, str] | None
) -> None:
    assert found(quote) == expected


@pytest.mark.parametrize(
    "quote",
    [
        "Employees receive 26 days of paid leave in each calendar year",
        "Managers may approve their own leave, which the people team does",
        "Unused days do not expire in March",
        "Unused days expire in April",
        "Employees receive -25 days of paid leave in each calendar year",
    ],
)
def test_nearly_a_quote_with_another_number_name_or_negation_is_altered(quote: str) -> None:
    assert locate(quote, SOURCE) == "altered"


LIST = SearchableText(
    "Mounting\n\n"
    "1. Keep 0.5 m away from the pier.\n"
    "2. Point the arrow downstream\n"
    "3. Tighten the bolts of BR-9 with 14 Nm.\n\n"
    "The arrow must be seen until\n5. Mai at least."
)


@pytest.mark.parametrize(
    ("quote", "method"),
    [
        ("Keep 0.5 m away from the pier. Point the arrow downstream", "normalized"),
        ("Keep 0.5 m away from the pier.\nPoint the arrow downstream", "normalized"),
        ("- Keep 0.5 m away from the pier.\n- Point the arrow downstream", "normalized"),
        ("2. Point the arrow downstream\n3. Tighten the bolts of BR-9 with 14 Nm.", "exact"),
        ("Point the arrow downstream. Tighten the bolts of BR-9 with 14 Nm.", "snapped"),
        ("Point the arrow downstream, tighten the bolts of BR-9 with 14 Nm.", "snapped"),
    ],
)
def test_items_of_a_list_are_found_without_their_markers(quote: str, method: str) -> None:
    located = locate(quote, LIST)

    assert isinstance(located, Located)
    assert located.method == method


@pytest.mark.parametrize(
    "quote",
    [
        "Keep 0.6 m away from the pier. Point the arrow downstream",
        "Point the arrow downstream. Tighten the bolts of BR-8 with 14 Nm.",
        "The arrow must be seen until 6. Mai at least.",
        "6. Mai at least",
    ],
)
def test_items_with_another_number_are_not_found(quote: str) -> None:
    assert not isinstance(locate(quote, LIST), Located)


def test_a_clean_occurrence_is_preferred_to_one_inside_a_word() -> None:
    source = SearchableText("125 days, then 5 days.")

    assert locate("5 days", source) == Located(15, 21, "exact")


def test_a_bare_letter_is_not_found_in_an_accented_one() -> None:
    source = SearchableText("caf\u0065\u0301 e")

    assert locate("e", source) == Located(6, 7, "exact")


def test_a_piece_of_a_ligature_is_not_found() -> None:
    assert locate("ine", SearchableText("ﬁne")) is None
