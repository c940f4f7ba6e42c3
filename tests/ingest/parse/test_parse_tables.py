"""Sheets, CSV and TSV: every row says what its values are, and where it stands."""

import pytest

from ingest.parse import parse
from ingest.parse.tables import table_drafts
from kb.errors import DocumentCorrupt
from kb.media_types import CSV, TSV, XLSX
from tests.ingest.files.builders import workbook_file
from tests.ingest.files.lines import outlined, texts


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"name,pay\nAna,100\n", ["name: Ana | pay: 100"]),
        (b'name;note\nAna;"a;b, c"\n', ["name: Ana | note: a;b, c"]),
        (b'name|firm\nAna|"X|Y and Z"\n', ["name: Ana | firm: X|Y and Z"]),
        (b'name,note\r\nAna,"two\nlines"\r\n', ["name: Ana | note: two lines"]),
        (b"1,2\n3,4\n", ["1 | 2", "3 | 4"]),
        (b"team,2025,2026\nSales,1,2\n", ["team: Sales | 2025: 1 | 2026: 2"]),
        (b"only\none\ncolumn\n", ["only", "one", "column"]),
        (b"a,b\n", ["a | b"]),
        (b"a,b,c\n1,,\n,2,\n", ["a | b | c", "1", "b: 2"]),
    ],
)
def test_csv_rows_become_self_contained_lines(content: bytes, expected: list[str]) -> None:
    assert texts(parse(content, CSV)) == expected


def test_tsv_values_may_hold_commas() -> None:
    assert texts(parse(b"name\tcity\nAna\tBonn, D\n", TSV)) == ["name: Ana | city: Bonn, D"]


def test_csv_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    parsed = parse(b"name,pay\nAna,100\n\nBen,200\n", CSV)

    assert [block.row for block in parsed.blocks] == [2, 4]


def test_a_value_without_end_is_corrupt() -> None:
    with pytest.raises(DocumentCorrupt):
        parse(b'a,b\n1,"' + b"x" * 200_000, CSV)


def test_sheets_are_sections_with_numbered_rows() -> None:
    budget: list[list[object]] = [
        [],
        ["Budget of the year"],
        [],
        ["Team", "Cost"],
        ["Sales", 12.5],
        [None, None],
    ]
    content = workbook_file({"Budget": [*budget, ["Ops", 3]], "Staff": [["Name"], ["Ana"]]})

    parsed = parse(content, XLSX)

    assert outlined(parsed) == [
        ("heading", "", "Budget"),
        ("table_row", "Budget", "Budget of the year"),
        ("table_row", "Budget", "Team: Sales | Cost: 12.5"),
        ("table_row", "Budget", "Team: Ops | Cost: 3"),
        ("heading", "", "Staff"),
        ("table_row", "Staff", "Name"),
        ("table_row", "Staff", "Ana"),
    ]
    assert [block.row for block in parsed.blocks] == [None, 2, 5, 7, None, 1, 2]
    assert [block.sheet for block in parsed.blocks] == ["Budget"] * 4 + ["Staff"] * 3
    assert parsed.title is None


def test_hidden_sheets_are_read_and_reported() -> None:
    content = workbook_file({"Open": [["a"]], "Salaries": [["b"]]}, hidden="Salaries")

    parsed = parse(content, XLSX)

    assert parsed.warnings == ("hidden_sheet_included: Salaries",)
    assert "Salaries" in parsed.text


def test_a_caption_above_a_table_is_a_paragraph() -> None:
    rows = [["Rates", ""], ["Grade", "Pay"], ["A", "1"]]

    drafts = list(table_drafts(rows, is_labelled=True, first_row=1))

    assert [(draft.kind, draft.text, draft.row) for draft in drafts] == [
        ("paragraph", "Rates", 1),
        ("table_row", "Grade: A | Pay: 1", 3),
    ]


def test_a_remark_below_a_table_is_not_a_value_of_its_first_column() -> None:
    rows = [["Grade", "Pay"], ["A", "1"], ["Source: payroll", ""]]

    assert [draft.text for draft in table_drafts(rows, is_labelled=True)] == [
        "Grade: A | Pay: 1",
        "Source: payroll",
    ]


def test_the_name_of_an_empty_column_is_not_lost() -> None:
    rows = [["Grade", "Owner"], ["A", ""], ["B", ""]]

    assert [draft.text for draft in table_drafts(rows, is_labelled=True)] == [
        "Grade | Owner",
        "A",
        "B",
    ]
