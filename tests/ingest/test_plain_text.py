"""Tables that are drawn with characters, and text that only looks a little like one."""

import pytest

from ingest.parse import parse
from ingest.parse.document import ParsedDocument
from kb.media_types import MARKDOWN, PLAIN_TEXT
from tests.ingest.files.lines import texts

ROWS = ["Part: Seal | Price (EUR): 12.35", "Part: Cover | Price (EUR): 87.25"]


def kinds(parsed: ParsedDocument) -> list[str]:
    return [block.kind for block in parsed.blocks]


@pytest.mark.parametrize(
    "text",
    [
        "| Part | Price (EUR) |\n|---|---:|\n| Seal | 12.35 |\n| Cover | 87.25 |\n",
        "Part | Price (EUR)\n--- | ---\nSeal | 12.35\nCover | 87.25\n",
        "| Part | Price (EUR) |\n| Seal | 12.35 |\n| Cover | 87.25 |\n",
        "Part | Price (EUR)\nSeal | 12.35\nCover | 87.25\n",
        "+---+---+\n|Part|Price (EUR)|\n+---+---+\n| Seal | 12.35|\n|Cover|87.25|\n+---+---+",
        "Part\tPrice (EUR)\nSeal\t12.35\nCover\t87.25\n",
        "Part     Price (EUR)\nSeal     12.35\nCover    87.25\n",
        "Part   Price (EUR)\n-----  -----------\nSeal         12.35\nCover        87.25\n",
        "| Part | Price (EUR) |\r\n|---|---|\r\n| Seal | 12.35 |\r\n| Cover | 87.25 |\r\n",
    ],
)
def test_a_table_is_one_however_it_is_drawn(text: str) -> None:
    parsed = parse(f"Prices\n\n{text}\nNet, ex works.\n".encode(), PLAIN_TEXT)

    assert texts(parsed) == ["Prices", *ROWS, "Net, ex works."]
    assert kinds(parsed) == ["paragraph", "table_row", "table_row", "paragraph"]
    assert [block.table_row is not None for block in parsed.blocks] == [False, True, True, False]


def test_a_table_right_below_and_above_prose_is_one_too() -> None:
    text = "These are the prices.\n| Part | Price |\n|---|---|\n| Seal | 12 |\nThey are net.\n"

    assert texts(parse(text.encode(), PLAIN_TEXT)) == [
        "These are the prices.",
        "Part: Seal | Price: 12",
        "They are net.",
    ]


def test_a_table_is_the_same_in_plain_text_and_in_markdown() -> None:
    page = "| | 2024 | 2025 |\n|---|---|---|\n| Sales | $ 1,234 | $ 1,111 |\n| Cost | (12) | - |\n"

    plain, marked = (parse(page.encode(), kind) for kind in (PLAIN_TEXT, MARKDOWN))

    assert plain.text == marked.text
    assert [block.table_row for block in plain.blocks] == [
        block.table_row for block in marked.blocks
    ]


def test_a_table_without_its_line_of_dashes_is_one_in_markdown_too() -> None:
    page = "As shown:\n| Part | Price |\n| Seal | 12 |\n| Cover | 87 |\nAll are\nnet.\n"

    assert texts(parse(page.encode(), MARKDOWN)) == [
        "As shown:",
        "Part: Seal | Price: 12",
        "Part: Cover | Price: 87",
        "All are net.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        # A shell, a type, a choice, a verse.
        "cat log | grep error | sort\ncat log | grep fault | sort\ncat log | wc | cat\n",
        "def f(x: int | None) -> str | None:\n    return a | b\n\nx = c | d\n",
        "Answer yes | no.\nTell us | them.\n",
        "The ramp | the slipway\nThe boat | the yard\nThe gate | the wall\n",
        "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```\n",
        # Indented code, a numbered list with tabs, an address beside another, a title underlined.
        "\tif x:\n\t\treturn 1\n\treturn 2\n",
        "1.\t30 days of notice.\n2.\t14 days of grace.\n3.\t2 copies.\n",
        "1.\tOpen the valve.\n2.\tClose the lid.\n3.\tGo home.\n",
        "Mill Quay        Harbour Road\nFenbridge        Kelder\nNorway           Denmark\n",
        "Minutes of the committee\n========================\n\nPresent: all.\n",
        "It is a line.  Two blanks.\nIt is  another one of 12.\nAnd one  more of 13.\n",
        "  * Heated ramp: order by 30 April.\n  * Fan for bench 7.\n",
        "||||\n||||\n||||\n",
    ],
)
def test_what_merely_looks_like_a_table_stays_text(text: str) -> None:
    parsed = parse(f"Start.\n\n{text}".encode(), PLAIN_TEXT)

    assert set(kinds(parsed)) == {"paragraph"}
    assert parsed.text.replace("    ", "\t").split() == f"Start.\n\n{text}".split()
