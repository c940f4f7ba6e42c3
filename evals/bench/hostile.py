"""The growth of the cost of a hostile text: in proportion to its length, never with its square.

Each case is read at a length and at four times that length, in CPU time of this thread. Only what
is ours is measured: libraries that read files do so in a child process with limits.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.answering.question.constraints import MAX_QUESTION_CHARS, constraints_of
from app.answering.verify.grounding import GivenSource, ground, index_given
from app.answering.verify.profiles import fitted_profiles
from app.http.grounding.schemas import MAX_CLAIM_CHARS, MAX_SOURCE_CHARS
from app.http.request_bounds import fault_of_json
from evals.bench.record import Outcome
from ingest.parse.html_rewriting import rewritten
from ingest.parse.html_text import visible_text
from ingest.parse.plain_text import text_drafts
from kb.errors import KnowledgeBaseError
from kb.store.filters import parse_filter
from language.personal_data import labelled
from language.remembered import forget_texts
from language.text import normal_form, sentences

FACTOR: Final = 4
MOST_GROWTH: Final = 6.0
"""Of the cost for four times the text; a square would be 16."""

LEAST_SECONDS: Final = 0.02
"""A reading that takes less is too short to be compared."""

TRIES: Final = 3

UNITS: Final = (
    *("1 ", "5% ", "[1,", "25 dogs ", "3 May 2021 ", "2021-03-01 ", "one hundred and ", "not "),
    *("a ", "a-", "Paris ", "Ana and Bo, ", "Ana and Bo respectively ", "US ", "(", "( Paris "),
    *(".", "A. ", "e.g. ", "a\n", "- a b\n\n", "Go on. ", "Pay 5 now. ", "red cars, ", "word"),
    *("the cat sat while ", "it broke because ", "only if paid ", "\u6f22\u5b57", "x" + " " * 50),
)
"""Pieces of claims and sources: numbers, names, lists, negations, words without a space."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A reader, and its text: the head, then the unit again and again for `length` characters."""

    name: str
    read: Callable[[str], object]
    unit: str
    length: int
    head: str = ""


def measure_hostile() -> Outcome:
    """The growth of every case."""
    growth = {case.name: round(growth_of(case, time.thread_time), 2) for case in cases()}
    worst = max(growth, key=growth.__getitem__)
    return Outcome(
        question="How much more CPU a hostile text takes that is four times as long",
        target=f"<= {MOST_GROWTH:g} times",
        has_met_target=growth[worst] <= MOST_GROWTH,
        numbers={"worst": {worst: growth[worst]}, "growth": growth},
        warm_up=1,
    )


def growth_of(case: Case, clock: Callable[[], float]) -> float:
    """The longer text's cost over the shorter one's; the least of up to three comparisons."""

    def seconds(length: int) -> float:
        text = case.head + repeated(case.unit, length)
        forget_texts()
        started = clock()
        # A refusal is as good as a reading.
        with suppress(KnowledgeBaseError):
            case.read(text)
        return max(clock() - started, LEAST_SECONDS)

    # The first reading compiles patterns and loads word lists.
    seconds(case.length)
    growths: list[float] = []
    while len(growths) < TRIES and min(growths, default=FACTOR**2) > MOST_GROWTH:
        growths.append(seconds(FACTOR * case.length) / seconds(case.length))
    return min(growths)


def repeated(unit: str, length: int) -> str:
    """The unit again and again, cut at the length."""
    return (unit * (length // len(unit) + 1))[:length]


def cases() -> Iterator[Case]:
    """Everything of ours that reads what a caller, a file or a model wrote."""
    for unit in ('"', '\\"', '"\\', "[", ",", "{", '""', "\\", "a"):
        name = f"JSON body of {unit!r}"
        yield Case(name=name, read=read_body, head='"', unit=unit, length=2_000_000)
    for unit in ("1", "1 ", "(1)", "a@b.example ", "+49 30 901820, "):
        yield Case(name=f"personal data in {unit!r}", read=labelled, unit=unit, length=50_000)
    yield Case(
        name="accents",
        read=partial(normal_form, "NFKC"),
        head="a",
        unit="\u0301\u0316",
        length=200_000,
    )
    yield Case(name="abbreviations", read=sentences, unit="e.g. ", length=100_000)
    # Of questions, sources and claims the longer text is the longest that is read.
    for unit in ("Abcdefg of ", "abcdefg ", "a Bcdefgh, ", "SP-4217 ", "1-2 "):
        length = MAX_QUESTION_CHARS // FACTOR
        name = f"question of {unit!r}"
        yield Case(name=name, read=read_question, head="Is it ", unit=unit, length=length)
    for unit in ("<a ", "<!--", "<![CDATA[", "<?", "</a ", '<a b="', "<script>", "&#", "<"):
        name = f"HTML of {unit!r}"
        yield Case(name=name, read=read_page, head="<table>", unit=unit, length=500_000)
    yield Case(name="drawn table", read=read_plain_text, unit="a  a  a\n-----\n", length=20_000)
    yield Case(name="wide filter", read=read_wide_filter, unit="1", length=20_000)
    for unit in UNITS:
        name, length = f"grounding source of {unit!r}", MAX_SOURCE_CHARS // FACTOR
        yield Case(name=name, read=read_source, unit=unit, length=length)
        name, length = f"grounding claim of {unit!r}", MAX_CLAIM_CHARS // FACTOR
        yield Case(name=name, read=read_claim, unit=unit, length=length)


def read_body(text: str) -> None:
    """The faults of a request's body."""
    fault_of_json(text.encode())


def read_question(question: str) -> None:
    """The constraints of a question, held against a text of other words."""
    text = " ".join(f"abcdef{letter}{other}" for letter in "bcdehijk" for other in "mnopqrst") * 20
    constraints = constraints_of(question)
    constraints.unmet(text, text)
    constraints.answer_type.is_held_by(text, text)
    constraints.answer_type.lacks_attribute(text, text)


def read_page(html: str) -> None:
    """The rewriting of a page before the library reads it, and the text that a person sees."""
    rewritten(html)
    visible_text(html)


def read_plain_text(text: str) -> None:
    """The headings, paragraphs and tables of a text file."""
    for _ in text_drafts(text):
        pass


def read_wide_filter(text: str) -> None:
    """A filter with a field for each character."""
    parse_filter({f"metadata.a{number}": 1 for number in range(len(text))})


def read_source(source: str) -> None:
    """The beginning of a source, as a claim against it."""
    sources = index_given([GivenSource(id="s", text=source)])
    ground(source[:400], sources, fitted_profiles(), "balanced")


def read_claim(claim: str) -> None:
    """A claim against a source of the same words."""
    sources = index_given([GivenSource(id="s", text=repeated(claim, 1_500))])
    ground(claim, sources, fitted_profiles(), "balanced")
