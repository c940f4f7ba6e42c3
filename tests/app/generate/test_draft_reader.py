"""Claims are read while the output still comes, however it is cut into pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.generate.draft_reader import MAX_VALUE_CHARS, DraftReader, JsonValue, UnreadableDraft

CLAIMS: list[JsonValue] = [
    {
        "text": 'A "quoted" \\ [x] {y} é \U0001f600, and more',
        "citations": [{"source": "a", "quote": "q"}],
    },
    {"text": "B", "citations": []},
]
FIELDS: dict[str, JsonValue] = {"status": "answered", "clarifying_question": None}


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


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
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


@pytest.mark.parametrize(
    "text",
    [
        '{"status": answered, and much more that is no JSON}',
        '{1: 2, "x": "much more text behind it"}',
        '{"claims": [{"text": "a" "b": "much more text behind it"}]}',
        "{" + '"a": [' * 5_000 + "x" * 40,
    ],
    ids=["bare word", "number as key", "missing comma", "too deep"],
)
def test_what_cannot_become_a_draft_is_told(text: str) -> None:
    with pytest.raises(UnreadableDraft):
        read(text, 5)


def test_a_value_without_end_is_given_up() -> None:
    with pytest.raises(UnreadableDraft):
        read('{"status": "' + "x" * (MAX_VALUE_CHARS + 10), 1_000)


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
