"""The rows of tables in a passage, as its location keeps them; and what a header says of units."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kb.passages import Passage, TableRows
from kb.text import Span, word_set

_CURRENCY: Final = (
    r"(?:US\$|[$\u20ac\u00a3\u00a5\u20b9]|(?:USD|EUR|GBP|JPY|INR|CHF|CAD|AUD|CNY|SEK|NOK|DKK|PLN)"
    r"(?![A-Z])|(?i:euros?|dollars?|francs?|franken|pounds?|yen)(?!\w))"
)
_SCALE_WORD: Final = r"(?i:hundreds?|thousands?|millions?|billions?|mn|mio|bn|mrd|tsd)\.?"
_MONEY: Final = (
    rf"(?:{_SCALE_WORD} (?:of )?|[kMT])?{_CURRENCY}(?: {_SCALE_WORD}| ?(?:[kmM]|bn|'?000s?)(?!\w))?"
)
_MEASURE: Final = (
    r"(?:%|\u2030|\u00b0[CF]?|K|[num\u00b5kcd]?m[\u00b2\u00b3]?|[kMG]?Hz|[mkMG]?Wh?|[mk\u00b5]?[VA]"
    r"|[mk\u00b5]?g|t|[mcd]?[lL]|Nm?|[kMm]?Pa|m?bar|dB|[kMGT]i?B|[num\u00b5]?s|min|h|d|FTE|rpm|px"
    r"|(?i:percent(?:age points?)?|per cent|pct|degrees?|tonnes?|litres?|liters?|bits?|inch(?:es)?"
    r"|feet|ft|lbs?|miles?|pieces?|pcs|units?|secs?|seconds?|minutes?|hrs?|hours?|days?|weeks?"
    r"|months?|years?|tage?n?|wochen?|monate?n?|jahre?n?|stunden?|minuten|jours?|semaines?|mois|ans"
    r"|heures?))"
)
_EACH: Final = r"(?:(?: ?/ ?| per | a | pro | par )[\w\u00b2\u00b3%]{1,12}(?: [a-z]{1,12})?)?"
_UNIT: Final = re.compile(rf"(?:in )?(?P<unit>(?:{_MONEY}|{_MEASURE}){_EACH}|{_SCALE_WORD})")
"""What a header may give as the unit of its column."""
_IN_BRACKETS: Final = re.compile(r"(?P<name>[^()\[\]]*+)[(\[](?P<unit>[^()\[\]]{1,30})[)\]]")
_MAX_HEADER_CHARS: Final = 80
"""A longer header is a sentence."""
_MAX_UNIT_WORDS: Final = 4
_NEVER_A_LAST_WORD: Final = frozenset("AKNTLdl")
"""In "Plan A" and "Vitamin D" a letter names something; "Distance m" is in metres."""
_COUNTED_AFTER: Final = word_set("of per by for and or to from the a pro je par")
"""In "Number of weeks" the weeks are what is counted."""
_UNIT_WORD: Final = re.compile(r"[a-z]{4,}s", re.IGNORECASE)
_SLASH_UNIT: Final = re.compile(r"(?<=\w{3})/(?=[^/\s]{1,5}$)")
"""`Weight/kg`, as ISO 80000 writes it."""
_WORD_IN_NUMBER: Final = re.compile(r"(?<=\d) (?:to|and|or|bis|und|et|\u00e0) (?=[\d+-])")
_NO_NUMBER: Final = re.compile(r"[^\d\s.,'+\-\u2212\u2013\u00b1()<>=~/]")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A value of a row: `text[span.start:span.end]` of its passage.

    `column` is the header's words without the unit, "" when there are none; `unit` is the header's
    for a bare number, else "". `index` counts the columns from 0.
    """

    column: str
    value: str
    unit: str
    span: Span
    index: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table; `key` are those of its cells that name it, `span` its line in the passage.

    `table` is the ordinal of the table in its document version and `number` that of the row below
    the header, both from 1; `row_count` is how many rows the table has in its document.
    `columns` are the whole header, also of cells that are empty here.
    """

    table: int
    number: int
    cells: tuple[Cell, ...]
    key: tuple[Cell, ...]
    span: Span
    row_count: int = 0
    columns: tuple[str, ...] = ()
    language: str | None = None


def rows_of(passage: Passage) -> Sequence[Row]:
    """The rows whose names are in the passage, in order; none where it knows no table."""
    return [
        row
        for rows in passage.location.get("tables", ())
        for places in rows["rows"]
        if (row := _row(passage, rows, places)) is not None
    ]


def _row(passage: Passage, rows: TableRows, places: Sequence[int]) -> Row | None:
    number, start, end, *cell_places = places
    if end > len(passage.text):
        return None
    cells = tuple(
        _cell(rows["columns"][column], passage.text, (column, first, last))
        for column, first, last in zip(*(iter(cell_places),) * 3, strict=True)
    )
    return Row(
        table=rows["table"],
        number=number,
        cells=cells,
        key=tuple(cell for cell in cells if cell.index in rows["key"]),
        span=Span(start, end),
        row_count=rows["row_count"],
        columns=tuple(rows["columns"]),
        language=passage.language,
    )


def _cell(header: str, text: str, place: tuple[int, int, int]) -> Cell:
    index, start, end = place
    value = text[start:end]
    name, unit = split_header(header)
    is_bare = is_bare_number(value)
    is_unit_apart = is_bare or header.endswith((")", "]"))
    return Cell(
        column=name if is_unit_apart else header,
        value=value,
        unit=unit if is_bare else "",
        span=Span(start, end),
        index=index,
    )


def is_bare_number(value: str) -> bool:
    """True for a number, or a range of numbers, with nothing that says of what."""
    has_digit = any(map(str.isdecimal, value))
    return has_digit and not _NO_NUMBER.search(_WORD_IN_NUMBER.sub("-", value))


@lru_cache(maxsize=4096)
def split_header(header: str) -> tuple[str, str]:
    """The words of a header and the unit in it: `Price (EUR)` is `Price` in `EUR`."""
    if len(header) > _MAX_HEADER_CHARS:
        return header, ""
    bracketed = _IN_BRACKETS.fullmatch(header)
    if bracketed:
        unit = _UNIT.fullmatch(bracketed["unit"].strip())
        return (bracketed["name"].strip(" ,"), unit["unit"]) if unit else (header, "")
    words = _SLASH_UNIT.sub(" / ", header).split()
    for count in range(min(_MAX_UNIT_WORDS, len(words)), 0, -1):
        unit = _UNIT.fullmatch(" ".join(words[-count:]))
        if unit and _is_apart(words[:-count], unit["unit"]):
            return " ".join(words[:-count]).rstrip(" ,:/"), unit["unit"]
    return header, ""


def _is_apart(name: list[str], unit: str) -> bool:
    """True when the last words of a header are its unit and no part of its name."""
    if not name:
        return not _UNIT_WORD.fullmatch(unit)
    if name[-1].lower() in _COUNTED_AFTER or unit in _NEVER_A_LAST_WORD:
        return False
    # "Working hours" is one thing; "Lead time weeks" is a time in weeks.
    return len(name) > 1 or not _UNIT_WORD.fullmatch(unit) or name[-1].endswith((",", ":"))
