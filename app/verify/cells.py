"""Checks a claim in other words against the rows of a table, cell by cell.

which rows the claim names -> which columns -> its values -> is each in its row and its column?
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final

from app.claims import Reason, ReasonCode
from app.verify.claim_terms import Term, content_keys, terms_of
from app.verify.grid import (
    Grid,
    Place,
    Value,
    answer_of,
    column_mentions,
    grid_of,
    kept_words,
    named_rows,
    places_of,
    values_in,
)
from app.verify.mentions import Event, Named, labels_of
from app.verify.quantities import Reading
from app.verify.rows import Cell, Row

_MAX_CLAIM_CHARS: Final = 2_000
_MAX_ROWS: Final = 300
_MAX_VALUES: Final = 60
"""No sentence for a reader tells as many; one that does is not shown."""
_TIMES: Final = frozenset({"date", "year"})
_BARE: Final = frozenset({"", "year"})
"""A year may be a number of pieces, too."""

Judgement = tuple[int, Reason | None]
"""Where a value stands among the terms, and what is wrong with it."""


def cell_faults(claim: str, rows: Sequence[Row]) -> tuple[Reason, ...]:
    """The values that the claim gives to a row or a column that is not theirs; () when fine.

    What the claim says of anything but these rows is no fault. A number must be told with words of
    its column's header, or in a unit that no other column of its row has. Give all rows of the
    passage: that a value is another row's shows only when that row is there.
    """
    rows = rows[:_MAX_ROWS]
    terms = terms_of(claim[:_MAX_CLAIM_CHARS], kept_words(rows))
    faults: dict[int, Reason] = {}
    right: set[int] = set()
    for _, table in groupby(rows, key=lambda row: row.table):
        for position, fault in _judged(claim, terms, grid_of(tuple(table))):
            if fault is None:
                right.add(position)
            else:
                faults.setdefault(position, fault)
    return tuple(fault for position, fault in sorted(faults.items()) if position not in right)


def _judged(claim: str, terms: Sequence[Term], grid: Grid) -> Iterator[Judgement]:
    named = named_rows(terms, grid)
    rows = frozenset(named) or frozenset({0} if len(grid.rows) == 1 else ())
    if not rows:
        return
    taken = _rows_by_position(named)
    mentions = column_mentions(terms, grid, rows, taken)
    values = values_in(claim, terms, grid, {*taken, *mentions})
    terms = _undivided(terms, named, values)
    columns_at = labels_of(_events(terms, mentions, values), is_inherited=False)
    rows_at = labels_of(_events(terms, taken, values), is_inherited=True)
    if len(values) > _MAX_VALUES:
        yield max(values), Reason(code="number_moved")
        return
    bare = [value for position, value in values.items() if position not in columns_at]
    keys = [term.key for term in terms]
    for position, value in values.items():
        where = rows_at.get(position, rows)
        columns = columns_at.get(position, frozenset())
        if value.reading is None:
            said = frozenset(keys[:position] + keys[value.last + 1 :])
            is_right = _is_text_right(value, where, columns, said, grid)
            fault = Reason(code="name_moved", detail=value.text)
        else:
            is_right = _is_number_right(value.reading, where, columns, bare, grid)
            fault = Reason(code="number_moved", detail=value.text)
        if is_right is not None:
            yield position, None if is_right else fault
    yield from _answers(terms, mentions, taken, grid)


def _rows_by_position(named: Mapping[int, frozenset[int]]) -> dict[int, Named]:
    rows: defaultdict[int, set[int]] = defaultdict(set)
    for row, positions in named.items():
        for position in positions:
            rows[position].add(row)
    return {position: frozenset(there) for position, there in rows.items()}


def _undivided(
    terms: Sequence[Term], named: Mapping[int, frozenset[int]], values: Mapping[int, Value]
) -> list[Term]:
    """The terms without dividers inside of a name or of the words of a cell: "Kelder, hall 1"."""
    inside: set[int] = set()
    for start, value in values.items():
        inside.update(range(start, value.last))
    for positions in named.values():
        for first, second in pairwise(sorted(positions)):
            if all(term.is_divider for term in terms[first + 1 : second]):
                inside.update(range(first + 1, second))
    return [
        term._replace(is_divider=False) if position in inside else term
        for position, term in enumerate(terms)
    ]


def _events(
    terms: Sequence[Term], mentions: Mapping[int, Named], values: Mapping[int, Value]
) -> list[Event]:
    events: list[Event] = []
    for position, term in enumerate(terms):
        if term.is_divider:
            events.append(Event(kind="divider", position=position))
        elif position in values:
            events.append(Event(kind="value", position=position))
        elif position in mentions:
            events.append(Event(kind="mention", position=position, named=mentions[position]))
    return events


# --- Numbers -------------------------------------------------------------------------------------


def _is_number_right(
    claimed: Reading, where: Named, columns: Named, bare: Sequence[Value], grid: Grid
) -> bool | None:
    """Whether a cell of these rows and columns says the number; None when it is of something else.

    `columns` are those that the claim names for it, and `bare` the values it names none for.
    """
    places = places_of(claimed, grid)
    possible = _possible(claimed, where, grid)
    right = {column for _, column in possible & places}
    if columns:
        named = {place for place in places if place[0] in where and place[1] in columns}
        # With the name of its column a number needs no unit.
        if named and (claimed.dimension in _BARE or named & possible):
            return True
        is_about_it = bool(right) or _could_be_in(claimed, where, columns, grid)
    elif right:
        return {column for _, column in possible} == right or _tells_all(
            claimed, bare, possible, grid
        )
    else:
        is_about_it = False
    in_question = columns or {column for _, column in possible}
    is_about_it = is_about_it or any(column in in_question for _, column in places)
    return False if is_about_it or _has_its_digits(claimed, where, columns, grid) else None


def _possible(claimed: Reading, where: Named, grid: Grid) -> frozenset[Place]:
    """The cells that hold something of the same kind; else those that it could be said of."""
    kind = claimed.dimension
    same = _of_kinds({kind}, where, grid)
    if kind in _BARE - {""} or kind in {"date", "percent"} or (kind and same):
        return same
    if kind:
        return _of_kinds({""}, where, grid)
    return _of_kinds(_BARE, where, grid) or _of_kinds(grid.kinds.keys() - {"date"}, where, grid)


def _of_kinds(kinds: Collection[str], where: Named, grid: Grid) -> frozenset[Place]:
    return frozenset(p for kind in kinds for p in grid.kinds.get(kind, ()) if p[0] in where)


def _could_be_in(claimed: Reading, where: Named, columns: Named, grid: Grid) -> bool:
    """True when the columns hold a number that the claim can be about; a year says when."""
    if claimed.dimension == "year":
        return False
    kinds = {claimed.dimension} if claimed.dimension else grid.kinds.keys() - {"date", "year"}
    return any(column in columns for _, column in _of_kinds(kinds, where, grid))


def _tells_all(
    claimed: Reading, bare: Sequence[Value], possible: frozenset[Place], grid: Grid
) -> bool:
    """True for all numbers of a kind in the row's order: "between EUR 31,200 and EUR 36,400"."""
    told = [v.reading for v in bare if v.reading and v.reading.dimension == claimed.dimension]
    held = sorted(possible)
    return len(told) == len(held) > 1 and all(
        place in places_of(reading, grid) for reading, place in zip(told, held, strict=True)
    )


def _has_its_digits(claimed: Reading, where: Named, columns: Named, grid: Grid) -> bool:
    """True when a cell has the same number in another unit: 2 days for 2 weeks."""
    if claimed.dimension in _TIMES or (not claimed.dimension and not columns):
        return False
    return any(
        row in where and reading.number == claimed.number and reading.dimension not in _TIMES
        for (row, _), reading in grid.numbers.get(claimed.number, ())
    )


# --- Words ---------------------------------------------------------------------------------------


def _is_text_right(
    value: Value, where: Named, columns: Named, said: frozenset[str], grid: Grid
) -> bool | None:
    """Whether the words stand in these rows, under no other column than the claim names."""
    own = {column for row, column in value.origins if row in where}
    if own:
        if not columns or own & columns:
            return True
        # The value of the column that is named should be told, and is not.
        named = [cell for cell in _cells_of(where, columns, grid) if content_keys(cell.value)]
        return None if any(said.issuperset(content_keys(c.value)) for c in named) else False
    held = {key for row in where for c in grid.rows[row].cells for key in content_keys(c.value)}
    if held.issuperset(value.keys):
        return None
    theirs = frozenset(column for _, column in value.origins)
    instead = _cells_of(where, theirs, grid)
    is_told = any(said.issuperset(content_keys(cell.value)) for cell in instead)
    return None if is_told else False


def _cells_of(where: Named, columns: Named, grid: Grid) -> list[Cell]:
    return [cell for row in where for cell in grid.rows[row].cells if cell.index in columns]


# --- Yes and no ----------------------------------------------------------------------------------


def _answers(
    terms: Sequence[Term], mentions: Mapping[int, Named], rows_at: Mapping[int, Named], grid: Grid
) -> Iterator[Judgement]:
    """Statements about a yes-or-no column: negated where the cell says no, and only there."""
    row: Named = frozenset()
    for clause in _clauses(terms):
        row = next((rows_at[position] for position in clause if position in rows_at), row)
        named = [(position, mentions[position]) for position in clause if position in mentions]
        if len(row) != 1 or len({columns for _, columns in named}) != 1:
            continue
        position, columns = named[0]
        answers = [answer_of(cell) for cell in _cells_of(row, columns, grid)]
        is_negated = any(terms[place].is_negation for place in clause)
        if len(answers) != 1 or answers[0] is None:
            continue
        code: ReasonCode = "negation_added" if is_negated else "negation_dropped"
        fault = Reason(code=code, detail=terms[position].key)
        yield position, None if answers[0] is not is_negated else fault


def _clauses(terms: Sequence[Term]) -> Iterator[list[int]]:
    clause: list[int] = []
    for position, term in enumerate(terms):
        if term.is_divider:
            yield clause
            clause = []
        else:
            clause.append(position)
    yield clause
