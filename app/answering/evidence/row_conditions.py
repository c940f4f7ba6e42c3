"""The conditions that a question sets for the rows that it asks for."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal, assert_never

from app.answering.evidence.cell_values import comparable, number_of, yes_or_no
from app.answering.evidence.row_names import TableQuestion, folded_words, is_among
from app.answering.evidence.row_tables import PlacedRow, Table
from app.answering.question.specifics import identifiers, read_specifics
from app.answering.question.vocabulary import CARDINALS, ORDINALS
from app.answering.verify.rows import Cell, is_bare_number
from language.remembered import remembered
from language.stems import content_stems

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
"""Words after a negation in which the denied column is looked for: "don't have a tow bar"."""

Relation = Literal["is", "holds", "identifies", "above", "below", "yes", "no"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition on a cell of the column; an empty column means any.

    `stems` are the words of the question that it is read from.
    """

    column: str
    relation: Relation
    stems: frozenset[str] = frozenset()
    bound: Decimal = Decimal(0)
    is_inclusive: bool = False
    identifier: str = ""

    def is_met_by(self, placed: PlacedRow) -> bool:
        """True when the row has such a cell; of no column, when its words are in or above it."""
        if self.relation == "holds" and not self.column:
            return self.stems <= _row_stems(placed)
        cells = placed.row.cells
        return any(self._is_met_in(cell) for cell in cells if self.column in {"", cell.column})

    def _is_met_in(self, cell: Cell) -> bool:
        match self.relation:
            case "yes" | "no":
                return yes_or_no(cell.value) == (self.relation == "yes")
            case "holds":
                return self.stems <= _word_stems(cell)
            case "identifies":
                return self.identifier in _identifiers(cell)
            case "is" | "above" | "below":
                value = comparable(cell)
                if value is None:
                    return False
                if self.relation == "is" or (self.is_inclusive and value.amount == self.bound):
                    return value.amount == self.bound
                is_above = value.amount > self.bound
                return is_above if self.relation == "above" else value.amount < self.bound
            case _:
                assert_never(self.relation)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """All of them must be met; `stems` are the words of the question that they are read from."""

    all_of: tuple[Condition, ...]
    stems: frozenset[str]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are compared."""
        return frozenset(each.column for each in self.all_of if each.column)

    def are_met_by(self, placed: PlacedRow) -> bool:
        """True when the row meets each of them."""
        return all(each.is_met_by(placed) for each in self.all_of)


def conditions_of(
    question: TableQuestion, table: Table, *, read: Collection[str]
) -> Conditions | None:
    """The conditions for the rows that the question asks for; None when they are not certain.

    It is uncertain when a bound fits no column or several, when something other than a column of
    yes and no is denied, when one condition or the other will do, and when a number is left over.

    `read`: words of the question that have their meaning already.
    """
    bounds = list(_bounds(question, table))
    if None in bounds:
        return None
    found = [each for each in bounds if each is not None]
    found += _numbered(question, table)
    found += [
        Condition(
            column="",
            relation="identifies",
            stems=frozenset(content_stems(identifier)),
            identifier=identifier,
        )
        # TQ-60 is not TQ-60/p.
        for identifier in identifiers(question.text)
        if any(identifier in _identifiers(cell) for each in table.rows for cell in each.row.cells)
    ]
    unread = content_stems(" ".join(word for word in question.words if word not in read))
    found += _held(unread, table, known={stem for each in found for stem in each.stems})
    flags = list(_flags(question, table))
    if sum(each.relation == "no" for each in flags) < len(_NEGATION.findall(question.text)):
        return None
    found += flags
    if len(found) > 1 and _OR.search(question.text):
        return None
    stems = frozenset(stem for each in found for stem in each.stems)
    stems |= frozenset(stem for each in found for stem in content_stems(each.column))
    known = stems | table.column_stems | frozenset(content_stems(table.names))
    if any(any(map(str.isdigit, stem)) for stem in set(unread) - known):
        return None
    return Conditions(all_of=tuple(found), stems=stems)


# --- Numbers -------------------------------------------------------------------------------------


def without_bounds(text: str) -> str:
    """The question without bounds such as "more than 300", which no row has in these words."""
    spans = [
        (match.start(), amount.end())
        for match in _BOUND.finditer(text)
        if (amount := _AMOUNT.match(text, match.end()))
    ]
    for start, end in reversed(spans):
        text = f"{text[:start]}{text[end:]}"
    return text


def _bounds(question: TableQuestion, table: Table) -> Iterator[Condition | None]:
    """Bounds such as "more than 300 km"; None for one that fits no column, or several."""
    text, row = question.text, table.rows[0].row
    numeric = [cell for cell in row.cells if cell not in row.key and comparable(cell) is not None]
    by_name = [c for c in numeric if question.stems & frozenset(content_stems(c.column))]
    for match in _BOUND.finditer(text):
        amount = _AMOUNT.match(text, match.end())
        if amount is None:
            continue
        near = frozenset(folded_words(text[amount.start() : amount.end() + 20]))
        # The one column that the unit beside the number, or a word of the question, names.
        by_unit = [c for c in numeric if near & frozenset(folded_words(f"{c.unit} {c.column}"))]
        found = by_unit or by_name or numeric
        if len(found) > 1:
            found = [each for each in found if each in by_name]
        cell = found[0] if len(found) == 1 else None
        bound = None if cell is None else _bound_in_unit(cell, amount[1], text[amount.end() :])
        if cell is None or bound is None:
            yield None
            continue
        phrase = (match["low"] or match["high"]).casefold()
        yield Condition(
            column=cell.column,
            relation="above" if match["low"] else "below",
            stems=frozenset(content_stems(text[match.start() : amount.end()])),
            bound=bound,
            is_inclusive=phrase in _INCLUSIVE,
        )


def _bound_in_unit(cell: Cell, number: str, rest: str) -> Decimal | None:
    """The number as the column's values are compared, in the unit that follows it, else in theirs.

    `rest`: the question behind the number.
    """
    value = comparable(cell)
    if value is None:
        return None
    following = " ".join(folded_words(" ".join(rest.split(maxsplit=1)[:1])))
    for unit in (following, cell.unit):
        bound = comparable(replace(cell, value=f"{number} {unit}".strip(), unit=""))
        if bound is not None and bound.unit == value.unit:
            return bound.amount
    return None if cell.unit else number_of(number)


def _numbered(question: TableQuestion, table: Table) -> Iterator[Condition]:
    """Numbers beside the name of a column: "second floor", "floor 2"."""
    runs = read_specifics(question.text).runs
    row = table.rows[0].row
    column_by_stem = {
        stem: cell.column
        for cell in row.cells
        if cell not in row.key and comparable(cell) is not None
        for stem in content_stems(cell.column)
    }
    for place, run in enumerate(runs):
        named = ORDINALS.get(run.folded, CARDINALS.get(run.folded))
        number = run.text if run.text.isdecimal() else None if named is None else str(named)
        if number is None or number in table.column_stems:
            continue
        for other in (place - 1, place + 1):
            beside = content_stems(runs[other].text) if 0 <= other < len(runs) else []
            column = column_by_stem.get(beside[0]) if beside else None
            if column is not None:
                yield Condition(
                    column=column,
                    relation="is",
                    stems=frozenset([*content_stems(run.text), *beside]),
                    bound=Decimal(number),
                )
                break


# --- Words ---------------------------------------------------------------------------------------


def _held(stems: Sequence[str], table: Table, *, known: Collection[str]) -> Iterator[Condition]:
    """Words of the question that some rows have and others do not: in one column, else in any.

    Words that name a column, or are above all rows, are no such values.
    """
    names = table.column_stems | table.shared_name_stems
    stems_by_row = [_row_stems(placed) for placed in table.rows]
    stems_by_column: dict[str, set[str]] = {}
    for stem in dict.fromkeys(stems):
        rows = sum(stem in each for each in stems_by_row)
        if stem in known or is_among(stem, names) or rows in {0, len(table.rows)}:
            continue
        columns = {
            cell.column
            for placed in table.rows
            for cell in placed.row.cells
            if stem in _word_stems(cell)
        }
        column = columns.pop() if len(columns) == 1 else ""
        stems_by_column.setdefault(column, set()).add(stem)
    for column, together in stems_by_column.items():
        yield Condition(column=column, relation="holds", stems=frozenset(together))


def _flags(question: TableQuestion, table: Table) -> Iterator[Condition]:
    """Columns of yes and no that the question names."""
    denied = [
        frozenset(
            content_stems(" ".join(folded_words(question.text[match.end() :])[:_NEGATED_WORDS]))
        )
        for match in _NEGATION.finditer(question.text)
    ]
    for cell in table.rows[0].row.cells:
        stems = frozenset(content_stems(cell.column))
        if not stems or not stems <= question.stems:
            continue
        values = [
            other.value
            for placed in table.rows
            for other in placed.row.cells
            if other.index == cell.index
        ]
        if all(yes_or_no(value) is not None for value in values):
            relation: Relation = "no" if any(stems <= each for each in denied) else "yes"
            yield Condition(column=cell.column, relation=relation, stems=stems)


def _row_stems(placed: PlacedRow) -> frozenset[str]:
    """The stems of the words in the row and above its table."""
    stems = frozenset(stem for cell in placed.row.cells for stem in _word_stems(cell))
    return stems | frozenset(content_stems(placed.names))


@remembered(4096)
def _word_stems(cell: Cell) -> frozenset[str]:
    """The stems of the cell's words; none of a bare number, which is compared instead."""
    return frozenset(() if is_bare_number(cell.value) else content_stems(cell.value))


@remembered(4096)
def _identifiers(cell: Cell) -> frozenset[str]:
    return frozenset(identifiers(cell.value))
