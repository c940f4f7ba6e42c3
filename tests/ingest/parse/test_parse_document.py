"""The laws of composed text: what offsets and chunks rely on."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.normalise import normalise
from ingest.parse.document import BlockKind, Draft, Outline, compose

KINDS: list[BlockKind] = ["heading", "paragraph", "list_item", "table_row", "code"]
DRAFTS = st.lists(
    st.builds(
        Draft,
        kind=st.sampled_from(KINDS),
        text=st.text(st.characters(exclude_categories=[])),
        section=st.sampled_from([(), ("A",)]),
    )
)


@given(DRAFTS)
def test_composed_text_is_normal_and_made_of_its_blocks(drafts: list[Draft]) -> None:
    text, blocks = compose(drafts)

    assert normalise(text) == text
    end = 0
    for block in blocks:
        assert text[end : block.char_start].strip() == ""
        assert text[block.char_start : block.char_end].strip() != ""
        assert block.char_start >= end
        end = block.char_end
    assert end == len(text)


@given(DRAFTS)
def test_every_draft_with_text_becomes_a_block(drafts: list[Draft]) -> None:
    text, blocks = compose(drafts)

    expected = [normalise(draft.text) for draft in drafts if normalise(draft.text).strip()]
    assert [text[block.char_start : block.char_end] for block in blocks] == expected


def test_items_of_one_list_stand_on_adjacent_lines() -> None:
    drafts = [
        Draft(kind="list_item", text="one"),
        Draft(kind="list_item", text="two"),
        Draft(kind="list_item", text="other section", section=("A",)),
        Draft(kind="table_row", text="a: 1", section=("A",)),
    ]

    assert compose(drafts)[0] == "one\ntwo\n\nother section\n\na: 1"


def test_a_heading_closes_those_of_its_level_and_below() -> None:
    outline = Outline()

    sections = []
    for name, level in [("A", 1), ("B", 3), ("C", 2), ("D", 2), ("E", 1)]:
        outline.heading(name, level=level)
        sections.append(outline.section)

    assert sections == [("A",), ("A", "B"), ("A", "C"), ("A", "D"), ("E",)]
