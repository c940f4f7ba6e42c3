"""No text from outside, whatever its shape, costs a regular expression more than its length.

Python's engine tries every way to match: `(a+)+b` doubles with each letter, and a search for
`\\w+@` walks the rest of a long word from each of its letters. What helps: possessive repeats
(`\\w++`), atomic groups, a lookbehind that does not begin inside a run (`(?<!\\w)\\w++@`), bounds.
"""

import ast
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from tests.architecture.hostile_texts import (
    HostileText,
    hostile_texts,
    repeats_without_bound,
)
from tests.architecture.patterns import asked_patterns, service_files, unreadable
from tests.architecture.source import parse, relative

SIZES = (400, 10_000, 80_000)
"""The first tells which shapes are hard, the second is what is promised, the third that time grows
with the length: the square of a cheap step is still little at 10,000."""

HARDEST = {10_000: 8, 80_000: 2}
"""How many shapes are tried at the size, the most expensive ones of the size before."""

SECONDS_EACH = {400: 0.02, 10_000: 0.02, 80_000: 0.16}
"""CPU: the only limit on time in the tests, because nothing but running it tells what a pattern
costs."""

TRIES = 3
"""The best counts: other processes share the machine."""


AnyPattern = re.Pattern[str] | re.Pattern[bytes]


class Overrun(Exception):
    """A pattern has used far more than its share."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raises Overrun in the block when it has used that much; `re` looks out for signals."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Overrun

    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        # Not as it was: by default the signal ends the process, and one may be on its way.
        signal.signal(signal.SIGVTALRM, signal.SIG_IGN)


def asking(pattern: AnyPattern, mode: str) -> Callable[[str], object]:
    asked: Any = pattern
    ask = asked.finditer if mode == "scan" else getattr(asked, mode)
    encode = isinstance(asked.pattern, bytes)

    def ask_all(text: str) -> None:
        found = ask(text.encode("latin-1", "replace") if encode else text)
        if mode == "scan":
            deque(found, maxlen=0)

    return ask_all


def cpu_seconds(ask: Callable[[str], object], text: str, limit: float) -> float:
    """The CPU time of the best try; infinite when it goes far beyond the limit."""
    best = float("inf")
    for _ in range(TRIES):
        started = time.thread_time()
        try:
            with cpu_limit(limit * 2):
                ask(text)
        except Overrun:
            return float("inf")
        best = min(best, time.thread_time() - started)
        if best <= limit:
            break
    return best


def overrun(pattern: AnyPattern, mode: str) -> tuple[HostileText, int] | None:
    """A text that costs the pattern too much, and at which size; None when there is none."""
    ask = asking(pattern, mode)
    shapes = hostile_texts(pattern)
    for size in SIZES if repeats_without_bound(pattern) else SIZES[:1]:
        shapes = shapes[: HARDEST.get(size)]
        costs = {}
        for shape in shapes:
            costs[shape] = cpu_seconds(ask, shape.of_size(size), SECONDS_EACH[size])
            if costs[shape] > SECONDS_EACH[size]:
                return shape, size
        shapes.sort(key=lambda shape: -costs[shape])
    return None


def test_every_pattern_takes_time_in_proportion_to_the_text() -> None:
    patterns, complaints = asked_patterns()

    faults = [
        f"{asked.location[0]}:{asked.location[1]} {mode} {fault}"
        for asked in patterns
        for mode in sorted(asked.modes)
        if (fault := overrun(asked.pattern, mode)) is not None
    ]

    assert len(patterns) > 100
    assert complaints == []
    assert faults == []


OLD_PHONE = (
    r"(?<![\w.,/:#$-])(?:\+|00)?\(?\d{1,5}\)?"
    r"(?:(?:[ .-]|\s?/\s?|\) ?|-?\()?\(?\d{1,10}\)?){0,7}(?:\s?(?:x|ext\.?)\s?\d{1,6})?"
    r"(?![\w%/]|[.,:-]\d)"
)
"""How telephones were once found: forty digits and a letter took seconds."""


@pytest.mark.parametrize(
    ("pattern", "mode"),
    [
        (r"(a+)+b", "match"),
        (r"\s*\s*x", "match"),
        (r"\w+@", "search"),
        (r" +$", "scan"),
        (r"(?:a|a)*b", "fullmatch"),
        (r"<title[^>]*>", "search"),
        (r"(?!.*\bor\b)is", "scan"),
        (OLD_PHONE, "scan"),
    ],
)
def test_known_culprits_are_caught(pattern: str, mode: str) -> None:
    assert overrun(re.compile(pattern), mode) is not None


@pytest.mark.parametrize(
    ("pattern", "mode"),
    [(r"(?<!\w)\w++@", "search"), (r"(?<! ) ++$", "scan"), (r"\s*+x", "match")],
)
def test_linear_forms_pass(pattern: str, mode: str) -> None:
    assert overrun(re.compile(pattern), mode) is None


@pytest.mark.parametrize(
    "source",
    [
        "from re import compile as make",
        "import re as patterns",
        "import re\nfrom functools import partial\nclean = partial(re.sub, 'a', 'b')",
    ],
)
def test_no_pattern_hides_behind_another_name(source: str) -> None:
    assert list(unreadable(ast.parse(source)))


def test_only_one_place_normalises_letters() -> None:
    """`unicodedata` sorts the accents of one letter in time that grows as their square."""
    callers = {
        relative(path)
        for path in service_files()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "unicodedata.normalize"
    }

    assert callers == {"language/text.py"}
