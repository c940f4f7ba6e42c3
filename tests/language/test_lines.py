import pytest

from language.lines import BULLET, MARKER, NUMBERED, refers_back


@pytest.mark.parametrize(
    ("line", "is_bullet", "is_numbered"),
    [
        ("- a tent", True, False),
        ("\u2022 a tent", True, False),
        ("2. Open the valve.", False, True),
        ("(b) a receipt", False, True),
        ("Step 3: Open the valve.", False, True),
        ("-5 degrees", False, False),
        ("3.5 hours", False, False),
        ("Step up the ladder.", False, False),
    ],
)
def test_an_item_is_known_by_its_marker(line: str, *, is_bullet: bool, is_numbered: bool) -> None:
    assert (BULLET.match(line) is not None) == is_bullet
    assert (NUMBERED.match(line) is not None) == is_numbered
    assert (MARKER.match(line) is not None) == (is_bullet or is_numbered)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("It ends in May.", True),
        ("In that case ask HR.", True),
        ("Jedoch gilt das nicht im Mai.", True),
        ("Cela prend fin en mai.", True),
        ("Italy is far.", False),
        ("The lease ends in May.", False),
    ],
)
def test_a_sentence_leans_on_the_one_before_it(sentence: str, *, expected: bool) -> None:
    assert refers_back(sentence) == expected
