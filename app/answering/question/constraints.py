"""The constraints on evidence: it must be about the very thing that the question pins down.

question -> pins (identifiers, times, numbered things, names, quantities) + answer type
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.answering.question.answer_type import AnswerType, answer_type_of
from app.answering.question.proper_names import holds_name, names_in
from app.answering.question.specifics import (
    Run,
    Specifics,
    identifier_kind,
    identifiers,
    is_noun,
    labels,
    noun_of,
    read_specifics,
    without_identifiers,
)
from app.answering.question.vocabulary import SAME_NOUN, UNITS
from language.remembered import remembered
from language.text import STOP_WORDS

MAX_QUESTION_CHARS: Final = 2_000
"""Read of a question; each pin is looked for in up to a hundred texts."""

MAX_PINS: Final = 16
"""Of a question; the first ones count."""

MAX_ALTERNATIVES: Final = 8
"""Names of one list; more are not compared with every word of a text."""

TIMES: Final = ("year", "quarter", "half", "day", "month", "weekday")
"""Kinds of pins that tell when; the time of an event may be what is asked for."""

_FIRST: Final = "1"
_UNIT_WORDS: Final = frozenset().union(*UNITS.values()) - STOP_WORDS
_SIGNS: Final = frozenset("%$€£¥°")
"""Units that may stand right behind a number, which is no ordinal then."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One thing that the question pins down, named by any of its `values`.

    `kind` is that of `Specifics.values`, or `name`, or `quantity`. `must_be_named` is False for
    what only must not be another one: "the first president" need not be called the first.
    """

    kind: str
    values: tuple[str, ...]
    shown: str
    must_be_named: bool = True


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """The pins that a text must meet to be about the question, and the type of an answer to it."""

    pins: tuple[Pin, ...]
    answer_type: AnswerType

    def unmet(self, text: str, background: str) -> tuple[str, ...]:
        """The pins that neither the text nor its background meets, as they are shown.

        Empty when the text is about the question. The text itself goes before its background: under
        a title with 2025, a sentence on 2023 is about 2023.
        """
        missing = [pin for pin in self.pins if not self._is_met(pin, text, background)]
        names = [pin for pin in self.pins if pin.kind == "name"]
        lost = [pin for pin in missing if pin.kind == "name"]
        # A sentence may name one of two, and the other by a pronoun or a word of another kind.
        few_names = 2 * len(lost) <= len(names)
        return tuple(pin.shown for pin in missing if pin.kind != "name" or not few_names)

    def _is_met(self, pin: Pin, text: str, background: str) -> bool:
        if pin.kind == "name":
            return any(holds_name(name, text, background) for name in pin.values)
        own, wanted = read_specifics(text), frozenset(pin.values)
        if pin.kind == "quantity":
            # The same number, or a bound, range or rate that decides on it.
            numbers = frozenset(map(float, pin.values))
            return any(
                each.has_bound or numbers & each.numbers
                for each in map(read_specifics, (text, background))
            )
        named = own.values.get(pin.kind, frozenset())
        is_answer = self.answer_type.kind == "time" and pin.kind in TIMES
        if named & wanted or (named and not is_answer):
            return bool(named & wanted)
        if not pin.must_be_named:
            return True
        # Last: a background is as long as a passage.
        around = read_specifics(background)
        return bool(around.values.get(pin.kind, frozenset()) & wanted) or any(
            _is_written(value, pin, own, around) for value in wanted
        )


@remembered(256)
def constraints_of(question: str) -> Constraints:
    """The constraints that the first MAX_QUESTION_CHARS of the question put on its evidence.

    Its pins are identifiers, times, numbered things, names and quantities; what belongs to one is
    no other.
    """
    question = question[:MAX_QUESTION_CHARS]
    identifiers_by_kind: dict[str, list[str]] = {}
    for identifier in identifiers(question):
        identifiers_by_kind.setdefault(identifier_kind(identifier), []).append(identifier)
    pins = [
        Pin(kind=kind, values=tuple(found), shown=", ".join(found).upper())
        for kind, found in identifiers_by_kind.items()
    ]

    rest = without_identifiers(question)
    specifics = read_specifics(rest)
    for kind in TIMES:
        # A day says its month.
        if kind in specifics.values and not (kind == "month" and "day" in specifics.values):
            values = tuple(sorted(specifics.values[kind]))
            pins.append(Pin(kind=kind, values=values, shown=f"{kind} {', '.join(values)}"))
    pins += _label_pins(specifics.runs)
    pins += [
        Pin(kind="name", values=names[:MAX_ALTERNATIVES], shown=" or ".join(names))
        for names in names_in(rest)
    ]

    times = {value for kind in TIMES for value in specifics.values.get(kind, ())}
    for run in specifics.runs:
        is_open = run.text.isdecimal() and run.text not in times
        if is_open and _is_counted(run.text, specifics.runs):
            pins.append(Pin(kind="quantity", values=(run.text,), shown=run.text))
    return Constraints(pins=tuple(pins[:MAX_PINS]), answer_type=answer_type_of(question))


def _label_pins(runs: Sequence[Run]) -> Iterator[Pin]:
    """Numbered things, but not what is counted or measured: that is a quantity."""
    numbers_by_noun: dict[str, list[str]] = {}
    for noun, number in labels(runs):
        if not _is_counted(number, runs):
            numbers_by_noun.setdefault(noun, []).append(number)
    for noun, numbers in numbers_by_noun.items():
        yield Pin(
            kind=noun,
            values=tuple(numbers),
            shown=f"{noun} {', '.join(numbers)}",
            must_be_named=_FIRST not in numbers or noun in SAME_NOUN.values(),
        )


def _is_counted(number: str, runs: Sequence[Run]) -> bool:
    """True for "3 days" and "5 %": the number of a noun that follows it."""
    place = next((place for place, run in enumerate(runs) if run.text == number), None)
    if place is None or place + 1 == len(runs):
        return False
    gap, following = runs[place].gap, runs[place + 1]
    if following.text in _SIGNS and not gap.strip():
        return True
    is_ordinal = gap in {"", ". "}
    is_label = place > 0 and runs[place - 1].folded in SAME_NOUN
    if is_ordinal or is_label:
        return False
    return following.folded in _UNIT_WORDS or (is_noun(following) and following.text.islower())


def _is_written(value: str, pin: Pin, own: Specifics, around: Specifics) -> bool:
    """True for a numbered heading, a cell under the noun's column, an identifier in other signs."""
    if pin.kind.startswith("id "):
        return f" {value} " in own.joined or f" {value} " in around.joined
    if pin.kind == "year":
        return float(value) in own.numbers
    if pin.kind in TIMES:
        return False
    if "." in value and any(run.text == value for run in (*own.runs, *around.runs)):
        return True
    is_cell = any(run.text == value for run in own.runs)
    return is_cell and any(noun_of(run.folded) == pin.kind for run in around.runs)
