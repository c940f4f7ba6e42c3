"""The rows of one table as a claim may speak of them: by their names, their columns, their cells.

Everything is found by terms; the time is that of reading the rows once and the claim once.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Final

from app.verify.claim_terms import Term, content_keys
from app.verify.mentions import Named
from app.verify.quantities import Reading, agree, read_quantities
from app.verify.rows import Cell, Row
from app.verify.units import split_header
from kb.text import fold, stem, word_set

_MAX_VALUE_TERMS: Final = 8
"""A longer cell is prose: hardly a claim repeats it word by word."""
_MAX_NUMBERS: Final = 2
_PARTLY_NAMED: Final = 0.5
_YES: Final = word_set("yes y true x \u2713 \u2714 \u2714\ufe0f \u2705 ja oui s\u00ed si")
_NO: Final = word_set("no n false none \u2717 \u2718 \u274c nein kein keine non - \u2013 \u2014")

Keys = tuple[str, ...]
Place = tuple[int, int]
"""Row and column."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The rows of one table, with what leads to them.

    `names` are the terms of each key cell of each row, `key_columns` those of the header above
    them, `columns` those of the rest of it, `dated_columns` its years and dates. `texts` are the
    cells of words by their first term, longest first, and `origins` where each of them stands.
    `numbers` are the numbers of the cells that name no row, by value and as they are written, and
    `kinds` where those of a dimension are.
    """

    rows: tuple[Row, ...]
    names: tuple[tuple[Keys, ...], ...]
    key_columns: frozenset[str]
    columns: Mapping[str, Named]
    dated_columns: tuple[tuple[int, Reading], ...]
    texts: Mapping[str, tuple[Keys, ...]]
    origins: Mapping[Keys, frozenset[Place]]
    numbers: Mapping[Decimal, tuple[tuple[Place, Reading], ...]]
    kinds: Mapping[str, frozenset[Place]]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A number, or the whole text of a cell, in a claim; `origins` are the cells of a text.

    `last` is the position of its last term.
    """

    text: str
    last: int
    reading: Reading | None
    keys: Keys
    origins: frozenset[Place] = frozenset()


@lru_cache(maxsize=64)
def grid_of(rows: tuple[Row, ...]) -> Grid:
    """The grid of the rows of one table."""
    columns, dated = _header(rows)
    origins: defaultdict[Keys, set[Place]] = defaultdict(set)
    numbers: defaultdict[Decimal, list[tuple[Place, Reading]]] = defaultdict(list)
    kinds: defaultdict[str, set[Place]] = defaultdict(set)
    for number, row in enumerate(rows):
        for cell in row.cells:
            place = (number, cell.index)
            if cell in row.key:
                continue
            if keys := _text_keys(cell):
                origins[keys].add(place)
            for reading in read_quantities(cell.value, cell.unit):
                kinds[reading.dimension].add(place)
                for hint in {reading.value, reading.number}:
                    numbers[hint].append((place, reading))
    texts: defaultdict[str, list[Keys]] = defaultdict(list)
    for keys in sorted(origins, key=len, reverse=True):
        texts[keys[0]].append(keys)
    return Grid(
        rows=rows,
        names=tuple(tuple(content_keys(cell.value) for cell in row.key) for row in rows),
        key_columns=frozenset(
            term
            for column in {cell.index for row in rows for cell in row.key}
            for term in content_keys(rows[0].columns[column])
        ),
        columns=columns,
        dated_columns=dated,
        texts={first: tuple(found) for first, found in texts.items()},
        origins={keys: frozenset(places) for keys, places in origins.items()},
        numbers={hint: tuple(found) for hint, found in numbers.items()},
        kinds={kind: frozenset(places) for kind, places in kinds.items()},
    )


def _header(rows: Sequence[Row]) -> tuple[dict[str, Named], tuple[tuple[int, Reading], ...]]:
    """The columns that each term of the header names, and the years and dates in it."""
    key = {cell.index for row in rows for cell in row.key}
    columns: defaultdict[str, set[int]] = defaultdict(set)
    dated: list[tuple[int, Reading]] = []
    kept = kept_words(rows)
    for column, name in enumerate(rows[0].columns):
        if column in key:
            continue
        for term in content_keys(split_header(name)[0] or name, kept):
            columns[term].add(column)
        for reading in read_quantities(name):
            if reading.dimension in {"year", "date"}:
                dated.append((column, reading))
                # "In December" is said of "December 2025".
                for word in name[reading.start : reading.end].split():
                    if word.isalpha():
                        columns[stem(fold(word).text)].add(column)
    return {term: frozenset(named) for term, named in columns.items()}, tuple(dated)


def kept_words(rows: Sequence[Row]) -> frozenset[str]:
    """The words of headers that have nothing but such words: "Since", "Per", "For whom"."""
    headers = {name for row in rows for name in row.columns}
    bare = [name for name in headers if name and not content_keys(name)]
    return frozenset(word for name in bare for word in fold(name).text.split())


def places_of(claimed: Reading, grid: Grid) -> frozenset[Place]:
    """The cells that say the number or the date."""
    dates = grid.numbers.get(Decimal(0), ()) if claimed.dimension in {"date", "year"} else ()
    found = chain(grid.numbers.get(claimed.value, ()), grid.numbers.get(claimed.number, ()), dates)
    return frozenset(place for place, reading in found if agree(claimed, reading))


def _text_keys(cell: Cell) -> Keys:
    """The terms of a cell of words that a claim may repeat as a whole; () for any other."""
    keys = content_keys(cell.value)
    # Three numbers and more are a code: a telephone number, an address.
    is_text = len(keys) > _MAX_NUMBERS or any(not key.startswith("#") for key in keys)
    return keys if is_text and len(keys) <= _MAX_VALUE_TERMS and answer_of(cell) is None else ()


def answer_of(cell: Cell) -> bool | None:
    """What a yes-or-no cell says; None for any other."""
    word = cell.value.strip(" .").casefold()
    return True if word in _YES else False if word in _NO else None


def named_rows(terms: Sequence[Term], grid: Grid) -> dict[int, frozenset[int]]:
    """The rows that the claim names, each with the positions of the terms that do it.

    A row is named by its code or its whole name; if none is, by the greater part of a name. Of
    "Antenna cover" and "Antenna cover, heated" the one is meant that more terms speak for. If no
    name is there, a cell of words that only one row has leads to the row.
    """
    positions: defaultdict[str, set[int]] = defaultdict(set)
    for position, term in enumerate(terms):
        positions[term.key].add(position)
    rarity = _rarity(grid)
    wholly: dict[int, frozenset[int]] = {}
    partly: dict[int, frozenset[int]] = {}
    best = _PARTLY_NAMED
    for number, names in enumerate(grid.names):
        shares = [_share(name, positions, rarity) for name in names if not _is_number(name)]
        share = max(shares, default=0.0)
        here = frozenset(
            position
            for name in names
            if not _is_number(name) and _share(name, positions, rarity) >= _PARTLY_NAMED
            for key in name
            for position in positions.get(key, ())
        )
        if share == 1:
            wholly[number] = here
        elif share >= best:
            partly = {number: here} | (partly if share == best else {})
            best = share
    found = wholly or _named_by_number(terms, grid) or partly
    if not found and len(grid.rows) > 1:
        return _named_by_text(terms, grid)
    outside = _outside_of_cells(found, terms, grid) or found
    return {
        number: here
        for number, here in outside.items()
        if not any(here < other for other in outside.values())
    }


def _outside_of_cells(
    found: Mapping[int, frozenset[int]], terms: Sequence[Term], grid: Grid
) -> dict[int, frozenset[int]]:
    """The rows that are named by more than the words of a longer cell."""
    cells = [frozenset(positions) for positions, _ in texts_in(terms, grid, frozenset())]
    return {row: here for row, here in found.items() if not any(here < cell for cell in cells)}


def _share(
    name: Keys, positions: Mapping[str, Collection[int]], rarity: Mapping[str, float]
) -> float:
    """How much of a name is there; rare words are more of it."""
    whole = sum(rarity[key] for key in name)
    return sum(rarity[key] for key in name if key in positions) / whole if name else 0.0


def _is_number(name: Keys) -> bool:
    return len(name) == 1 and name[0].startswith("#") and name[0][1:2].isdecimal()


def _named_by_number(terms: Sequence[Term], grid: Grid) -> dict[int, frozenset[int]]:
    """The row with a number for a name: behind its header, "point 4", else the first there is."""
    rows = {
        name[0]: row for row, names in enumerate(grid.names) for name in names if _is_number(name)
    }
    found = [(position, rows[term.key]) for position, term in enumerate(terms) if term.key in rows]
    behind = [one for one in found if one[0] and terms[one[0] - 1].key in grid.key_columns]
    return {row: frozenset({position}) for position, row in behind or found[:1]}


def _rarity(grid: Grid) -> Mapping[str, float]:
    counts: defaultdict[str, int] = defaultdict(int)
    for names in grid.names:
        for key in {key for name in names for key in name}:
            counts[key] += 1
    return {key: 1 / count for key, count in counts.items()}


def _named_by_text(terms: Sequence[Term], grid: Grid) -> dict[int, frozenset[int]]:
    unique = [
        (next(iter(places))[1], next(iter(places))[0], positions)
        for positions, keys in texts_in(terms, grid, frozenset())
        if len(keys) > 1 and len(places := grid.origins[keys]) == 1
    ]
    leftmost = min(unique, default=None, key=lambda found: found[0])
    return {leftmost[1]: frozenset(leftmost[2])} if leftmost else {}


def column_mentions(
    terms: Sequence[Term], grid: Grid, rows: Collection[int], taken: Collection[int]
) -> dict[int, Named]:
    """The columns that each term may name, by its position; terms that are `taken` name none."""
    mentions: dict[int, Named] = {}
    long_texts = (positions for positions, keys in texts_in(terms, grid, taken) if len(keys) > 1)
    told = {*taken, *chain.from_iterable(long_texts)}
    for position, term in enumerate(terms):
        if position in told or term.is_divider:
            continue
        named = grid.columns.get(term.key, frozenset())
        if (reading := term.reading) and reading.dimension in {"year", "date"}:
            dated = frozenset(column for column, one in grid.dated_columns if agree(reading, one))
            is_value = any(row in rows for row, _ in places_of(reading, grid))
            named = frozenset() if is_value else named | dated
        elif reading and not _stands_in_its_header(terms, position, named, grid):
            named = frozenset()
        if named:
            mentions[position] = named
    return mentions


def _stands_in_its_header(terms: Sequence[Term], position: int, named: Named, grid: Grid) -> bool:
    """In "the limit under issue 4" the number is a part of the header, no value."""
    beside = (*terms[max(position - 1, 0) : position], *terms[position + 1 : position + 2])
    return any(named & grid.columns.get(term.key, frozenset()) for term in beside)


def texts_in(
    terms: Sequence[Term], grid: Grid, taken: Collection[int]
) -> list[tuple[tuple[int, ...], Keys]]:
    """The cells of words that stand in the claim as a whole, with the positions of their terms."""
    content = [position for position, term in enumerate(terms) if not term.is_divider]
    found: list[tuple[tuple[int, ...], Keys]] = []
    start = 0
    while start < len(content):
        here = _text_at(terms, content, start, grid)
        positions = tuple(content[start : start + len(here)])
        if here and not all(position in taken for position in positions):
            found.append((positions, here))
        start += max(len(here), 1)
    return found


def _text_at(terms: Sequence[Term], content: Sequence[int], start: int, grid: Grid) -> Keys:
    ahead = tuple(terms[p].key for p in content[start : start + _MAX_VALUE_TERMS])
    for keys in grid.texts.get(ahead[0], ()):
        if ahead[: len(keys)] == keys:
            return keys
    return ()


def values_in(
    claim: str, terms: Sequence[Term], grid: Grid, taken: Collection[int]
) -> dict[int, Value]:
    """The cells of words and the numbers that the claim tells, by their position."""
    values: dict[int, Value] = {}
    used = set(taken)
    for positions, keys in texts_in(terms, grid, taken):
        used.update(positions)
        text = claim[terms[positions[0]].start : terms[positions[-1]].end]
        origins = grid.origins[keys]
        values[positions[0]] = Value(
            text=text, last=positions[-1], reading=None, keys=keys, origins=origins
        )
    for position, term in enumerate(terms):
        if term.reading and position not in used:
            text = claim[term.start : term.end]
            values[position] = Value(
                text=text, last=position, reading=term.reading, keys=(term.key,)
            )
    return dict(sorted(values.items()))
