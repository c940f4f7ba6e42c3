"""The rows and columns of a table that a question names."""

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from app.answering.evidence.row_tables import PlacedRow, Table
from app.answering.question.answer_type import AnswerType, answer_type_of
from app.answering.question.spelling import is_like
from app.answering.question.vocabulary import CARDINALS, PLACES, UNITS
from app.answering.verify.rows import Cell, Row, is_bare_number
from language.remembered import remembered
from language.stems import content_stems
from language.text import fold

MAX_SAME_NAMED: Final = 5
"""Rows that a question names equally well and that answer together; of more, none is meant."""

MIN_NAME_CHARS: Final = 4
"""Of a cell in letters that names its row: "yes", "no" and "all" name none."""

MAX_MEASURE_WORDS: Final = 3
"""Of a cell with an amount in its unit: "every 6 hours"."""

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
"""Words after it in which the name of an excluded row is looked for."""
_BETWEEN_LISTED: Final = re.compile(r",? (?:and|und|et) |, ", re.IGNORECASE)
_MIN_LISTED: Final = 3


@dataclass(frozen=True, kw_only=True)
class TableQuestion:
    """A question as tables are asked it: its folded words in order, and the stems of its content.

    `answer_type` is the type of its answer.
    """

    text: str
    words: tuple[str, ...]
    stems: frozenset[str]
    answer_type: AnswerType


@remembered(256)
def read_table_question(text: str) -> TableQuestion:
    """The question with its words and stems."""
    return TableQuestion(
        text=text,
        words=tuple(folded_words(text)),
        stems=frozenset(content_stems(text)),
        answer_type=answer_type_of(text),
    )


def folded_words(text: str) -> list[str]:
    """The words of a text in order, folded."""
    return _WORD.findall(fold(text).text)


def holds_phrase(words: Sequence[str], phrase: str) -> bool:
    """True when the words of the phrase are among the folded words, one after another."""
    wanted = tuple(folded_words(phrase))
    starts = range(len(words) - len(wanted) + 1) if wanted else ()
    return any(tuple(words[start : start + len(wanted)]) == wanted for start in starts)


def is_among(stem: str, stems: Collection[str]) -> bool:
    """True when the stem, or one spelled nearly like it, is there; one with a digit must equal."""
    if stem in stems:
        return True
    return not any(map(str.isdigit, stem)) and any(is_like(stem, each) for each in stems)


# --- Rows ----------------------------------------------------------------------------------------


def named_rows(question: TableQuestion, table: Table) -> list[PlacedRow]:
    """The rows that the question names by what distinguishes them; none when it names none.

    A row with a cell that is in the question in full goes before one that shares words with it.
    """
    numbers = {str(CARDINALS[word]) for word in question.words if word in CARDINALS}
    asked = (question.stems | numbers) - table.column_stems
    stems_by_row = [
        frozenset(
            stem
            for cell in placed.row.cells
            if cell in placed.row.key or any(map(str.isalpha, cell.value))
            for stem in content_stems(cell.value)
        )
        for placed in table.rows
    ]
    counts = Counter(stem for stems in stems_by_row for stem in stems)
    scores = []
    for placed, stems in zip(table.rows, stems_by_row, strict=True):
        names = [
            cell.value
            for cell in placed.row.cells
            if not cell.unit
            and any(map(str.isalpha, cell.value))
            and (len(cell.value) >= MIN_NAME_CHARS or not cell.value.isalpha())
            and (cell.index in table.varying_columns or len(table.rows) == 1)
            and holds_phrase(question.words, cell.value)
        ]
        longest = max((len(folded_words(name)) for name in names), default=0)
        shared = [stem for stem in stems if is_among(stem, asked)]
        weight = sum(math.log((len(table.rows) + 1) / counts[stem]) for stem in shared)
        scores.append((longest, weight))
    best = max(scores)
    if best <= (0, 0):
        return []
    rows = [placed for placed, score in zip(table.rows, scores, strict=True) if score == best]
    return rows if len(rows) <= MAX_SAME_NAMED else []


def row_named_by_key(question: TableQuestion, table: Table) -> PlacedRow | None:
    """The one row whose name has a word of the question that no other row's name has."""
    asked = question.stems - table.column_stems
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


def excludes_row(question: TableQuestion, row: Row) -> bool:
    """True for a question about other rows than this one: "which vans except the Hazel"."""
    for match in _EXCLUDES.finditer(question.text):
        excluded = folded_words(question.text[match.end() :])[:_EXCLUDED_WORDS]
        if any(holds_phrase(excluded, cell.value) for cell in row.key):
            return True
    return False


def text_of_row(row: Row) -> str:
    """The row's cells with their columns, without bare numbers that have a unit: no year is one."""
    return " | ".join(
        f"{cell.column}: {cell.value}"
        for cell in row.cells
        if cell in row.key or not (cell.unit and is_bare_number(cell.value))
    )


# --- Columns -------------------------------------------------------------------------------------


def wanted_columns(question: TableQuestion, row: Row) -> list[str]:
    """The columns that the question asks for, by their names, else by the type of their values.

    Empty, which means the whole row, when it asks for everything, for several things of which one
    names no column, or for nothing that identifies a column.
    """
    listed = _listed_columns(question, row)
    if listed is not None or _EVERYTHING.search(question.text):
        return listed or []
    shares: dict[str, float] = {}
    for cell in row.cells:
        stems = frozenset(content_stems(cell.column))
        parts = stems or frozenset(folded_words(cell.column))
        asked: Collection[str] = question.stems if stems else question.words
        named = [each for each in parts if is_among(each, asked)]
        if named and cell not in row.key:
            shares[cell.column] = len(named) / len(parts)
    best = max(shares.values(), default=0.0)
    if best > 0:
        return [column for column, share in shares.items() if share == best]
    values = [cell for cell in row.cells if cell not in row.key]
    return [cell.column for cell in values if _has_type(cell, question.answer_type)]


def _listed_columns(question: TableQuestion, row: Row) -> list[str] | None:
    """The columns of "the price, stock and lead time"; empty when one of these is no column.

    None when none of them is, and when nothing is listed.
    """
    found: list[str] = []
    is_sure = True
    listed = _BETWEEN_LISTED.split(question.text)
    for name in listed if len(listed) >= _MIN_LISTED else ():
        stems = frozenset(content_stems(name))
        named = [
            cell.column
            for cell in row.cells
            if cell not in row.key
            and any(is_among(each, stems) for each in content_stems(cell.column))
        ]
        found += named
        is_sure = is_sure and bool(named)
    if not found:
        return None
    return list(dict.fromkeys(found)) if is_sure else []


def _has_type(cell: Cell, answer_type: AnswerType) -> bool:
    """True when the value of the cell is of the type that the question expects."""
    header = frozenset(folded_words(cell.column))
    if answer_type.dimensions:
        if not cell.unit and len(folded_words(cell.value)) > MAX_MEASURE_WORDS:
            return False
        amount = f"{cell.unit} {cell.value}"
        units = header.union(folded_words(amount), amount.split())
        return any(UNITS.get(each, frozenset()) & units for each in answer_type.dimensions)
    match answer_type.kind:
        case "time":
            return _DATE.search(cell.value) is not None
        case "person":
            return bool(_NAME.fullmatch(cell.value)) or bool(header & _PEOPLE)
        case "place":
            return bool(header & PLACES)
        case "number" | "code" | "reason" | "steps" | "decision" | "contact" | "other":
            return False
        case _:
            assert_never(answer_type.kind)


def lacks_attribute(question: TableQuestion, row: Row, names: str) -> bool:
    """True when the question asks for an attribute that the row has no column for.

    `names`: the title and sections above the table.
    """
    match = _ATTRIBUTE.match(question.text)
    if match is None or wanted_columns(question, row):
        return False
    values = " ".join(cell.value for cell in row.cells)
    known = frozenset(content_stems(f"{names} {' '.join(row.columns)} {values}"))
    noun = content_stems(match["noun"])
    return bool(noun) and not any(is_among(stem, known) for stem in noun)
