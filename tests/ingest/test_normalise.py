"""Normal form: examples by hand, and the laws that offsets rely on."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.normalise import normalise

AWKWARD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\u200c\u200d\u0301\u0915\u0644\ufe0f\U0001f468"
            "\ufb01\ufefb\ufe70\u00ad\u2028\t \n\r\ud800"
        ),
    )
)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("e\u0301t\u00e9", "\u00e9t\u00e9"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("nul\0 bell\x07 escape\x1b", "nul bell escape"),
        ("optional\u00adhyphen zero\u200bwidth \ufeffmark", "optionalhyphen zerowidth mark"),
        ("a  b \t c\u00a0\u2003d   \nnext", "a b c d\nnext"),
        ("one\n\n\n \n\ntwo\n", "one\n\ntwo"),
        ("def f():\n\treturn  1\n", "def f():\n    return 1"),
        ("o\ufb03ce \ufb01le", "office file"),
        ("\ufefb", "\u0644\u0627"),
        ("bro\ud800ken", "bro\ufffdken"),
        ("\u202eevil\u202c order", "evil order"),
        ("hi\U000e0068\U000e0069dden", "hidden"),
        ("\uff21\uff22", "\uff21\uff22"),
        ("", ""),
        (" \u200b\n", ""),
    ],
)
def test_text_gets_its_one_spelling(given_text: str, expected: str) -> None:
    assert normalise(given_text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: "I want"
        "\u0915\u094d\u200d\u0937",  # Devanagari half form
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # family, three people in one emoji
        "\u2764\ufe0f\u200d\U0001f525",  # heart on fire
    ],
)
def test_a_joiner_that_changes_the_word_stays(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_a_joiner_that_hides_in_latin_text_goes(joiner: str) -> None:
    assert normalise(f"pass{joiner}word") == "password"


@given(AWKWARD)
@example("a\u200d\u0301\u200d\u0915")
def test_normal_text_is_its_own_normal_form(text: str) -> None:
    once = normalise(text)

    assert normalise(once) == once


@given(AWKWARD)
def test_normal_text_can_be_stored_and_compared(text: str) -> None:
    once = normalise(text)

    assert once == unicodedata.normalize("NFC", once)
    assert once.encode("utf-8").decode("utf-8") == once
    assert not [c for c in once if unicodedata.category(c) == "Cc" and c != "\n"]
    assert "\n\n\n" not in once


@given(st.text(st.characters(categories=["L", "N", "P"], max_codepoint=0x24F)))
def test_letters_digits_and_punctuation_stay(text: str) -> None:
    assert normalise(text) == unicodedata.normalize("NFC", text)
