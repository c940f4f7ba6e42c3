import pytest

from app.generate.asked import parts_of


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
