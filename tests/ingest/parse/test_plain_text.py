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
        # Indented code, a numbered list with tabs, an address beside another.
        "\tif x:\n\t\treturn 1\n\treturn 2\n",
        "1.\t30 days of notice.\n2.\t14 days of grace.\n3.\t2 copies.\n",
        "1.\tOpen the valve.\n2.\tClose the lid.\n3.\tGo home.\n",
        "Mill Quay        Harbour Road\nFenbridge        Kelder\nNorway           Denmark\n",
        "It is a line.  Two blanks.\nIt is  another one of 12.\nAnd one  more of 13.\n",
        "  * Heated ramp: order by 30 April.\n  * Fan for bench 7.\n",
        "||||\n||||\n||||\n",
    ],
)
def test_what_merely_looks_like_a_table_stays_text(text: str) -> None:
    parsed = parse(f"Start.\n\n{text}".encode(), PLAIN_TEXT)

    assert set(kinds(parsed)) == {"paragraph"}
    assert parsed.text.replace("    ", "\t").split() == f"Start.\n\n{text}".split()


def headings(text: str) -> list[tuple[tuple[str, ...], str]]:
    parsed = parse(text.encode(), PLAIN_TEXT)
    return [
        (block.section, parsed.text[block.char_start : block.char_end])
        for block in parsed.blocks
        if block.kind == "heading"
    ]


def test_underlined_lines_are_headings_and_their_underlines_are_gone() -> None:
    text = "Rules\n=====\nThey bind all.\n\nLeave\n-----\n28 days.\n\nPay\n---\nMonthly.\n"

    parsed = parse(text.encode(), PLAIN_TEXT)

    assert headings(text) == [((), "Rules"), (("Rules",), "Leave"), (("Rules",), "Pay")]
    assert texts(parsed) == ["Rules", "They bind all.", "Leave", "28 days.", "Pay", "Monthly."]
    assert parsed.blocks[-1].section == ("Rules", "Pay")


def test_capitals_and_numbers_above_prose_are_headings() -> None:
    text = (
        "SAFETY COMMITTEE\nMinutes of May\n\n1. Accidents\nThere was none.\n\n"
        "2. Decisions\nThe ramp is heated.\n"
    )

    assert headings(text) == [
        ((), "SAFETY COMMITTEE"),
        (("SAFETY COMMITTEE",), "1. Accidents"),
        (("SAFETY COMMITTEE",), "2. Decisions"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1. Open the valve\n2. Close the lid\n\nDone.\n",
        "1. Open the valve\n\n2. Close the lid\n\n3. Go home\n\nThen rest.\n",
        "1. Open the valve of the tank\n   on the left\n\n2. Close the lid\n   with care\n",
        "WE ARE CLOSED.\n\nStock:\n12\n",
        "```\nTitle\n-----\nBODY\n```\n",
    ],
)
def test_items_and_sentences_are_no_headings(text: str) -> None:
    assert headings(text) == []


def test_a_rule_that_underlines_nothing_is_no_text() -> None:
    parsed = parse(b"One line.\nAnd one more.\n----------\n\nThe end.\n", PLAIN_TEXT)

    assert texts(parsed) == ["One line.\nAnd one more.", "The end."]


def test_a_cell_may_go_on_in_the_next_line() -> None:
    text = (
        "Excursion      any reading above 8.0 C that lasts longer\n"
        "               than 15 minutes\n"
        "MKT            the mean kinetic temperature of a fridge\n"
        "Quarantine     stock that is kept apart and marked\n"
    )

    assert texts(parse(text.encode(), PLAIN_TEXT)) == [
        "Excursion | any reading above 8.0 C that lasts longer than 15 minutes",
        "MKT | the mean kinetic temperature of a fridge",
        "Quarantine | stock that is kept apart and marked",
    ]


def test_columns_of_words_are_a_table_with_or_without_a_header() -> None:
    named = (
        "Medicine             Applicant     Decision\n"
        "Sugammadex           Dr Erdem      approved\n"
        "Ferric derisomaltose Dr Boerma     deferred\n"
        "Tapentadol           pain team     rejected\n"
    )
    bare = (
        "A1  Okonjo     rewrite the guideline    by 30 November\n"
        "A2  Lindqvist  three quotations         by 1 February\n"
        "A3  Boerma     cost comparison          by 8 December\n"
    )

    assert texts(parse(named.encode(), PLAIN_TEXT))[1] == (
        "Medicine: Ferric derisomaltose | Applicant: Dr Boerma | Decision: deferred"
    )
    assert texts(parse(bare.encode(), PLAIN_TEXT))[0] == (
        "A1 | Okonjo | rewrite the guideline | by 30 November"
    )


def test_names_stand_between_the_rows_of_a_table_below_its_heading() -> None:
    text = (
        "Line S1\n"
        "Run    Station   Shop\n"
        "101    7.42      7.51\n"
        "103    8.27      8.36\n"
        "Back\n"
        "102    15.50     15.58\n"
        "Dogs ride free.\n"
    )

    parsed = parse(text.encode(), PLAIN_TEXT)

    assert texts(parsed) == [
        "Line S1",
        "Run: 101 | Station: 7.42 | Shop: 7.51",
        "Run: 103 | Station: 8.27 | Shop: 8.36",
        "Back",
        "Run: 102 | Station: 15.50 | Shop: 15.58",
        "Dogs ride free.",
    ]


def test_two_parts_of_an_underlined_title_are_no_header() -> None:
    text = (
        "2  Definitions\n--------------\n"
        "Excursion      any reading above 8.0 C\n"
        "MKT            the mean kinetic temperature\n"
        "Quarantine     stock that is kept apart\n"
    )

    assert headings(text) == [((), "2 Definitions")]
    assert texts(parse(text.encode(), PLAIN_TEXT))[1] == "Excursion | any reading above 8.0 C"


@pytest.mark.parametrize("columns", ["Price   Stock   Note", "Price   Stock   Total"])
def test_names_above_other_columns_than_their_own_make_no_table(columns: str) -> None:
    """The first column has no name, the last no values: as many names as values."""
    text = f"              {columns}\nWidget        10      5\nGadget        12      7\n"

    assert all("Price: Widget" not in each for each in texts(parse(text.encode(), PLAIN_TEXT)))


def test_thousands_of_columns_are_read() -> None:
    wide, narrow = "  ".join("a" * 3_000), "  ".join("a" * 2_999)
    titled = f"{wide}\n-----\n{wide}"
    text = "\n".join([wide, wide, wide, narrow] * 20 + [""] + [f"{titled}\n"] * 20)

    parsed = parse(text.encode(), PLAIN_TEXT)

    assert parsed.text.count("a") == text.count("a")


def test_a_line_below_two_parts_of_an_underlined_title_is_text() -> None:
    parsed = parse(b"Left       Right\n----------------\n           below\n", PLAIN_TEXT)

    assert "below" in "".join(texts(parsed))
    assert "table_row" not in kinds(parsed)
