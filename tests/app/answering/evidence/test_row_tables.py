"""The tables of a context."""

from dataclasses import replace

from app.answering.evidence.row_tables import table_with, tables_of
from tests.app.answering.evidence.test_tabular import VANS, context_of_table


def test_tables_with_one_header_in_one_document_are_one() -> None:
    context = context_of_table(VANS, (VANS[0], ("Elm", "760", "265", "72", "no", "Kelder")))
    document_id = context.sources[0].passage.document_id
    sources = [
        replace(source, passage=replace(source.passage, document_id=document_id))
        for source in context.sources
    ]

    (table,) = tables_of(replace(context, sources=tuple(sources)))

    assert [placed.row.cells[0].value for placed in table.rows] == [
        "Alder",
        "Birch",
        "Cedar",
        "Hazel",
        "Elm",
    ]
    assert table.is_whole


def test_tables_of_two_documents_are_two() -> None:
    assert len(tables_of(context_of_table(VANS, VANS))) == 2


def test_a_table_without_its_last_row_is_not_whole() -> None:
    (table,) = tables_of(context_of_table(VANS, missing=1))

    assert not table.is_whole


def test_a_table_knows_in_which_columns_its_rows_differ() -> None:
    header, *rows = VANS
    same_site = [(*row[:-1], "Kelder") for row in rows]
    (table,) = tables_of(context_of_table((header, *same_site)))

    assert table.varying_columns == {0, 1, 2, 3, 4}


def test_a_table_is_found_by_a_row_of_its_source() -> None:
    tables = tables_of(context_of_table(VANS, VANS))
    placed = tables[1].rows[2]

    assert table_with(placed.source_id, placed.row, tables) is tables[1]
    assert table_with("unknown", placed.row, tables) is None
