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
            right = _words(row.cells[column])
            for kind, values in told.items():
                # To tell the right value, or some of it, would be no untruth.
                wrong = [value for value in values if _words(value) - right]
                if found := values if kind == "rewording" else wrong:
                    yield _Told(
                        row=row,
                        key=row.cells[key],
                        column=column,
                        value=random.choice(found),
                        kind=kind,
                        is_true=kind == "rewording",
                    )


def _words(value: str) -> Counter[str]:
    return Counter(value.casefold().replace(",", "").split())


def _case(file: str, language: Language, place: int, told: _Told, random: Random) -> ProofCase:
    # A column is spoken of without its unit, which goes with the value.
    column, value = told.column, told.value
    name, _, unit = told.column.rpartition(" ")
    if name and unit in _UNITS:
        column = name
        value = f"{unit} {value}" if unit.endswith("EUR") else f"{value} {unit}"
    claim = random.choice(_WORDINGS[language]).format(column=column, key=told.key, value=value)
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
