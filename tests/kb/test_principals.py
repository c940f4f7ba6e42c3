"""The grammar of principals."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidPrincipal
from kb.principals import (
    MAX_NAME_LENGTH,
    MAX_PRINCIPALS,
    principals_in_header,
    split_principals,
    validate_principals,
)
from tests.principals import REFUSED, REFUSED_IN_TEXT, TAKEN

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp"}
"""Without Cn: the grammar knows a newer Unicode than this Python, in which more is assigned."""


@pytest.mark.parametrize(("sent", "stored"), TAKEN.items())
def test_a_principal_is_stored_in_its_composed_form(sent: str, stored: str) -> None:
    assert validate_principals([sent]) == [stored]


@pytest.mark.parametrize("sent", [*REFUSED, *REFUSED_IN_TEXT, "user:\ud800"])
def test_what_is_no_principal_is_refused(sent: str) -> None:
    with pytest.raises(InvalidPrincipal):
        validate_principals(["user:ana", sent])


@pytest.mark.parametrize("sent", ["user:*", "tenant:globex"])
def test_a_reserved_principal_is_refused_with_the_reason(sent: str) -> None:
    with pytest.raises(InvalidPrincipal, match="stands for everybody"):
        validate_principals([sent])


def test_two_spellings_of_one_name_are_one_principal() -> None:
    assert validate_principals(["user:\u00e0", "user:a\u0300"]) == ["user:\u00e0"]


def test_at_most_so_many_are_looked_at() -> None:
    with pytest.raises(InvalidPrincipal, match="use groups"):
        validate_principals(["user:ana"] * (MAX_PRINCIPALS + 1))


@given(st.text(max_size=20).map(lambda name: f"user:{name}") | st.text(max_size=20))
def test_what_is_taken_is_visible_composed_and_taken_again(sent: str) -> None:
    try:
        [stored] = validate_principals([sent])
    except InvalidPrincipal:
        return

    kind, _, name = stored.partition(":")
    assert kind.isascii()
    assert kind.islower()
    assert 0 < len(name) <= MAX_NAME_LENGTH
    assert not UNSEEN & {unicodedata.category(character) for character in name}
    assert stored == unicodedata.normalize("NFC", sent)
    assert validate_principals([stored]) == [stored]


@given(st.lists(st.text("abc\u00e0\u6cd5*.@", min_size=1, max_size=5), max_size=5))
def test_a_list_a_header_and_json_name_the_same(names: list[str]) -> None:
    principals = [f"user:{name}x" for name in names]
    listed = " ,\t".join(principals)

    assert split_principals(listed) == principals
    assert principals_in_header(listed.encode().decode("latin-1")) == principals


def test_a_header_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InvalidPrincipal, match="UTF-8"):
        principals_in_header("user:\u00e0na")


def test_what_stands_around_a_comma_is_a_blank_or_part_of_a_name() -> None:
    assert split_principals(" user:ana\t,user:bob\u00a0,,") == ["user:ana", "user:bob\u00a0"]
