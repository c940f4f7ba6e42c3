import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language.text import (
    MAX_MARKS,
    fold,
    grapheme_borders,
    is_unspaced,
    normal_form,
    sentences,
)

ALPHABET = "aB éßﬁ1.,'’\"“”–-\u00a0\u200b\u00ad\u0301\u0308\r\n\t한각का👍🏽🇩🇪日本²½İ"
TEXTS = st.text(alphabet=st.one_of(st.sampled_from(ALPHABET), st.characters()), max_size=60)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        (
            "Dr. Smith met Mr. Jones Jr. in St. Louis.",
            ["Dr. Smith met Mr. Jones Jr. in St. Louis."],
        ),
        ("It costs 3.5 million. Not more.", ["It costs 3.5 million.", "Not more."]),
        ("See fig. 3 and p. 12. Then stop.", ["See fig. 3 and p. 12.", "Then stop."]),
        ("He lives in the U.S. The house is old.", ["He lives in the U.S.", "The house is old."]),
        ("The U.S. Army left.", ["The U.S. Army left."]),
        ("J. K. Rowling wrote it. We read it.", ["J. K. Rowling wrote it.", "We read it."]),
        ("Take vitamin C. The dose is low.", ["Take vitamin C.", "The dose is low."]),
        ("Pens, paper, etc. are free.", ["Pens, paper, etc. are free."]),
        ("Pens, paper, etc. The rest is not.", ["Pens, paper, etc.", "The rest is not."]),
        ("See No. 5. It is new.", ["See No. 5.", "It is new."]),
        ("Is it free? No. It costs 5.", ["Is it free?", "No.", "It costs 5."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("It ended.[3] It began.", ["It ended.[3]", "It began."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("1. Open the lid. 2. Close it.", ["1. Open the lid.", "2. Close it."]),
        ("You need:\n- a pen\n- paper\n", ["You need:", "- a pen", "- paper"]),
        ("a) first\nb) second", ["a) first", "b) second"]),
        (
            "Grade: A | Pay: 100\nGrade: B | Pay: 200",
            ["Grade: A | Pay: 100", "Grade: B | Pay: 200"],
        ),
        ("Annual leave\nYou get 25 days.", ["Annual leave", "You get 25 days."]),
        (
            "This line was wrapped by an editor at about seventy\ncharacters. Next.",
            ["This line was wrapped by an editor at about seventy\ncharacters.", "Next."],
        ),
        (
            "This line was wrapped by an editor just before a word and then\nMonday. Next.",
            ["This line was wrapped by an editor just before a word and then\nMonday.", "Next."],
        ),
        ("Heading\n\nText.", ["Heading", "Text."]),
        ("休暇は二十日です。申請が必要です。", ["休暇は二十日です。", "申請が必要です。"]),
        ("这是第一句。这是第二句！", ["这是第一句。", "这是第二句！"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(TEXTS)
def test_sentences_are_in_order_and_lose_only_white_space(text: str) -> None:
    spans = sentences(text)

    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(
        text.split()
    )
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ﬁne", "fine"),
        ("“Quoted” ‘text’", "\"quoted\" 'text'"),
        ("2019–2020", "2019-2020"),
        ("non\u00adbreak\u200bing", "nonbreaking"),
        ("a\u00a0b\r\n\tc", "a b c"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "café"),
        ("ｆｕｌｌ", "full"),
        ("１２", "12"),
    ],
)
def test_spellings_of_one_thing_fold_alike(one: str, other: str) -> None:
    assert fold(one).text == fold(other).text


@pytest.mark.parametrize(("one", "other"), [("10²", "102"), ("5½", "51/2"), ("H₂O", "H2O")])
def test_raised_and_lowered_digits_stay_different(one: str, other: str) -> None:
    assert fold(one).text != fold(other).text


@given(TEXTS)
def test_folding_knows_where_each_character_comes_from(text: str) -> None:
    folded = fold(text)

    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert folded.starts == sorted(folded.starts)
    assert folded.ends == sorted(folded.ends)
    assert all(0 <= a < b <= len(text) for a, b in zip(folded.starts, folded.ends, strict=True))


@given(TEXTS)
def test_folding_leaves_no_double_space_and_nothing_invisible(text: str) -> None:
    folded = fold(text).text

    assert "  " not in folded
    assert not {"\u200b", "\u00ad", "\u00a0", "\r", "\n", "\t"} & set(folded)


@given(TEXTS, st.data())
def test_the_origin_of_a_folded_piece_folds_to_that_piece(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    start = data.draw(st.integers(0, len(folded.text)))
    end = data.draw(st.integers(start, len(folded.text)))

    origin = folded.origin(start, end)

    if origin is not None:
        assert fold(text[origin.start : origin.end]).text == folded.text[start:end]


def test_a_piece_of_a_ligature_has_no_origin() -> None:
    folded = fold("a ﬁne day")

    assert folded.text == "a fine day"
    assert folded.origin(2, 6) == (2, 5)
    assert folded.origin(3, 6) is None
    assert folded.origin(0, 3) is None
    assert folded.origin(4, 4) is None


def test_graphemes_are_never_cut() -> None:
    text = "e\u0301 👍🏽 🇩🇪\r\n"

    borders = grapheme_borders(text)

    assert borders == frozenset({0, 2, 3, 5, 6, 8, 10})


def test_plain_text_may_be_cut_anywhere() -> None:
    assert grapheme_borders("plain text") is None
    assert grapheme_borders("two\r\nlines") is not None


def test_only_letters_of_unspaced_scripts_are_unspaced() -> None:
    assert all(map(is_unspaced, "休ไทあ"))
    assert not any(map(is_unspaced, "aé1 한न"))


def test_folded_text_is_in_normal_form() -> None:
    folded = fold("Ça coûte 5 €, “peut-être”…").text

    assert folded == unicodedata.normalize("NFKC", folded) == 'ça coûte 5 €, "peut-être"...'


def test_accents_without_end_are_cut() -> None:
    marks = "\u0301\u0316" * 50_000

    assert normal_form("NFD", f"a{marks}b") == normal_form("NFD", f"a{marks[:MAX_MARKS]}b")
    assert normal_form("NFC", f"e{marks[:2]}") == "\u00e9\u0316"


def test_a_text_of_abbreviations_is_one_sentence() -> None:
    assert sentences(" " * 50_000 + "e.g. " * 10_000) == [(50_000, 99_999)]


def test_a_german_day_of_the_month_ends_no_sentence() -> None:
    text = "Bis 20. Dezember geschlossen. Stand 5. Oktober 2026."

    assert [text[start:end] for start, end in sentences(text)] == [
        "Bis 20. Dezember geschlossen.",
        "Stand 5. Oktober 2026.",
    ]
