"""How much is kept of texts that were read."""

from app.answering.question.specifics import read_specifics
from language.remembered import LONG_TEXT, MAX_LONG_TEXTS, count_remembered, forget_texts


def test_less_is_kept_of_long_texts_than_of_short_ones() -> None:
    forget_texts()
    count = 2 * MAX_LONG_TEXTS

    for number in range(count):
        read_specifics(f"{number} ".ljust(LONG_TEXT + 1, "."))
    long = count_remembered()
    for number in range(count):
        read_specifics(f"In {number} or so.")

    assert (long, count_remembered() - long) == (MAX_LONG_TEXTS, count)
    assert read_specifics("In 7 or so.") is read_specifics("In 7 or so.")
