"""Claims are read while the output still comes, however it is cut into pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answering.generate.draft_reader import (
    MAX_OUTPUT_CHARS,
    MAX_VALUE_CHARS,
    DraftReader,
    JsonValue,
    UnreadableDraft,
)

CLAIMS: list[JsonValue] = [
    {
        "text": 'A "quoted" \\ [x] {y} é \U0001f600, and more',
        "citations": [{"source": "a", "quote": "q"}],
    },
    {"text": "B", "citations": []},
]
FIELDS: dict[str, JsonValue] = {"status": "answered", "clarifying_question": None}
WRITTEN = json.dumps({**FIELDS, "claims": CLAIMS})


def read(text: str, size: int) -> tuple[DraftReader, list[JsonValue]]:
    reader = DraftReader()
    claims: list[JsonValue] = []
    for start in range(0, len(text), size):
        claims += reader.feed(text[start : start + size])
    return reader, claims


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize(
    ("before", "behind"), [("", ""), ("```json\n", "\n```\nDone."), ("Sure:\n", "")]
)
def test_all_claims_and_fields_are_read_from_pieces_of_any_size(
    size: int, before: str, behind: str, *, is_ascii: bool
) -> None:
    written = json.dumps({**FIELDS, "claims": CLAIMS}, ensure_ascii=is_ascii, indent=1)

    reader, claims = read(before + written + behind, size)

    assert (claims, reader.fields, reader.is_closed) == (CLAIMS, FIELDS, True)


def test_a_claim_is_given_with_its_last_brace() -> None:
    text = json.dumps({"status": "answered", "claims": CLAIMS})
    end = text.index("}, {") + 1
    reader = DraftReader()

    before = reader.feed(text[: end - 1])
    at_its_end = reader.feed(text[end - 1 : end])

    assert (before, at_its_end) == ([], CLAIMS[:1])
    assert reader.fields == {"status": "answered"}
    assert not reader.is_closed


def texts(max_size: int) -> st.SearchStrategy[str]:
    """Text as it can be stored: without NUL and halves of surrogate pairs."""
    characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    return st.text(characters, max_size=max_size)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts(20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(5), inner),
    max_leaves=8,
)


@given(claims=st.lists(json_values, max_size=4), size=st.integers(1, 30))
def test_whatever_stands_in_the_list_is_given_as_it_was_written(
    claims: list[JsonValue], size: int
) -> None:
    text = json.dumps({"claims": claims, "status": "answered"})

    reader, given_claims = read(text, size)

    assert given_claims == claims
    assert reader.is_closed


NOT_DRAFTS = {
    "bare word": '{"status": answered, and much more that is no JSON}',
    "number as key": '{1: 2, "x": "much more text behind it"}',
    "missing comma": '{"claims": [{"text": "a" "b": "much more text behind it"}]}',
    "too deep": "{" + '"a": [' * 5_000 + "x" * 40,
    "too many fields": "{" + ",".join(f'"{number}": 1' for number in range(200)) + "}",
    "a value without end": '{"status": "' + "x" * (MAX_VALUE_CHARS + 10),
    "a number without end": '{"status": ' + "1" * 5_000 + "}",
    "no number": '{"status": NaN}',
    "the wrong bracket": '{"claims": []]',
    "nothing": "{}",
}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("broken", NOT_DRAFTS.values(), ids=NOT_DRAFTS)
def test_what_is_no_draft_is_passed_over(broken: str, size: int) -> None:
    nothing, no_claims = read(broken, size)
    reader, claims = read(f"{broken}\n{WRITTEN}", size)

    assert (no_claims, nothing.is_closed) == ([], False)
    assert (claims, reader.fields, reader.is_closed) == (CLAIMS, FIELDS, True)


THOUGHTS = [
    '<think>The shape is {curly}, so {"status": "answered", "claims": []}?</think>\n',
    '<thinking>\n{"claims": [{"text": "wrong"}]}\n</thinking>',
    "[THINK]{{{[/THINK]",
    '\u25c1think\u25b7 {"status": \u25c1/think\u25b7',
    'The set {a, b} and {"example": 1} are no answer. ',
]


@pytest.mark.parametrize("size", [1, 2, 5, 10_000])
@pytest.mark.parametrize("thought", THOUGHTS)
def test_what_a_model_thinks_aloud_is_passed_over(thought: str, size: int) -> None:
    reader, claims = read(f"{thought}{WRITTEN}\nI hope {{this}} helps.", size)

    assert (claims, reader.fields, reader.is_closed) == (CLAIMS, FIELDS, True)


def test_an_object_of_another_shape_is_kept_to_be_told() -> None:
    reader, claims = read('Here: {"answer": "31 days"}.', 5)

    assert (claims, reader.fields, reader.is_closed) == ([], {"answer": "31 days"}, True)


def test_what_is_no_text_is_marked() -> None:
    reader, claims = read(
        '{"claims": ["a\\u0000b", "\\ud83d\\ude00", "\\ud83d!"], "\\udc00": "\\ud800"}', 3
    )

    assert claims == ["a\ufffdb", "\U0001f600", "\ufffd!"]
    assert reader.fields == {"\ufffd": "\ufffd"}


@pytest.mark.parametrize(
    "unit",
    ["word ", "{", '{"', '{"a": [] ', "<think>", "<think", '"claims": [', "\\", "}"],
)
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_what_is_said_without_end_gives_no_claim(unit: str, size: int) -> None:
    reader, claims = read((unit * 100_000)[:100_000], size)

    assert (claims, reader.fields, reader.is_closed) == ([], {}, False)


def test_an_output_without_end_is_given_up() -> None:
    with pytest.raises(UnreadableDraft):
        read("x" * (MAX_OUTPUT_CHARS + 1), 100_000)


def test_an_output_without_an_object_gives_nothing() -> None:
    reader, claims = read("I cannot help with that.", 5)

    assert (claims, reader.fields, reader.is_closed) == ([], {}, False)


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_claims_before_a_break_are_not_lost_with_it(size: int) -> None:
    text = f'{{"claims": [{json.dumps(CLAIMS[0])}, and now for something that is no JSON]}}'
    reader, given_claims = DraftReader(), list[JsonValue]()

    def read_on() -> None:
        for start in range(0, len(text), size):
            given_claims.extend(reader.feed(text[start : start + size]))

    with pytest.raises(UnreadableDraft) as told:
        read_on()

    assert [*given_claims, *told.value.claims] == CLAIMS[:1]
