"""Cells of tables told rightly and wrongly, in wordings that a model would use.

A wrong one gives the value of another column of its row, or of another row of its column.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Final

from footnote.evals.proof.cases import Kind, Language, ProofCase
from ingest.parse import Block, ParsedDocument

SEED: Final = 20261128
CELLS_PER_ROW: Final = 2
"""Each is told once rightly and up to twice wrongly."""

MIN_ROWS: Final = 2
MAX_VALUE_CHARS: Final = 80

_CELL: Final = re.compile(r"([^:]{1,60}): (.{1,300})")
_UNITS: Final = frozenset("EUR kEUR m mm kg t kW weeks Minuten %".split())  # noqa: SIM905  # read as a list of words

_WORDINGS: Final[Mapping[Language, tuple[str, ...]]] = {
    "en": (
        "The {column} of {key} is {value}.",
        "For {key}, the {column} is {value}.",
        "{key} has a {column} of {value}.",
        "According to the table, the {column} for {key} is {value}.",
        "{column} of {key}: {value}.",
    ),
    "de": (
        "{column} von {key}: {value}.",
        "Für {key} gilt: {column} {value}.",
        "Bei {key} ist {value} als {column} angegeben.",
        "Laut Tabelle steht bei {key} unter {column}: {value}.",
    ),
    "fr": (
        "{column} de {key}: {value}.",
        "Pour {key}, {column}: {value}.",
        "Pour {key}, le tableau indique {value} sous {column}.",
        "D'après le tableau, {column} pour {key}: {value}.",
    ),
}
_QUESTIONS: Final[Mapping[Language, str]] = {
    "en": "What is the {column} of {key}?",
    "de": "Was steht bei {key} unter {column}?",
    "fr": "Que dit le tableau sur {column} pour {key} ?",
}


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """A row as its document's text has it; `cells` in order, by column."""

    text: str
    cells: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class _Told:
    """A cell of a row, and the value that is told for it."""

    row: TableRow
    key: str
    column: str
    value: str
    kind: Kind
    is_true: bool


def tables_of(parsed: ParsedDocument) -> list[list[TableRow]]:
    """The tables with a header, several rows and equal columns in all of them."""
    runs = groupby(parsed.blocks, key=lambda block: (block.kind, block.section, block.sheet))
    return [
        rows
        for (kind, _, _), blocks in runs
        if kind == "table_row"
        for _, same in groupby(_rows(parsed, blocks), key=lambda row: tuple(row.cells))
        if len(rows := list(same)) >= MIN_ROWS
    ]


def cell_cases(file: str, language: Language, parsed: ParsedDocument) -> list[ProofCase]:
    """Cases over every table of the document that has a key; the same for each run."""
    random = Random(f"{SEED} {file}")  # noqa: S311  # a sample, no secret
    told = [
        each
        for rows in tables_of(parsed)
        for key in [key_column(rows)]
        if key is not None
        for each in _tell(rows, key, random)
    ]
    return [_case(file, language, place, each, random) for place, each in enumerate(told, 1)]


def key_column(rows: Sequence[TableRow]) -> str | None:
    """The first column whose values name their rows: words or codes, no two alike."""
    for column in rows[0].cells:
        values = [row.cells[column] for row in rows]
        has_letters = all(any(letter.isalpha() for letter in value) for value in values)
        if has_letters and len(set(values)) == len(values):
            return column
    return None


def _rows(parsed: ParsedDocument, blocks: Iterable[Block]) -> Iterator[TableRow]:
    for block in blocks:
        text = parsed.text[block.char_start : block.char_end]
        matches = [_CELL.fullmatch(cell) for cell in text.split(" | ")]
        cells = {match[1]: match[2] for match in matches if match}
        # A cell without a header, or two columns of one name: nobody can say which is meant.
        if len(cells) == len(matches) > 1:
            yield TableRow(text=text, cells=cells)


def _tell(rows: Sequence[TableRow], key: str, random: Random) -> Iterator[_Told]:
    for row in rows:
        columns = [
            column
            for column, value in row.cells.items()
            if column != key and len(value) <= MAX_VALUE_CHARS
        ]
        for column in random.sample(columns, min(CELLS_PER_ROW, len(columns))):
            told: dict[Kind, list[str]] = {
                "rewording": [row.cells[column]],
                "column": [row.cells[each] for each in columns if each != column],
                "row": [other.cells[column] for other in rows if other is not row],
            }
            for kind, values in told.items():
                right = row.cells[column]
                wrong = [value for value in values if not _is_part(value, right)]
                if found := values if kind == "rewording" else wrong:
                    yield _Told(
                        row=row,
                        key=row.cells[key],
                        column=column,
                        value=random.choice(found),
                        kind=kind,
                        is_true=kind == "rewording",
                    )


def _is_part(value: str, right: str) -> bool:
    """True when telling the value would be no untruth: it is the right one, or some of it."""
    told, held = (Counter(each.casefold().replace(",", "").split()) for each in (value, right))
    return not told - held


def _case(file: str, language: Language, place: int, told: _Told, random: Random) -> ProofCase:
    column, unit = _named(told.column)
    wording = random.choice(_WORDINGS[language])
    claim = wording.format(column=column, key=told.key, value=_with_unit(told.value, unit))
    return ProofCase(
        id=f"cells/{file}-{place}",
        origin="cells",
        is_true=told.is_true,
        kind=told.kind,
        language=language,
        document=file,
        is_table=True,
        question=_QUESTIONS[language].format(column=column, key=told.key),
        quote=told.row.text,
        claim=claim[0].upper() + claim[1:],
    )


def _named(header: str) -> tuple[str, str]:
    """The column as it is spoken of and its unit, which may be ''."""
    name, _, last = header.rpartition(" ")
    return (name, last) if name and last in _UNITS else (header, "")


def _with_unit(value: str, unit: str) -> str:
    if not unit:
        return value
    return f"{unit} {value}" if unit.endswith("EUR") else f"{value} {unit}"
