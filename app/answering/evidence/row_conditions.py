"""What a question says of the rows that it asks for: the values that they must have."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from app.answering.evidence.cell_values import comparable, is_no, is_yes, number_of
from app.answering.evidence.row_tables import PlacedRow, Table, words
from app.answering.question.proper_names import is_like
from app.answering.question.specifics import identifiers, ordinal_of, read_specifics
from app.answering.question.vocabulary import CARDINALS
from app.answering.verify.rows import Cell, is_bare_number
from language.text import content_stems

_BOUND: Final = re.compile(
    r"\b(?P<low>more than|over|above|at least|mehr als|\u00fcber|mindestens|plus de|au moins"
    r"|exceeding|greater than)\s|\b(?P<high>less than|fewer than|under|below|at most|up to|unter"
    r"|weniger als|h\u00f6chstens|moins de|au plus)\s",
    re.IGNORECASE,
)
_INCLUSIVE: Final = frozenset(
    {"at least", "at most", "up to", "mindestens", "h\u00f6chstens", "au moins", "au plus"}
)
_AMOUNT: Final = re.compile(r"\D{0,6}(\d[\d.,']{0,20})")
_NEGATION: Final = re.compile(
    r"\b(?:not?(?!\.)|none|never|neither|nor|nobody|cannot|\w{2,6}n['\u2019]t|without|lack(?:s|ing)?"
    r"|except|excluding|besides|(?:other|rather) than|apart from|instead of"
    r"|ohne|kein(?:e[mnrs]?)?|nicht|nie|niemand|au\u00dfer|sans|pas|jamais|aucune?|sauf|hors)\b",
    re.IGNORECASE,
)
_OR: Final = re.compile(r"\b(?:or|oder|ou)\b", re.IGNORECASE)
_NEGATED_WORDS: Final = 4
"""After a negation, among which what it denies stands: "don't have a tow bar"."""

Relation = Literal["is", "holds", "identifies", "above", "below", "yes", "no"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a cell of the column must be; of any column where it is empty."""

    column: str
    relation: Relation
    stems: frozenset[str] = frozenset()
    bound: Decimal = Decimal(0)
    is_inclusive: bool = False
    identifier: str = ""

    def holds_for(self, placed: PlacedRow) -> bool:
        """True when the row has such a cell; for words, when they stand anywhere in or above it."""
        if self.relation == "holds" and not self.column:
            return self.stems <= _row_stems(placed)
        return any(
            self._holds(cell)
            for cell in placed.row.cells
            if not self.column or cell.column == self.column
        )

    def _holds(self, cell: Cell) -> bool:
        match self.relation:
            case "yes":
                return is_yes(cell.value)
            case "no":
                return is_no(cell.value)
            case "holds":
                return self.stems <= _stems(cell)
            case "identifies":
                return self.identifier in _identifiers(cell)
            case "is" | "above" | "below":
                value = comparable(cell)
                return value is not None and self._compares(value.amount)

    def _compares(self, amount: Decimal) -> bool:
        if self.relation == "is" or (self.is_inclusive and amount == self.bound):
            return amount == self.bound
        return amount > self.bound if self.relation == "above" else amount < self.bound


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """All of them must hold; `stems` are the question's words that they explain."""

    all_of: tuple[Condition, ...]
    stems: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """True when every row will do."""
        return not self.all_of

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are looked at."""
        return frozenset(each.column for each in self.all_of if each.column)

    def hold_for(self, placed: PlacedRow) -> bool:
        """True when the row meets each."""
        return all(each.holds_for(placed) for each in self.all_of)


def without_bounds(question: str) -> str:
    """The question without bounds such as "more than 300", which no row need say."""
    spans = [
        (match.start(), amount.end())
        for match in _BOUND.finditer(question)
        if (amount := _AMOUNT.match(question, match.end()))
    ]
    for start, end in reversed(spans):
        question = f"{question[:start]}{question[end:]}"
    return question


def conditions_of(question: str, table: Table, *, taken: Collection[str]) -> Conditions | None:
    """What the rows must have; None when the question bounds a number of no one column.

    None also when it denies something but a column of yes and no, asks for rows of which one or the
    other holds, or says a number that nothing here reads.

    `taken`: words of the question that are read already.
    """
    bounds = list(_bounds(question, table))
    if None in bounds:
        return None
    found = [each for each in bounds if each is not None]
    found += _numbered(question, table)
    found += _identified(question, table)
    known = {stem for each in found for stem in each.stems}
    asked = " ".join(word for word in words(question) if word not in taken)
    found += _held(content_stems(asked), table, known)
    flags = list(_flags(question, table))
    if sum(each.relation == "no" for each in flags) < len(_NEGATION.findall(question)):
        return None
    found += flags
    stems = frozenset(stem for each in found for stem in each.stems)
    stems |= frozenset(stem for each in found for stem in content_stems(each.column))
    if len(found) > 1 and _OR.search(question):
        return None
    above = table.column_stems | frozenset(content_stems(table.names))
    if any(any(map(str.isdigit, stem)) for stem in set(content_stems(asked)) - stems - above):
        return None
    return Conditions(all_of=tuple(found), stems=stems)


def _bounds(question: str, table: Table) -> Iterator[Condition | None]:
    """Bounds such as "more than 300 km", of the one column that the unit or the words name."""
    for match in _BOUND.finditer(question):
        amount = _AMOUNT.match(question, match.end())
        if amount is None:
            continue
        cell = _bounded_cell(question, question[amount.start() : amount.end() + 20], table)
        bound = None if cell is None else _in_unit_of(cell, amount[1], question[amount.end() :])
        if cell is None or bound is None:
            yield None
            continue
        phrase = (match["low"] or match["high"]).casefold()
        yield Condition(
            column=cell.column,
            relation="above" if match["low"] else "below",
            stems=frozenset(content_stems(question[match.start() : amount.end()])),
            bound=bound,
            is_inclusive=phrase in _INCLUSIVE,
        )


def _bounded_cell(question: str, around: str, table: Table) -> Cell | None:
    near = frozenset(words(around))
    asked = frozenset(content_stems(question))
    row = table.rows[0].row
    numeric = [cell for cell in row.cells if cell not in row.key and comparable(cell) is not None]
    by_unit = [c for c in numeric if near & frozenset(words(f"{c.unit} {c.column}"))]
    by_name = [c for c in numeric if frozenset(content_stems(c.column)) & asked]
    for found in (by_unit, by_name, numeric):
        if len(found) == 1:
            return found[0]
        both = [cell for cell in found if cell in by_name]
        if len(both) == 1:
            return both[0]
        if found:
            return None
    return None


def _in_unit_of(cell: Cell, number: str, rest: str) -> Decimal | None:
    """The number as the column's cells are compared: in the unit that follows it, else theirs."""
    following = rest.split(maxsplit=1)[:1]
    own = comparable(cell)
    for unit in (" ".join(words(" ".join(following))), cell.unit):
        value = comparable(replace(cell, value=f"{number} {unit}".strip(), unit=""))
        if value is not None and own is not None and value.unit == own.unit:
            return value.amount
    return number_of(number) if own is not None and not cell.unit else None


def _numbered(question: str, table: Table) -> Iterator[Condition]:
    """Numbers beside the name of a column: "second floor", "floor 2"."""
    runs = read_specifics(question).runs
    columns = {
        stem: cell.column
        for cell in table.rows[0].row.cells
        if cell not in table.rows[0].row.key and comparable(cell) is not None
        for stem in content_stems(cell.column)
    }
    for place, run in enumerate(runs):
        spoken = CARDINALS.get(run.folded)
        number = ordinal_of(run) or (str(spoken) if spoken is not None else None)
        number = number or (run.text if run.text.isdecimal() else None)
        if number is None or number in table.column_stems:
            continue
        for other in (place - 1, place + 1):
            beside = content_stems(runs[other].text) if 0 <= other < len(runs) else []
            column = columns.get(beside[0]) if beside else None
            if column is not None:
                yield Condition(
                    column=column,
                    relation="is",
                    stems=frozenset([*content_stems(run.text), *beside]),
                    bound=Decimal(number),
                )
                break


def _identified(question: str, table: Table) -> Iterator[Condition]:
    """Identifiers such as TQ-60, which is not TQ-60/p."""
    for identifier in identifiers(question):
        if any(identifier in _identifiers(cell) for p in table.rows for cell in p.row.cells):
            yield Condition(
                column="",
                relation="identifies",
                stems=frozenset(content_stems(identifier)),
                identifier=identifier,
            )


def _held(stems: Sequence[str], table: Table, known: set[str]) -> Iterator[Condition]:
    """Words of the question that some rows hold and others do not: in one column, else in any.

    Words that name a column, or stand above all rows, are no such values.
    """
    names = table.column_stems | table.shared_name_stems
    by_row = [_row_stems(placed) for placed in table.rows]
    by_column: dict[str, set[str]] = {}
    for stem in dict.fromkeys(stems):
        is_name = stem in names or (
            not stem.isdigit() and any(is_like(stem, each) for each in names)
        )
        held = [stem in each for each in by_row]
        if stem in known or is_name or all(held) or not any(held):
            continue
        columns = {
            cell.column
            for placed in table.rows
            for cell in placed.row.cells
            if stem in _stems(cell)
        }
        column = next(iter(columns)) if len(columns) == 1 else ""
        by_column.setdefault(column, set()).add(stem)
    for column, together in by_column.items():
        yield Condition(column=column, relation="holds", stems=frozenset(together))


def _flags(question: str, table: Table) -> Iterator[Condition]:
    """Columns of yes and no that the question names."""
    asked = frozenset(content_stems(question))
    denied = [
        frozenset(content_stems(" ".join(words(question[match.end() :])[:_NEGATED_WORDS])))
        for match in _NEGATION.finditer(question)
    ]
    for cell in table.rows[0].row.cells:
        stems = frozenset(content_stems(cell.column))
        values = [
            other.value
            for placed in table.rows
            for other in placed.row.cells
            if other.index == cell.index
        ]
        if stems and stems <= asked and all(is_yes(value) or is_no(value) for value in values):
            relation: Relation = "no" if any(stems <= each for each in denied) else "yes"
            yield Condition(column=cell.column, relation=relation, stems=stems)


def _row_stems(placed: PlacedRow) -> frozenset[str]:
    stems = frozenset(stem for cell in placed.row.cells for stem in _stems(cell))
    return stems | frozenset(content_stems(placed.names))


@lru_cache(maxsize=4096)
def _identifiers(cell: Cell) -> frozenset[str]:
    return frozenset(identifiers(cell.value))


@lru_cache(maxsize=4096)
def _stems(cell: Cell) -> frozenset[str]:
    """Of a cell that holds words; a bare number is compared, not read."""
    is_said = not is_bare_number(cell.value)
    return frozenset(content_stems(cell.value)) if is_said else frozenset()
