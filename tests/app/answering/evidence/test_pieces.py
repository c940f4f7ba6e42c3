from dataclasses import replace

from app.answering.evidence.pieces import Piece, pieces_of
from kb.passages import Passage, TableRows
from tests.fakes.sources import passage_of


def passage(text: str, *, section: tuple[str, ...] = (), title: str = "Handbook") -> Passage:
    bare = passage_of(text, title=title)
    return replace(bare, location={**bare.location, "section": list(section)})


def told(text: str, *, section: tuple[str, ...] = (), title: str = "Handbook") -> list[str]:
    """The pieces' texts, whole lists left out."""
    return [
        each.text
        for each in pieces_of(passage(text, section=section, title=title))
        if not each.items
    ]


def wholes(text: str, *, section: tuple[str, ...] = ()) -> list[Piece]:
    return [each for each in pieces_of(passage(text, section=section)) if each.items]


def test_a_piece_stands_in_the_passage() -> None:
    text = "Leave\n\nYou get 28 days. Ask in time:\n- your lead\n- your team\n\nA: x | B: y"

    for piece in pieces_of(passage(text)):
        assert text[piece.span.start : piece.span.end] == piece.text


def test_sentences_know_the_heading_above_them() -> None:
    pieces = pieces_of(passage("2.1 Annual leave\nYou get 28 days. Ask in time."))

    assert [(each.text, each.heading) for each in pieces] == [
        ("You get 28 days.", "2.1 Annual leave"),
        ("Ask in time.", "2.1 Annual leave"),
    ]


def test_a_section_is_the_heading_where_the_passage_holds_none() -> None:
    (piece,) = pieces_of(passage("You get 28 days.", section=("Handbook", "Leave")))

    assert piece.heading == "Leave"


def test_headings_titles_questions_and_numbering_are_no_pieces() -> None:
    assert told("\u00a7 4 Warranty\n-----------\n\nIt lasts a year.") == ["It lasts a year."]
    assert told("Tarn - TQ-HB-01 - page 3\n\nIt lasts a year.") == ["It lasts a year."]
    assert told(
        "Heron L3 firmware 4.2: notes\n\nIt is new.", title="Heron L3 firmware 4.2: notes"
    ) == ["It is new."]
    assert told("Results of 2025\n\nRevenue rose.", section=("Results of 2025",)) == [
        "Revenue rose."
    ]
    assert told("(a)\n\n3.\n\nIt lasts a year.") == ["It lasts a year."]
    assert told("Company\nEmployee handbook\n\nIt binds everybody.") == ["It binds everybody."]


def test_a_question_is_the_heading_of_its_answer() -> None:
    pieces = pieces_of(
        passage("How long is the warranty?\nTwo years.\nWho pays?\nThe seller pays.")
    )

    assert [(each.heading, each.text) for each in pieces] == [
        ("How long is the warranty?", "Two years."),
        ("Who pays?", "The seller pays."),
    ]


def test_a_list_is_told_whole_and_by_item() -> None:
    text = "Bring to camp:\n- a tent\n- a torch with 2 spare batteries"

    whole, first, second = pieces_of(passage(text))

    assert (whole.kind, whole.text) == ("list", text)
    assert [text[start:end] for start, end in whole.items] == [first.text, second.text]
    assert (first.text, first.lead_in, first.whole) == ("- a tent", "Bring to camp:", whole.span)
    assert second.text == "- a torch with 2 spare batteries"


def test_what_stands_before_a_lead_in_is_a_piece_of_its_own() -> None:
    text = "The camp is in June. Bring:\n- a tent\n- a torch"

    assert told(text) == ["The camp is in June.", "- a tent", "- a torch"]
    assert wholes(text)[0].text == "Bring:\n- a tent\n- a torch"


def test_items_without_markers_are_a_list() -> None:
    lower = "You need:\na tent,\na torch,\na map"
    upper = "You need:\n\nPassport\n\nVisa\n\nAt the border\n\nShow both."
    below = "Packing\n\nTent\nTorch\nMap"

    assert told(lower) == ["a tent,", "a torch,", "a map"]
    assert told(upper) == ["Passport", "Visa", "Show both."]
    assert told(below) == ["Tent", "Torch", "Map"]
    assert [len(wholes(text)[0].items) for text in (lower, upper, below)] == [3, 2, 3]


def test_lower_case_items_below_their_lead_in_are_told_apart() -> None:
    text = (
        "Verboten ist:\n\nGlasflaschen mitzubringen\nin den Umkleiden zu fotografieren\nzu rennen"
    )

    assert wholes(text)[0].text == text
    assert told(text) == text.split("\n")[2:]


def test_an_item_that_lost_its_marker_stays_in_the_list() -> None:
    text = (
        "- People: extension 4210\n\n- Works: extension 4275\n\nDesk: extension 4400, Tobias Lenz"
    )

    assert len(wholes(text)[0].items) == 3


def test_lines_that_say_what_to_do_are_steps() -> None:
    lines = "Mount the gauge.\nPoint the arrow downstream.\nTighten the bolts with 14 Nm."
    numbered = "1. Mount\n2. Point\n3. Tighten"
    told_about = (
        "Private parcels are not accepted.\nGauges go to Port Ansel.\nPost leaves at 15:30."
    )
    german = "1) Kabel l\u00f6sen.\n2) Deckel abnehmen."

    kinds = [wholes(text)[0].kind for text in (lines, numbered, told_about, german)]

    assert kinds == ["steps", "steps", "list", "steps"]


def test_paragraphs_of_one_sentence_are_a_list_when_there_are_three() -> None:
    assert wholes("One works.\n\nTwo rest.") == []
    assert len(wholes("One works.\n\nTwo rest.\n\nThree play.")[0].items) == 3


def test_prose_is_no_list() -> None:
    wrapped = (
        "The ramp will be fitted with a heated surface before the next winter. Until\n"
        "then the gatekeeper spreads grit at 05:30 when it freezes. Greta Holm asks for\n"
        "the same at the slipway in Port Ansel."
    )
    long = "A b. C d. E f.\nG h. I j. K l."

    assert wholes(wrapped) == wholes(long) == []
    assert len(told(wrapped)) == 3


def test_an_item_keeps_its_title() -> None:
    text = "Store and forward. The logger keeps readings.\nSigned updates. It refuses others."

    assert told(text) == text.split("\n")


def test_two_lists_are_kept_apart() -> None:
    text = "Bring:\n- a tent\n- a torch\n\nLeave at home:\n- the dog\n- the car"

    assert [each.text for each in wholes(text)] == text.split("\n\n")


def test_a_row_is_a_piece() -> None:
    bare = passage(
        "Parts\n\nPart: SP-1 | Price EUR: 87.25\nPart: SP-2 | Price EUR: 9.45\n\nAsk Nadia."
    )
    rows = TableRows(
        table=1,
        row_count=2,
        columns=["Part", "Price EUR"],
        key=[0],
        rows=[[1, 7, 36, 0, 13, 17, 1, 31, 36], [2, 37, 65, 0, 43, 47, 1, 61, 65]],
    )

    pieces = pieces_of(replace(bare, location={**bare.location, "tables": [rows]}))

    assert [each.kind for each in pieces] == ["row", "row", "sentence"]
    assert pieces[1].text == "Part: SP-2 | Price EUR: 9.45"
    assert pieces[0].row is not None
    assert [cell.value for cell in pieces[0].row.cells] == ["SP-1", "87.25"]


def test_hostile_text_takes_linear_time() -> None:
    for text in ("a\n" * 50_000, "- a\n" * 50_000, "A: b | C: d\n" * 20_000, ":\n" * 50_000):
        assert len(pieces_of(passage(text))) <= 100_002
