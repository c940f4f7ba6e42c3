"""Checks a claim in other words against the table row that it is about.

The rule is strict, since a claim that fails it is shown as the row itself. The claim names one row
by its key and states the value of every column that it names. Every number in it is the
value of a column that it names, or the only one of its row in that unit.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from app.answering.claims import Reason
from app.answering.verify.rows import Cell, Row, with_unit
from language.reading import read_sentence
from language.text import word_set
from language.tokens import tokenize
from language.units import Amount, amounts_in, split_header

_MAX_CLAIM_CHARS: Final = 2_000
"""A longer claim is about no single row."""
_MAX_ROWS: Final = 300
_TWO_NAMES: Final = 2
"""A claim without a value but with two names of the row says which belongs to which."""
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
    """The faults where the claim states its row wrongly or not plainly enough; () when it is right.

    `rows` are those that the claim rests on; of several it has to name one, and no other.
    """
    if not rows:
        return ()
    terms = _terms(claim[:_MAX_CLAIM_CHARS])
    named = _rows_named(terms, rows[:_MAX_ROWS])
    if len(named) != 1 or len(claim) > _MAX_CLAIM_CHARS:
        return (Reason(code="name_moved"),)
    row, key = named[0]
    faults = (*_row_faults(terms, row, key), *_bounds_added(claim, row))
    return tuple(dict.fromkeys(faults))


def _row_faults(terms: Sequence[Term], row: Row, key: Positions) -> Iterator[Reason]:
    """Everything that is wrong with a claim that names the row at the positions `key`."""
    cells = {cell.index: cell for cell in row.cells}
    key_columns = frozenset(cell.index for cell in row.key)
    columns = _columns_named(terms, row, key)
    # The positions of each value that is stated whole; a year in a header is no value.
    headers = {i for places in columns.values() for i in places if terms[i].is_number}
    values: dict[int, Positions] = {}
    for index, cell in cells.items():
        taken = headers if index in key_columns else headers | key
        free = [place for place in range(len(terms)) if place not in taken]
        places = _places(_value(cell), terms, free)
        if places and not _answer(cell):
            values[index] = places

    # A value needs its column's name, unless no other value of the row is of its kind: in
    # its unit, a bare number, or words.
    answers = {i: answer for i in columns if (answer := _answer(cells.get(i)))}
    stated = columns.keys() & values.keys()
    if columns.keys() - key_columns <= stated:
        kinds = {
            i: next((amount.kind or "number" for amount in amounts_in(with_unit(cell))), "words")
            for i, cell in cells.items()
            if i not in key_columns
        }
        count_by_kind = Counter(kinds.values())
        stated |= {
            index
            for index in values.keys() & kinds.keys()
            if count_by_kind[kinds[index]] == 1
            and all(a.kind == kinds[index] for i in values[index] if (a := terms[i].amount))
        }
    known = key.union(*columns.values(), *(values[index] for index in stated))
    strange = {i for i, places in values.items() if not places <= known}
    for index in strange | columns.keys() - stated - answers.keys():
        is_number = index in cells and bool(amounts_in(cells[index].value))
        yield Reason(code="number_moved" if is_number else "name_moved", detail=row.columns[index])
    names = values.keys() & key_columns
    if stated | answers.keys() <= key_columns and len(names) < _TWO_NAMES:
        yield Reason(code="name_moved")
    strangers = [term for place, term in enumerate(terms) if place not in known]
    yield from (
        Reason(code="number_moved", detail=term.text) for term in strangers if term.is_number
    )
    yield from _wrong_answers(answers, row, [term for term in strangers if term.is_negation])
    in_order = columns.keys() & stated - key_columns
    if _ordered(in_order, columns) != _ordered(in_order, values):
        yield Reason(code="number_moved")


def _wrong_answers(
    answers: Mapping[int, str], row: Row, negations: Sequence[Term]
) -> Iterator[Reason]:
    """A yes-or-no column is negated where the cell says no, and nothing else is."""
    if not negations:
        for index, answer in answers.items():
            if answer == "no":
                yield Reason(code="negation_dropped", detail=row.columns[index])
    elif "no" not in answers.values():
        yield Reason(code="negation_added", detail=negations[0].text)


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


def _columns_named(terms: Sequence[Term], row: Row, key: Positions) -> Mapping[int, Positions]:
    """The columns that are named: words are there of which no other header has as many.

    Any word of a header is enough; of one such as `For whom` all have to be there.
    """
    free = [place for place in range(len(terms)) if place not in key]
    found: dict[int, Positions] = {}
    for index, header in enumerate(row.columns):
        words = _terms(split_header(header)[0])
        content = [word for word in words if word.is_content]
        groups: list[Sequence[Term]] = [[word] for word in content] if content else [words]
        found[index] = frozenset(chain(*(_places(each, terms, free) for each in groups)))
    return {
        index: places
        for index, places in found.items()
        if places and not any(places <= found[each] for each in found if each != index)
    }


def _ordered(columns: Collection[int], places: Mapping[int, Positions]) -> list[int]:
    """The columns by the first place where only they are named or stated."""
    others = {i: frozenset().union(*(places[o] for o in columns if o != i)) for i in columns}
    return sorted(columns, key=lambda index: min(places[index] - others[index] or places[index]))


def _rows_named(terms: Sequence[Term], rows: Sequence[Row]) -> list[tuple[Row, Positions]]:
    """The rows of which a name, or the code in it, is there as a whole, and where it stands.

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
