"""Checks a claim in other words against the table row that it tells.

The rule is strict, since a claim that fails it is shown as the row itself. The claim names one row
by its key and tells the value of every column that it names. Every number that it tells is the
value of a column that it names, or the only one of its row in that unit.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final, NamedTuple

from app.answering.claims import Reason
from app.answering.verify.rows import Cell, Row, with_unit
from language.reading import read_sentence
from language.text import word_set
from language.tokens import tokenize
from language.units import Amount, amounts_in, split_header

_MAX_CLAIM_CHARS: Final = 2_000
"""A longer claim tells no single row."""
_MAX_ROWS: Final = 300
_TWO_NAMES: Final = 2
"""A claim that tells no value but two names of the row tells which belongs to which."""
_YES: Final = word_set("yes y true x \u2713 \u2714 \u2714\ufe0f \u2705 ja oui s\u00ed si")
_NO: Final = word_set("no n false none \u2717 \u2718 \u274c nein kein keine non - \u2013 \u2014")


class Term(NamedTuple):
    """A word by its stem, a code, a number with its unit, or a negation."""

    key: str
    text: str
    is_content: bool = True
    is_negation: bool = False
    amount: Amount | None = None

    @property
    def is_number(self) -> bool:
        """True for a number and for a code, which has to be right as well."""
        return self.amount is not None or any(map(str.isdecimal, self.text))

    def says(self, other: "Term") -> bool:
        """True when this term of a table says what the other, of a claim, does."""
        if self.amount and other.amount:
            return self.amount.says(other.amount)
        return self.key == other.key and self.amount is other.amount is None


Positions = frozenset[int]


def cell_faults(claim: str, rows: Sequence[Row]) -> tuple[Reason, ...]:
    """The faults where the claim tells its row wrongly or not plainly enough; () when it is right.

    `rows` are those that the claim rests on; of several it has to name one, and no other.
    """
    if not rows:
        return ()
    terms = _terms(claim[:_MAX_CLAIM_CHARS])
    named = _rows_named(terms, rows[:_MAX_ROWS])
    if len(named) != 1 or len(claim) > _MAX_CLAIM_CHARS:
        return (Reason(code="name_moved"),)
    row, key = named[0]
    faults = (*_Told(terms=terms, row=row, key=key).faults(), *_bounds_added(claim, row))
    return tuple(dict.fromkeys(faults))


def _bounds_added(claim: str, row: Row) -> list[Reason]:
    """`more than` or `up to` of a claim about a row that has no such word."""
    cells = [f"{row.columns[cell.index]} {with_unit(cell)}" for cell in row.cells]
    bounds: list[list[str]] = []
    for text in (claim, *cells):
        reading = read_sentence(text)
        marks = [*reading.named("bound"), *reading.named("bound_after")]
        bounds.append(
            [" ".join(reading.words[mark.start : mark.end]) for mark in marks if mark.heads]
        )
    if any(bounds[1:]):
        return []
    return [Reason(code="number_moved", detail=bound) for bound in bounds[0]]


@dataclass(frozen=True, kw_only=True)
class _Told:
    """The terms of a claim beside the row that it names at the positions `key`."""

    terms: Sequence[Term]
    row: Row
    key: Positions

    @cached_property
    def cells(self) -> Mapping[int, Cell]:
        """By column."""
        return {cell.index: cell for cell in self.row.cells}

    @cached_property
    def key_columns(self) -> frozenset[int]:
        """Those that name the row."""
        return frozenset(cell.index for cell in self.row.key)

    @cached_property
    def columns(self) -> Mapping[int, Positions]:
        """The columns that are named: words are there of which no other header has as many.

        Any word of a header is enough; of one such as `For whom` all have to be there.
        """
        free = [place for place in range(len(self.terms)) if place not in self.key]
        found: dict[int, Positions] = {}
        for index, header in enumerate(self.row.columns):
            words = _terms(split_header(header)[0])
            content = [word for word in words if word.is_content]
            groups: list[Sequence[Term]] = [[word] for word in content] if content else [words]
            found[index] = frozenset(chain(*(_places(each, self.terms, free) for each in groups)))
        return {
            index: places
            for index, places in found.items()
            if places and not any(places <= found[each] for each in found if each != index)
        }

    @cached_property
    def values(self) -> Mapping[int, Positions]:
        """The positions of each cell's value that is told whole; a year in a header is no value."""
        heading = {i for places in self.columns.values() for i in places if self.terms[i].is_number}
        found: dict[int, Positions] = {}
        for index, cell in self.cells.items():
            taken = heading if index in self.key_columns else heading | self.key
            free = [place for place in range(len(self.terms)) if place not in taken]
            places = _places(_value(cell), self.terms, free)
            if places and not _answer(cell):
                found[index] = places
        return found

    def faults(self) -> Iterator[Reason]:
        """Everything that is wrong."""
        answers = {i: answer for i in self.columns if (answer := _answer(self.cells.get(i)))}
        told = self.columns.keys() & self.values.keys()
        if self.columns.keys() - self.key_columns <= told:
            told |= {index for index in self.values if self._is_only_one(index)}
        known = self.key.union(*self.columns.values(), *(self.values[index] for index in told))
        strange = {i for i, places in self.values.items() if not places <= known}
        for index in strange | self.columns.keys() - told - answers.keys():
            is_number = index in self.cells and bool(amounts_in(self.cells[index].value))
            yield _moved(self.row.columns[index], is_number=is_number)
        names = self.values.keys() & self.key_columns
        if told | answers.keys() <= self.key_columns and len(names) < _TWO_NAMES:
            yield _moved("", is_number=False)
        for place, term in enumerate(self.terms):
            if place not in known and term.is_number:
                yield _moved(term.text, is_number=True)
        yield from self._wrong_answers(answers, known)
        in_order = self.columns.keys() & told - self.key_columns
        if _ordered(in_order, self.columns) != _ordered(in_order, self.values):
            yield _moved("", is_number=True)

    def _wrong_answers(self, answers: Mapping[int, str], known: Positions) -> Iterator[Reason]:
        """A yes-or-no column is told negated where the cell says no, and nothing else is."""
        negations = [t for i, t in enumerate(self.terms) if t.is_negation and i not in known]
        for index, answer in answers.items():
            if answer == "no" and not negations:
                yield Reason(code="negation_dropped", detail=self.row.columns[index])
        if negations and "no" not in answers.values():
            yield Reason(code="negation_added", detail=negations[0].text)

    def _is_only_one(self, index: int) -> bool:
        """True for the only cell of words, or in its unit, that does not name the row."""
        if index in self.key_columns:
            return False
        kinds = [_kind(cell) for i, cell in self.cells.items() if i not in self.key_columns]
        kind = _kind(self.cells[index])
        amounts = [a for i in self.values[index] if (a := self.terms[i].amount)]
        return kinds.count(kind) == 1 and all(amount.kind == kind for amount in amounts)


def _moved(detail: str, *, is_number: bool) -> Reason:
    return Reason(code="number_moved" if is_number else "name_moved", detail=detail)


def _kind(cell: Cell) -> str:
    """The unit of a number; `words` where there is none."""
    return next((amount.kind or "number" for amount in amounts_in(with_unit(cell))), "words")


def _ordered(columns: Collection[int], places: Mapping[int, Positions]) -> list[int]:
    """The columns by where that stands which is told of them alone."""
    others = {i: frozenset().union(*(places[o] for o in columns if o != i)) for i in columns}
    return sorted(columns, key=lambda index: min(places[index] - others[index] or places[index]))


def _rows_named(terms: Sequence[Term], rows: Sequence[Row]) -> list[tuple[Row, Positions]]:
    """The rows of which a name, or the code in it, is told as a whole, and where it stands.

    Of names in one another the longest counts.
    """
    every = range(len(terms))
    found: list[tuple[Row, Positions]] = []
    for row in rows:
        at: set[int] = set()
        for cell in row.key or row.cells[:1]:
            name = _value(cell)
            codes = [term for term in name if term.is_number and not term.amount]
            places = _places(name, terms, every)
            at |= places or (_places(codes, terms, every) if codes else frozenset())
        if at:
            found.append((row, frozenset(at)))
    return [(row, at) for row, at in found if not any(at < other for _, other in found)]


def _places(wanted: Sequence[Term], terms: Sequence[Term], free: Collection[int]) -> Positions:
    """The positions of all wanted terms; empty when one is missing."""
    found = [[place for place in free if each.says(terms[place])] for each in wanted]
    return frozenset(chain(*found)) if all(found) else frozenset()


def _value(cell: Cell) -> Sequence[Term]:
    terms = _terms(with_unit(cell))
    return [term for term in terms if term.is_content or term.is_negation] or terms


def _answer(cell: Cell | None) -> str:
    """`yes` or `no` for a cell that says no more than that."""
    word = cell.value.strip(" .").casefold() if cell else ""
    return "yes" if word in _YES else "no" if word in _NO else ""


def _terms(text: str) -> tuple[Term, ...]:
    amounts = amounts_in(text)
    inside = {place for each in amounts for place in range(each.start, each.end)}
    words = [
        (token.start, Term(token.key, token.raw, token.is_content, token.is_negation))
        for token in tokenize(text)
        if token.start not in inside and token.kind != "mark"
    ]
    numbers = [(a.start, Term("#", text[a.start : a.end], amount=a)) for a in amounts]
    return tuple(term for _, term in sorted(words + numbers, key=lambda found: found[0]))
