"""Reads tables: XLSX sheet by sheet, CSV and TSV, each row with its number."""

import csv
import re
import zipfile
from collections import Counter
from dataclasses import replace
from functools import partial
from io import StringIO
from itertools import islice
from platform import python_version
from typing import Final

from ingest.parse.document import Draft, Outline, Reading
from ingest.parse.extraction import PARSER, PARSER_VERSION, extract
from ingest.parse.package import (
    chart_drafts,
    chart_names,
    open_package,
    read_member,
    read_xml,
    relation_id,
    relations,
)
from ingest.parse.tables import table_drafts
from kb.errors import DocumentCorrupt
from kb.media_types import XLSX

HIDDEN_SHEET: Final = "hidden_sheet_included"

_WORKBOOK: Final = "xl/workbook.xml"
_FIRST_VALUE: Final = re.compile(
    rb'<c r="[A-Z]{1,3}(\d+)"[^<>]*>(?:<f\b[^<>]*/>|<f\b[^<>]*>[^<]*</f>)?<(?:v|is)>'
)
_DELIMITERS: Final = ",;\t|"
_ROWS_LOOKED_AT: Final = 50


def read_spreadsheet(content: bytes) -> Reading:
    """The blocks of an XLSX file: the name of each sheet, then its rows; hidden sheets too.

    Raises:
        DocumentCorrupt, DocumentEncrypted, DocumentTooComplex: as they say.
    """
    package = open_package(content)
    first_rows, warnings = _sheets(package)
    extraction = extract(content, XLSX, output="plain")
    drafts: list[Draft] = []
    outline = Outline()
    name = None
    for node in extraction.nodes:
        if node.kind == "heading":
            name = node.text
            drafts.append(replace(outline.heading(name, level=1), sheet=name))
        rows = table_drafts(node.rows, is_labelled=True, first_row=first_rows.get(name or ""))
        drafts += (replace(row, section=outline.section, sheet=name) for row in rows)
    for chart in chart_names(package):
        drafts += chart_drafts(package, chart)
    return Reading(
        drafts=tuple(drafts),
        title=extraction.title,
        parser=PARSER,
        parser_version=PARSER_VERSION,
        warnings=warnings,
    )


def read_separated(text: str, *, delimiter: str | None) -> Reading:
    """The rows of a CSV file; None finds out what separates its values.

    Raises:
        DocumentCorrupt: a value is longer than a hundred thousand characters.
    """
    found = delimiter or max(_DELIMITERS, key=partial(_evenness, text))
    try:
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=found))
    except csv.Error as error:
        raise DocumentCorrupt("A value of this table has no end.") from error
    return Reading(
        drafts=tuple(table_drafts(rows, is_labelled=True, first_row=1)),
        parser="csv",
        parser_version=python_version(),
    )


def _evenness(text: str, delimiter: str) -> tuple[int, int]:
    """Of the first rows, how many have the same number of values, and that number, above one."""
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
        widths = Counter(len(row) for row in islice(reader, _ROWS_LOOKED_AT) if len(row) > 1)
    except csv.Error:
        return (0, 0)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return (count, width)


def _sheets(package: zipfile.ZipFile) -> tuple[dict[str, int], tuple[str, ...]]:
    """The number of the first row with a value, by sheet; and a warning for each hidden sheet."""
    first_rows: dict[str, int] = {}
    warnings: list[str] = []
    members = relations(package, _WORKBOOK)
    for sheet in read_xml(package, _WORKBOOK).iterfind(".//{*}sheet"):
        name = sheet.get("name", "")
        if sheet.get("state", "visible") != "visible":
            warnings.append(f"{HIDDEN_SHEET}: {name}")
        value = _FIRST_VALUE.search(read_member(package, members.get(relation_id(sheet), "")))
        if value:
            first_rows[name] = int(value[1])
    return first_rows, tuple(warnings)
