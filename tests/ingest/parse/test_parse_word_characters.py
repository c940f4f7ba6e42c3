"""Characters that XML escapes stand in the text as they were written."""

from io import BytesIO

import docx

from ingest.parse import parse
from kb.media_types import DOCX


def test_ampersands_and_angle_brackets_stay_in_text_headings_and_tables() -> None:
    document = docx.Document()
    document.add_heading("Tarn & Quist", 1)
    document.add_paragraph("Pays 5 < 6 and 7 > 3.")
    table = document.add_table(2, 1)
    table.cell(0, 0).text = "R&D"
    table.cell(1, 0).text = "<none>"
    content = BytesIO()
    document.save(content)

    parsed = parse(content.getvalue(), DOCX)

    assert parsed.text == "Tarn & Quist\n\nPays 5 < 6 and 7 > 3.\n\nR&D\n<none>"
    assert parsed.blocks[1].section == ("Tarn & Quist",)
