"""A row of a table knows its table, its columns, its name, and where each value stands."""

from collections.abc import Sequence

import pytest

from ingest.chunk import split
from ingest.parse import ParsedDocument, parse
from ingest.parse.document import Table
from ingest.parse.row_names import key_columns
from ingest.parse.tables import table_drafts
from kb.media_types import CSV, HTML, MARKDOWN
from kb.passages import Location

PRICES = """\
# Prices

| Part | Price (EUR) | Stock |
|---|---|---|
| Seal | 12.35 | 390 |
| Cover | 87.25 | |

| Part | Price (EUR) | Stock |
|---|---|---|
| Pipe | 188.95 | 22 |
| Ring | 41.15 | 150 |
"""


class LetterCounter:
    """A model that reads letters."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


def values(parsed: ParsedDocument) -> list[tuple[int, int, list[tuple[int, str]]]]:
    """Table, row, and the values with their columns, read from the text."""
    found = []
    for block in parsed.blocks:
        if row := block.table_row:
            cells = [
                (column, parsed.text[block.char_start + start : block.char_start + end])
                for column, start, end in zip(*(iter(row.cells),) * 3, strict=True)
            ]
            found.append((row.table.ordinal, row.number, cells))
    return found


def test_every_value_knows_its_table_its_row_and_its_column() -> None:
    parsed = parse(PRICES.encode(), MARKDOWN)

    assert values(parsed) == [
        (1, 1, [(0, "Seal"), (1, "12.35"), (2, "390")]),
        (1, 2, [(0, "Cover"), (1, "87.25")]),
        (2, 1, [(0, "Pipe"), (1, "188.95"), (2, "22")]),
        (2, 2, [(0, "Ring"), (1, "41.15"), (2, "150")]),
    ]
    assert [block.table_row.table for block in parsed.blocks if block.table_row][1:3] == [
        Table(columns=("Part", "Price (EUR)", "Stock"), key=(0,), row_count=2, ordinal=1),
        Table(columns=("Part", "Price (EUR)", "Stock"), key=(0,), row_count=2, ordinal=2),
    ]


def test_values_keep_their_place_whatever_normalisation_does() -> None:
    # A ligature, a soft hyphen, a no-break space and an accent of its own.
    parsed = parse("name;note\nO\ufb03ce;so\u00adft\u00a0e\u0301\n".encode(), CSV)

    assert parsed.text == "name: Office | note: soft \u00e9"
    assert values(parsed) == [(1, 1, [(0, "Office"), (1, "soft \u00e9")])]


def location_of(page: bytes, *, max_tokens: int) -> list[tuple[str, Location]]:
    chunks = split(
        parse(page, MARKDOWN),
        title=None,
        media_type=MARKDOWN,
        embedder=LetterCounter(max_tokens),
    )
    return [(chunk.text, chunk.location) for chunk in chunks]


def test_a_chunk_keeps_its_rows_by_table() -> None:
    [(text, location)] = location_of(PRICES.encode(), max_tokens=1000)

    first, second = location["tables"]
    assert (first["table"], first["row_count"], first["key"]) == (1, 2, [0])
    assert first["columns"] == second["columns"] == ["Part", "Price (EUR)", "Stock"]
    # "Prices\n\n" is 8 characters, "Part: " 6: Seal stands at 14 to 18.
    assert first["rows"][0][:6] == [1, 8, 52, 0, 14, 18]
    shown = [text[start:end] for _, start, end, *_ in first["rows"] + second["rows"]]
    assert shown == text.removeprefix("Prices\n\n").split("\n")


def test_a_chunk_without_a_table_says_nothing_of_it() -> None:
    [(_, location)] = location_of(b"# Prices\n\nA seal is cheap.\n", max_tokens=1000)

    assert "tables" not in location


def test_of_a_row_in_pieces_the_one_with_its_name_knows_whole_values() -> None:
    words = " ".join(["word"] * 30)
    page = f"| Part | Note | Price |\n|---|---|---|\n| Seal | {words} | 7 |\n| Ring | b | 8 |\n"

    chunks = location_of(page.encode(), max_tokens=90)

    told = [
        text[start:end]
        for text, location in chunks
        for table in location.get("tables", ())
        for row in table["rows"]
        for _, start, end in zip(*(iter(row[3:]),) * 3, strict=True)
    ]
    assert told == ["Seal", "Ring", "b", "8"]


def test_a_header_of_two_rows_names_a_column_by_both() -> None:
    page = (
        b"<table><tr><th>Region</th><th colspan=2>Revenue</th><th colspan=2>Cost</th></tr>"
        b"<tr><th></th><th>2024</th><th>2025</th><th>2024</th><th>2025</th></tr>"
        b"<tr><td>North</td><td>1</td><td>2</td><td>3</td><td>4</td></tr></table>"
    )

    assert parse(page, HTML).text == (
        "Region: North | Revenue 2024: 1 | Revenue 2025: 2 | Cost 2024: 3 | Cost 2025: 4"
    )


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        # Values in the first row already: it names nothing.
        (
            [["Supply", "9 to 30 V"], ["Weight", "1.9 kg"]],
            ["Supply | 9 to 30 V", "Weight | 1.9 kg"],
        ),
        # Ages of debts, in days: names, although they begin with digits.
        (
            [["Customer", "0-30 days", "31-60 days"], ["Harrow", "120", "35"]],
            ["Customer: Harrow | 0-30 days: 120 | 31-60 days: 35"],
        ),
        # The second row is words above words: a row as any other.
        (
            [["Name", "Note", ""], ["Ana", "x", "y"], ["Ben", "z", "w"]],
            ["Name: Ana | Note: x | y", "Name: Ben | Note: z | w"],
        ),
    ],
)
def test_which_rows_are_the_header(rows: list[list[str]], lines: list[str]) -> None:
    assert [draft.text for draft in table_drafts(rows, is_labelled=True)] == lines


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([["SP-1", "Seal", "12"], ["SP-2", "Ring", "8"]], (0, 1)),
        ([["Sales", "CC-1", "12"], ["People", "CC-2", "8"]], (0, 1)),
        ([["1", "Ana", "12"], ["2", "Ben", "8"]], (0, 1)),
        ([["P1", "0.5", "1"], ["P2", "2", "1"]], (0,)),
        ([["Ana", "Bonn"], ["Ben", "Kiel"]], (0,)),
        ([["1", "Avocet", "24"], ["1", "Bittern", "8"]], (1,)),
        ([["North", "2024", "5"], ["North", "2025", "6"], ["South", "2024", "5"]], (0, 1)),
        ([["Seal", "5"], ["Seal", "6"]], (0,)),
        ([["Seal", "x", "5"], ["Ring", "y", "6"], ["Total", "", "11"]], (0,)),
    ],
)
def test_which_columns_name_a_row(rows: list[list[str]], key: tuple[int, ...]) -> None:
    assert key_columns(rows) == key


def test_header_cells_below_each_other_name_rows() -> None:
    page = (
        b"<table><tr><th>Name</th><td>Ana</td></tr><tr><th>Role</th><td>Engineer</td></tr></table>"
        b"<p>And</p><table><tr><th>Part</th><th>Stock</th></tr><tr><td>Seal</td><td>7</td></tr>"
        b"</table>"
    )

    assert parse(page, HTML).text == "Name | Ana\nRole | Engineer\n\nAnd\n\nPart: Seal | Stock: 7"
