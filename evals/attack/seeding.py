"""Everything random follows from one number."""

from random import Random
from typing import Final

SEED: Final = 8

SYLLABLES: Final = ("ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "po", "ra", "se", "ti", "vu")


def random_for(name: str) -> Random:
    """A generator that is the same in each run, and another for each name."""
    return Random(f"{SEED} {name}")  # noqa: S311  # repeatable, not secret


def words(random: Random, count: int) -> list[str]:
    """Made-up words, all different, that no language has."""
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(random.choices(SYLLABLES, k=4))] = None
    return list(found)


def paragraphs(random: Random, vocabulary: list[str], count: int) -> str:
    """Text of a few sentences for each paragraph."""
    sentences = (
        f"The {' '.join(random.choices(vocabulary, k=8))} is {random.randint(1, 999)}."
        for _ in range(count * 3)
    )
    joined = list(sentences)
    return "\n\n".join(" ".join(joined[start : start + 3]) for start in range(0, len(joined), 3))
