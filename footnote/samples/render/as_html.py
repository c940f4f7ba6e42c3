"""Write a sample as a page of HTML."""

from html import escape
from typing import assert_never

from footnote.samples.blocks import Block, Bullets, Heading, PageBreak, Paragraph, Sample, Table
from footnote.samples.render.office_archive import COMPANY


def render_html(sample: Sample) -> bytes:
    """The sample as an article in a UTF-8 page, with a navigation bar and a footer."""
    article = "\n".join(_html(block) for block in sample.blocks)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(sample.entry.title)}</title>
</head>
<body>
<nav><a href="/">Home</a> <a href="/search">Search</a> <a href="/people">People</a></nav>
<article>
{article}
</article>
<footer>{escape(COMPANY)}, {escape(sample.entry.external_id)}</footer>
</body>
</html>
"""
    return page.encode()


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{escape(block.text)}</p>"
        case Bullets():
            lines = "\n".join(f"<li>{escape(line)}</li>" for line in block.lines)
            return f"<ul>\n{lines}\n</ul>"
        case Table():
            return _table(block)
        case PageBreak():
            return "<hr>"
        case _:
            assert_never(block)


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
