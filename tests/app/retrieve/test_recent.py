"""What is remembered, and what is forgotten."""

from app.retrieve.recent import Recent


def test_the_value_unused_for_longest_is_forgotten() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.remember("a", 1)
    recent.remember("b", 2)

    recent.find("a")
    recent.remember("c", 3)

    assert (recent.find("a"), recent.find("b"), recent.find("c")) == (1, None, 3)
    assert len(recent) == 2


def test_a_value_is_remembered_anew() -> None:
    recent: Recent[str, int] = Recent(2)

    assert recent.remember("a", 1) == 1
    assert recent.remember("a", 0) == 0

    assert (recent.find("a"), len(recent)) == (0, 1)
