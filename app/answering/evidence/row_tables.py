"""The tables of a context: their rows, those that a question names, the columns that it wants."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from app.answering.context import Context
from app.answering.question.answer_type import expected_answer
from app.answering.question.proper_names import is_like
from app.answering.question.vocabulary import CARDINALS, PLACES, UNITS
from app.answering.verify.rows import Cell, Row, is_bare_number, rows_of
from language.text import content_stems, fold

MAX_SAME_NAMED: Final = 5
"""Rows that a question names equally well and that are told together; of more, none is meant."""

MIN_NAME_CHARS: Final = 4
"""Of a cell without digits that names its row: not "yes", "no" or "all"."""

MAX_MEASURE_WORDS: Final = 3
"""Of a cell that holds an amount in its unit: "every 6 hours"."""

_WORD: Final = re.compile(r"[^\W_]+")
_DATE: Final = re.compile(
    r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\b(?:19|20)\d\d\b|\d\d:\d\d"
)
_NAME: Final = re.compile(r"(?:[^\W\d_a-z][\w'-]+\s){1,3}[^\W\d_a-z][\w'-]+")
_PEOPLE: Final = frozenset(
    {"responsible", "owner", "contact", "manager", "approved", "who", "name", "lead", "person"}
)
_ATTRIBUTE: Final = re.compile(
    r"\W*+(?:(?:and|und|et)\s)?(?:what|which|welche[mnrs]?|wie|was|quel(?:le)?s?)\s"
    r"(?:(?:is|are|was|were|ist|sind|war|est|sont)\s(?:the|an?|der|die|das|l[ea]s?)\s)?"
    r"(?P<noun>\w+(?:\s\w+){0,2}?)\s(?:of|for|in|at|on|does|do|did|is|are|was|has|have|had|can|may"
    r"|must|belongs?|von|f\u00fcr|hat|haben|ist|sind|de|du|a|ont|est)\b",
    re.IGNORECASE,
)


_EVERYTHING: Final = re.compile(
    r"\b(?:everything|all (?:the )?(?:details|data|values|figures)|the details|whole row|alles|tout"
    r"|alle (?:angaben|werte|daten|details)|toutes les (?:donn\u00e9es|informations))\b",
    re.IGNORECASE,
)
_EXCLUDES: Final = re.compile(
    r"\b(?:(?:other|rather) than|except(?: for)?|besides|apart from|excluding|instead of|not"
    r"|au\u00dfer|nicht|sauf|hors)\b",
    re.IGNORECASE,
)
_EXCLUDED_WORDS: Final = 4
"""After it, among which the name of what is left out stands."""
_BETWEEN_LISTED: Final = re.compile(r",? (?:and|und|et) |, ", re.IGNORECASE)
_MIN_LISTED: Final = 3


@dataclass(frozen=True, kw_only=True)
class PlacedRow:
    """A row, the source that it can be quoted from, and the names above its table."""

    source_id: str
    row: Row
    line: str
    names: str


@dataclass(frozen=True)
class Table:
    """The rows that the context holds of a table; of all tables of a document that have its header.

    A workbook has often one table on several sheets.
    """

    rows: tuple[PlacedRow, ...]
    language: str | None

    @cached_property
    def is_whole(self) -> bool:
        """True when none of its rows is missing."""
        wanted = {placed.row.table: placed.row.row_count for placed in self.rows}
        held = Counter(placed.row.table for placed in self.rows)
        return all(held[table] == count for table, count in wanted.items())

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return self.rows[0].row.columns

    @cached_property
    def column_stems(self) -> frozenset[str]:
        """Of all words of the header."""
        return frozenset(content_stems(" ".join(self.columns)))

    @cached_property
    def names(self) -> str:
        """Titles and sections above any of its rows."""
        return " ".join(dict.fromkeys(placed.names for placed in self.rows))

    @cached_property
    def shared_name_stems(self) -> frozenset[str]:
        """Of the words that stand above all of its rows."""
        above = [frozenset(content_stems(names)) for names in {each.names for each in self.rows}]
        return frozenset.intersection(*above)


def tables_of(context: Context) -> list[Table]:
    """The tables of the context, the one of the best source first."""
    found: dict[tuple[UUID, int, tuple[str, ...]], dict[tuple[int, int], PlacedRow]] = {}
    languages: dict[tuple[UUID, int, tuple[str, ...]], str | None] = {}
    for source in sorted(context.sources, key=lambda each: -each.passage.score):
        passage = source.passage
        names = " ".join([passage.title or "", *passage.location["section"]])
        for row in rows_of(passage):
            key = (passage.document_id, passage.document_version, row.columns)
            placed = PlacedRow(
                source_id=source.id,
                row=row,
                line=passage.text[row.span.start : row.span.end],
                names=names,
            )
            found.setdefault(key, {}).setdefault((row.table, row.number), placed)
            languages.setdefault(key, passage.language)
    return [
        Table(tuple(rows[place] for place in sorted(rows)), languages[key])
        for key, rows in found.items()
    ]


def said_of(row: Row) -> str:
    """What the row says but for bare numbers in a unit of their column, which are no years."""
    return " | ".join(
        f"{cell.column}: {cell.value}"
        for cell in row.cells
        if cell in row.key or not (cell.unit and is_bare_number(cell.value))
    )


def words(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return _WORD.findall(fold(text).text)


def holds_phrase(asked: Sequence[str], phrase: str) -> bool:
    """True when the words of the phrase stand in the question, one after another."""
    wanted = words(phrase)
    return bool(wanted) and any(
        list(asked[start : start + len(wanted)]) == wanted
        for start in range(len(asked) - len(wanted) + 1)
    )


def leaves_out(question: str, row: Row) -> bool:
    """True for a question about others than this row: "which vans except the Hazel"."""
    after = [
        words(question[match.end() :])[:_EXCLUDED_WORDS] for match in _EXCLUDES.finditer(question)
    ]
    return any(holds_phrase(each, cell.value) for each in after for cell in row.key)


def named_rows(question: str, table: Table) -> list[PlacedRow]:
    """The rows that the question names by what tells them from the others; none when it does not.

    A row of which a cell stands in the question in full goes before one that shares words with it.
    """
    asked_words = words(question)
    spoken = {str(CARDINALS[word]) for word in asked_words if word in CARDINALS}
    asked = (frozenset(content_stems(question)) | spoken) - table.column_stems
    stems = [_telling_stems(placed.row) for placed in table.rows]
    counts = Counter(stem for each in stems for stem in each)
    count = len(table.rows)
    weight = {stem: math.log((count + 1) / counts[stem]) for stem in counts}
    scores = []
    for placed, each in zip(table.rows, stems, strict=True):
        shared = {stem for stem in each if _is_among(stem, asked)}
        named = max(
            (
                len(words(cell.value))
                for cell in placed.row.cells
                if not cell.unit and holds_phrase(asked_words, cell.value) and _tells(cell, table)
            ),
            default=0,
        )
        scores.append((named, sum(weight[stem] for stem in shared)))
    best = max(scores)
    if best <= (0, 0):
        return []
    rows = [placed for placed, score in zip(table.rows, scores, strict=True) if score == best]
    return rows if len(rows) <= MAX_SAME_NAMED else []


def row_named_by_key(question: str, table: Table) -> PlacedRow | None:
    """The one row whose name has a word of the question that no other row's name has."""
    asked = frozenset(content_stems(question)) - table.column_stems
    keys = [
        frozenset(stem for cell in placed.row.key for stem in content_stems(cell.value))
        for placed in table.rows
    ]
    counts = Counter(stem for key in keys for stem in key)
    named = [
        placed
        for placed, key in zip(table.rows, keys, strict=True)
        if any(stem in asked and counts[stem] == 1 for stem in key)
    ]
    return named[0] if len(named) == 1 else None


def _tells(cell: Cell, table: Table) -> bool:
    """True for a name, no bare number or yes, that not every row has there."""
    has_letter = any(map(str.isalpha, cell.value))
    if not has_letter or (len(cell.value) < MIN_NAME_CHARS and cell.value.isalpha()):
        return False
    return (
        any(
            other.value != cell.value
            for placed in table.rows
            for other in placed.row.cells
            if other.index == cell.index
        )
        or len(table.rows) == 1
    )


def _telling_stems(row: Row) -> frozenset[str]:
    """Words that a row may be named by: of the cells that are more than a bare number."""
    return frozenset(
        stem
        for cell in row.cells
        if cell in row.key or any(map(str.isalpha, cell.value))
        for stem in content_stems(cell.value)
    )


def _is_among(stem: str, asked: Iterable[str]) -> bool:
    if stem in asked:
        return True
    return not any(map(str.isdigit, stem)) and any(is_like(stem, each) for each in asked)


# --- Columns -------------------------------------------------------------------------------------


def wanted_columns(question: str, row: Row) -> list[str]:
    """The columns that the question asks for, by their names, else by what they hold.

    Empty, for the whole row, when it asks for everything, for several things of which one names no
    column, or for nothing that tells.
    """
    several = _listed_columns(question, row)
    if several is not None or _EVERYTHING.search(question):
        return several or []
    asked = frozenset(content_stems(question))
    asked_words = frozenset(words(question))
    shares: dict[str, float] = {}
    for cell in row.cells:
        stems = frozenset(content_stems(cell.column))
        own = stems or frozenset(words(cell.column))
        held = [each for each in own if _is_among(each, asked if stems else asked_words)]
        if own and held and cell not in row.key:
            shares[cell.column] = len(held) / len(own)
    best = max(shares.values(), default=0.0)
    named = [column for column, share in shares.items() if share == 1]
    if named or best > 0:
        return named or [column for column, share in shares.items() if share == best]
    return [cell.column for cell in row.cells if cell not in row.key and _fits(question, cell)]


def _listed_columns(question: str, row: Row) -> list[str] | None:
    """The columns of "the price, stock and lead time"; None where nothing listed is a column."""
    found: list[str] = []
    is_sure = True
    listed = _BETWEEN_LISTED.split(question)
    for name in listed if len(listed) >= _MIN_LISTED else ():
        stems = frozenset(content_stems(name))
        named = [
            cell.column
            for cell in row.cells
            if cell not in row.key
            and any(_is_among(each, stems) for each in content_stems(cell.column))
        ]
        found += named
        is_sure = is_sure and bool(named)
    if not found:
        return None
    return list(dict.fromkeys(found)) if is_sure else []


def _fits(question: str, cell: Cell) -> bool:
    """True when the cell holds the kind of thing that the question asks for."""
    expected = expected_answer(question)
    if expected.dimensions:
        if not cell.unit and len(words(cell.value)) > MAX_MEASURE_WORDS:
            return False
        measured = frozenset(words(f"{cell.unit} {cell.value} {cell.column}"))
        signs = frozenset(f"{cell.unit} {cell.value}".split())
        return any(
            UNITS.get(each, frozenset()) & (measured | signs) for each in expected.dimensions
        )
    header = frozenset(words(cell.column))
    match expected.kind:
        case "time":
            return _DATE.search(cell.value) is not None
        case "person":
            return bool(_NAME.fullmatch(cell.value)) or bool(header & _PEOPLE)
        case "place":
            return bool(header & PLACES)
        case _:
            return False


def lacks_attribute(question: str, row: Row, names: str) -> bool:
    """True when the question asks for something that the row has no column for."""
    match = _ATTRIBUTE.match(question)
    if match is None or wanted_columns(question, row):
        return False
    known = frozenset(content_stems(f"{names} {' '.join(row.columns)}"))
    own = frozenset(stem for cell in row.cells for stem in content_stems(cell.value))
    noun = content_stems(match["noun"])
    return bool(noun) and not any(_is_among(stem, known | own) for stem in noun)
