"""What checking a claim costs grows with the text, whatever the text is made of."""

import math
import time
from collections.abc import Mapping
from typing import Final

import pytest

from app.answering.verify.grounding import GivenSource, ground, index_given
from app.answering.verify.profiles import fitted_profiles
from language.tokens import tokenize

UNITS: Final = (
    "1 ",
    "5% ",
    "[1,",
    "25 dogs ",
    "3 May 2021 ",
    "2021-03-01 ",
    "one hundred and ",
    "not ",
    "a ",
    "a-",
    "Paris ",
    "Ana and Bo, ",
    "Ana and Bo respectively ",
    "US ",
    "(",
    "( Paris ",
    ".",
    "A. ",
    "e.g. ",
    "a\n",
    "Go on. ",
    "Pay 5 now. ",
    "red cars, ",
    "the cat sat while ",
    "it broke because ",
    "only if paid ",
    "\u6f22\u5b57",
    "word",
    "x" + " " * 50,
)
COUNTED: Final[Mapping[str, str]] = {
    "numbers": " ".join(map(str, range(20_000))),
    "sentences": " ".join(f"Alpha {n} is beta {n}." for n in range(5_000)),
    "words": " ".join(
        f"word{n:x}".translate(str.maketrans("0123456789", "ghijklmnop")) for n in range(8_000)
    ),
}
MOST_GROWTH: Final = 6.0
"""For four times the text; a square would be 16."""

LEAST_SECONDS: Final = 0.02
"""What takes less is too short to be compared."""


def text_of(shape: str, length: int) -> str:
    whole = COUNTED[shape] if shape in COUNTED else shape * (length // len(shape) + 1)
    return whole[:length]


def check_seconds(claim: str, source: str) -> float:
    """Of the processor."""
    tokenize.cache_clear()
    started = time.thread_time()
    sources = index_given([GivenSource(id="s", text=source)])
    ground(claim, sources, fitted_profiles(), "balanced")
    return max(time.thread_time() - started, LEAST_SECONDS)


def growth(small: tuple[str, str], large: tuple[str, str]) -> float:
    """How many times as much the larger claim and source cost; the least of up to three."""
    found = math.inf
    for _ in range(3):
        found = min(found, check_seconds(*large) / check_seconds(*small))
        if found <= MOST_GROWTH:
            break
    return found


@pytest.mark.parametrize("shape", [*UNITS, *COUNTED])
def test_cost_grows_with_the_source(shape: str) -> None:
    claim = text_of(shape, 400)
    short, long = text_of(shape, 10_000), text_of(shape, 40_000)

    assert growth((claim, short), (claim, long)) <= MOST_GROWTH


@pytest.mark.parametrize("shape", [*UNITS, *COUNTED])
def test_cost_grows_with_the_claim(shape: str) -> None:
    source = text_of(shape, 1_500)
    short, long = text_of(shape, 1_000), text_of(shape, 4_000)

    assert growth((short, source), (long, source)) <= MOST_GROWTH


def test_the_largest_claim_and_source_of_numbers_are_checked_in_seconds() -> None:
    assert check_seconds("1 " * 2_000, "1 " * 100_000) <= 3.0
