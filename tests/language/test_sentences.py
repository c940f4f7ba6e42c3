import pytest

from language.sentences import MAX_CHARS, MAX_NUMBERS, bounded_sentences


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in bounded_sentences(text)]


def test_they_are_the_sentences_of_ordinary_text() -> None:
    text = "Ana leads Rome. Bo leads Bonn."

    assert [text[start:end] for start, end in bounded_sentences(text)] == [
        "Ana leads Rome.",
        "Bo leads Bonn.",
    ]


@pytest.mark.parametrize("unit", ["1 ", "word ", "word", "12 men and ", "7"])
def test_a_long_sentence_is_cut_and_nothing_of_it_is_lost(unit: str) -> None:
    text = (unit * 5_000)[:9_999].strip()

    found = sentences_of(text)

    assert "".join("".join(found).split()) == "".join(text.split())
    assert max(map(len, found)) <= MAX_CHARS
    assert all(sum(part.isdigit() for part in each.split()) <= MAX_NUMBERS for each in found)


def test_a_cut_is_made_between_words() -> None:
    text = ("abcdefg " * 1_000).strip()

    assert {word for start, end in bounded_sentences(text) for word in text[start:end].split()} == {
        "abcdefg"
    }
