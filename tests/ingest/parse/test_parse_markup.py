"""Markdown and HTML: nothing of the text is lost, nothing of the mark-up stays."""

import pytest

from ingest.parse import parse
from ingest.parse.html_rewriting import rewritten
from ingest.parse.html_text import visible_text
from kb.errors import DocumentTooComplex
from kb.media_types import HTML, MARKDOWN
from tests.ingest.files.lines import outlined, texts


def test_markdown_blocks_know_the_headings_above() -> None:
    page = b"# Leave\r\n\r\nText\r\n\r\n## Parental\r\n\r\nMore\r\n\r\n# Pay\r\n\r\nLast\r\n"

    parsed = parse(page, MARKDOWN)

    assert outlined(parsed) == [
        ("heading", "", "Leave"),
        ("paragraph", "Leave", "Text"),
        ("heading", "Leave", "Parental"),
        ("paragraph", "Leave / Parental", "More"),
        ("heading", "", "Pay"),
        ("paragraph", "Pay", "Last"),
    ]
    assert parsed.text == "Leave\n\nText\n\nParental\n\nMore\n\nPay\n\nLast"
    assert parsed.title == "Leave"


def test_nested_lists_keep_every_item() -> None:
    page = b"- one\n  - inner\n\n    more\n- two\n\n1. first\n"

    parsed = parse(page, MARKDOWN)

    assert texts(parsed) == ["- one", "  - inner", "more", "- two", "1. first"]
    assert {block.kind for block in parsed.blocks} == {"list_item"}
    assert parsed.text == "- one\n  - inner\nmore\n- two\n1. first"


def test_inline_marks_go_and_their_text_stays() -> None:
    page = b"A **bold** _word_, `code_a_b`, [link](https://x.y) ![chart](c.png) 5 \\* 3 &amp; more"

    parsed = parse(page, MARKDOWN)

    assert parsed.text == "A bold word, code_a_b, link chart 5 * 3 & more"


def test_code_keeps_its_indentation() -> None:
    parsed = parse(b"```python\ndef f():\n    return  1\n```\n", MARKDOWN)

    assert outlined(parsed) == [("code", "", "def f():\n    return 1")]


def test_rows_of_a_table_name_their_columns() -> None:
    page = b"| Grade | Days |\n|---|---|\n| A | 25 |\n| B \\| C | **30** |\n| D | |\n"

    parsed = parse(page, MARKDOWN)

    assert texts(parsed) == ["Grade: A | Days: 25", "Grade: B | C | Days: 30", "D"]


def test_html_inside_markdown_is_read() -> None:
    header, row = b"<tr><th>Grade</th><th>Days</th></tr>", b"<tr><td>A</td><td>25</td></tr>"
    page = b"# T\n\n<table>" + header + row + b"</table>\n"

    assert outlined(parse(page, MARKDOWN))[1:] == [("table_row", "T", "Grade: A | Days: 25")]


def test_a_line_break_tag_separates_words() -> None:
    assert parse(b"one<br/>two", MARKDOWN).text == "one\ntwo"


def test_front_matter_gives_the_title_and_stays_findable() -> None:
    page = b"---\ntitle: 'Leave: rules'\nowner: People team\n---\n# Heading\n\nText\n"

    parsed = parse(page, MARKDOWN)

    assert parsed.title == "Leave: rules"
    assert texts(parsed)[0] == "title: 'Leave: rules'\nowner: People team"


def test_html_keeps_the_text_and_drops_the_rest() -> None:
    page = b"""<!doctype html><html><head><title>T &amp; x</title><meta name="description"
    content="unseen"><style>p{}</style></head><body><nav>menu</nav><h1>Leave</h1>
    <p>Text <b>bold</b> 5 * 3 snake_case<br>next</p><script>evil()</script>
    <blockquote>quoted</blockquote><dl><dt>term</dt><dd>meaning</dd></dl>
    <ul><li>one<ul><li>inner</li></ul></li></ul><pre>a\n  b</pre></body></html>"""

    parsed = parse(page, HTML)

    assert parsed.title == "T & x"
    assert outlined(parsed) == [
        ("heading", "", "Leave"),
        ("paragraph", "Leave", "Text bold 5 * 3 snake_case\nnext"),
        ("paragraph", "Leave", "quoted"),
        ("list_item", "Leave", "- term: meaning"),
        ("list_item", "Leave", "- one"),
        ("list_item", "Leave", "  - inner"),
        ("code", "Leave", "a\n  b"),
    ]


def test_text_that_looks_like_markdown_stays_text() -> None:
    page = b"<p># no heading</p><p>1. no list</p><p>*stars* [x](y) a|b &lt;tag&gt;</p>"

    assert texts(parse(page, HTML)) == [
        "# no heading",
        "1. no list",
        "*stars* [x](y) a|b <tag>",
    ]


def test_a_table_without_header_cells_has_no_column_names() -> None:
    page = b"<table><tr><td>Name</td><td>Ana</td></tr><tr><td>Team</td><td>Sales</td></tr></table>"

    assert texts(parse(page, HTML)) == ["Name | Ana", "Team | Sales"]


@pytest.mark.parametrize("codec", ["utf-8", "iso-8859-1", "windows-1251"])
def test_the_declared_encoding_of_a_page_is_used(codec: str) -> None:
    word = "Отпуск" if codec == "windows-1251" else "Überstunden"
    page = f'<html><head><meta charset="{codec}"></head><body><p>{word}</p></body></html>'

    parsed = parse(page.encode(codec), HTML)

    assert parsed.text == word
    assert parsed.warnings == ()


def test_pictures_drawn_inside_the_page_leave_no_trace() -> None:
    page = b'<p>before <img alt="logo" src="data:image/svg+xml;base64,PHN2Zy8+"> after</p>'

    assert parse(page, HTML).text == "before after"


def test_text_that_is_nested_very_deeply_is_not_lost() -> None:
    deep = b"<div>" * 300 + b"<p>deep <b>text</b></p><script>x</script>" + b"</div>" * 300
    page = b"<p>top</p>" + deep

    parsed = parse(page, HTML)

    assert parsed.text == "top\n\ndeep text"
    assert parsed.warnings == ("structure_incomplete",)


def test_closing_tags_that_were_left_out_do_no_harm() -> None:
    page = b"<ul>" + b"".join(b"<li>item %d" % number for number in range(200)) + b"</ul>"

    parsed = parse(page, HTML)

    assert len(parsed.blocks) == 200
    assert parsed.warnings == ()


def test_a_cell_that_spans_others_is_said_in_each() -> None:
    page = b"""<table><tr><th rowspan="2">Fare</th><th colspan="2">Price EUR</th></tr>
    <tr><th>Adult</th><th>Child</th></tr>
    <tr><td rowspan="2">Day</td><td>5</td><td>3</td></tr><tr><td>6</td><td>4</td></tr>
    <tr><td>Week</td><td colspan="2">20</td></tr></table>"""

    assert texts(parse(page, HTML)) == [
        "Fare: Day | Price EUR Adult: 5 | Price EUR Child: 3",
        "Fare: Day | Price EUR Adult: 6 | Price EUR Child: 4",
        "Fare: Week | Price EUR Adult: 20 | Price EUR Child: 20",
    ]


def test_a_table_or_a_list_in_a_cell_is_text_of_the_cell() -> None:
    page = b"""<table><tr><th>Room</th><th>Holds</th></tr>
    <tr><td>Oak</td><td><ul><li>a beamer<li>a board</ul></td></tr>
    <tr><td>Elm</td><td><table><tr><td>seats</td><td>12</td></tr><tr><td>phone &amp; fax</td>
    <td>33</td></tr></table></td></tr><tr><td>Ash<td>nothing</table>"""

    assert texts(parse(page, HTML)) == [
        "Room: Oak | Holds: a beamer; a board",
        "Room: Elm | Holds: seats 12; phone & fax 33",
        "Room: Ash | Holds: nothing",
    ]


def test_a_term_is_told_with_its_definition_and_a_question_heads_its_answer() -> None:
    page = b"""<h1>Help</h1><dl><dt>Depot<dd>EUR 5<dd>per night<dt>May I cancel?</dt>
    <dd>Yes, a day before.</dd><dt>Express</dt><dd>EUR 20</dd></dl><p>The end.</p>"""

    assert outlined(parse(page, HTML)) == [
        ("heading", "", "Help"),
        ("list_item", "Help", "- Depot: EUR 5; per night"),
        ("heading", "Help", "May I cancel?"),
        ("paragraph", "Help / May I cancel?", "Yes, a day before."),
        ("list_item", "Help / May I cancel?", "- Express: EUR 20"),
        ("paragraph", "Help / May I cancel?", "The end."),
    ]


def test_a_span_of_any_size_costs_no_more_than_the_table() -> None:
    page = b'<table><tr><td colspan="99" rowspan="99">x</td></tr>' + b"<tr><td>y</td></tr>" * 200

    assert len(parse(page, HTML).text) < 100_000


def test_a_cell_goes_on_where_a_browser_shows_it() -> None:
    """Down to the end of its group, whatever the number, and past cells that were left out."""
    page = b"""<table><thead><tr><th>Plan</th><th>Region</th><th>Price</th></tr></thead>
    <tbody><tr><td rowspan="9">Basic</td><td>EU</td><td>10</td></tr></tbody>
    <tbody><tr><td rowspan="0">Pro</td><td>EU</td><td>20</td></tr><tr><td>US</td><td>22</td></tr>
    <tr><td>CH</td><td>25</td></tr></tbody>
    <tbody><tr><td>Max</td><td>EU</td><td rowspan="2">30</td></tr><tr><td>Top</td></tr>
    <tr><td>Far</td><td>US</td><td>40</td></tr></tbody></table>"""

    assert texts(parse(page, HTML)) == [
        "Plan: Basic | Region: EU | Price: 10",
        "Plan: Pro | Region: EU | Price: 20",
        "Plan: Pro | Region: US | Price: 22",
        "Plan: Pro | Region: CH | Price: 25",
        "Plan: Max | Region: EU | Price: 30",
        "Plan: Top | Price: 30",
        "Plan: Far | Region: US | Price: 40",
    ]


def test_a_table_that_the_page_does_not_end_is_read() -> None:
    page = b"<p>Fees</p><table><tr><th>Fee<th>EUR<tr><td>Entry<td>5<tr><td>Camp<td>9"

    assert texts(parse(page, HTML)) == ["Fees", "Fee: Entry | EUR: 5", "Fee: Camp | EUR: 9"]


def test_comments_and_scripts_in_a_table_are_no_text_of_it() -> None:
    page = b"""<table title="a > b"><tr><th>Fee<!-- <td>x --></th><th>EUR</th></tr>
    <tr><td>Entry<script>"<td>9</td>"</script></td><td data-x='"<td>'>5</td></tr></table>"""

    assert texts(parse(page, HTML)) == ["Fee: Entry | EUR: 5"]


@pytest.mark.parametrize(
    "unended",
    ["<a ", "<![CDATA[", "<?", "</a ", '<a b="', "<a \"' x", "&#", "<"],
)
def test_markup_that_nothing_ends_is_text(unended: str) -> None:
    page = "<table>" + unended * 100_000

    assert visible_text(rewritten(page)).strip() == (unended * 100_000).strip()


@pytest.mark.parametrize("unended", ["<!--", "<script>"])
def test_a_comment_or_script_that_nothing_ends_is_no_text(unended: str) -> None:
    assert visible_text(rewritten("<table>" + unended * 100_000)).strip() == ""


def test_cells_that_span_a_million_places_are_refused() -> None:
    row = "<tr>" + "<td colspan=99 rowspan=99>x</td>" * 200 + "</tr>"

    with pytest.raises(DocumentTooComplex):
        parse(f"<table>{row}{'<tr></tr>' * 99}</table>".encode(), HTML)


@pytest.mark.parametrize("media_type", [MARKDOWN, HTML])
def test_the_twentieth_list_in_a_list_is_not_lost(media_type: str) -> None:
    pages = {
        MARKDOWN: "\n".join(f"{'  ' * depth}- level {depth}" for depth in range(20)),
        HTML: "".join(f"<ul><li>level {depth}" for depth in range(20)),
    }

    lines = texts(parse(pages[media_type].encode(), media_type))

    assert [line.strip() for line in lines] == [f"- level {depth}" for depth in range(20)]


@pytest.mark.parametrize(
    "text",
    [
        ">" * 4_000 + " The fee is 5.",
        "\n".join("  " * depth + "- The fee is 5." for depth in range(50)),
    ],
)
def test_markdown_that_is_nested_too_deeply_is_read_without_its_structure(text: str) -> None:
    parsed = parse(text.encode(), MARKDOWN)

    assert parsed.text.count("The fee is 5.") == text.count("The fee is 5.")
    assert "structure_incomplete" in parsed.warnings
