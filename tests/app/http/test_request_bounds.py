import json

import pytest

from app.http.request_bounds import (
    MAX_DEPTH,
    MAX_MEMBERS,
    MAX_QUERY_BYTES,
    MAX_QUERY_PARAMETERS,
    fault_of_address,
    fault_of_json,
)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/documents/a\0b", b""),
        ("/v1/documents", b"collection=a%00b"),
        ("/v1/documents", b"&" * MAX_QUERY_PARAMETERS),
        ("/v1/documents", b"collection=" + b"a" * MAX_QUERY_BYTES),
    ],
)
def test_a_bad_address_is_refused(path: str, query: bytes) -> None:
    assert fault_of_address(path, query)


def test_an_ordinary_address_is_not() -> None:
    assert fault_of_address("/v1/documents", b"limit=10&filter=%7B%22metadata.a%22%3A1%7D") is None


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({f"a{number}": 1 for number in range(MAX_MEMBERS + 1)}),
        json.dumps([[]] * MAX_MEMBERS),
        "[" * (MAX_DEPTH + 1),
        '{"a":' * (MAX_DEPTH + 1),
        '{"text": "a\0b"}',
    ],
)
def test_a_body_of_too_many_values_is_refused(body: str) -> None:
    assert fault_of_json(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"text": ",[{" * 100_000}),
        json.dumps({"text": '\\"' * 100_000}),
        json.dumps(["a"] * (MAX_MEMBERS - 1)),
        "[" * MAX_DEPTH + "]" * MAX_DEPTH,
        "",
    ],
)
def test_what_stands_in_strings_counts_for_nothing(body: str) -> None:
    assert fault_of_json(body.encode()) is None


def test_another_encoding_does_not_hide_values() -> None:
    assert fault_of_json(json.dumps([1] * (MAX_MEMBERS + 1)).encode("utf-16"))


@pytest.mark.parametrize("unit", [b'"', b'\\"', b'"\\', b"[", b",", b"{", b'""', b"\\", b"a"])
def test_a_string_that_nothing_ends_is_left_to_the_reader_of_json(unit: bytes) -> None:
    assert fault_of_json(b'"' + unit * (2_000_000 // len(unit))) is None


def test_strings_side_by_side_are_too_many_values() -> None:
    fault = fault_of_json(b"[" + b'""' * 1_000_000 + b"," * 70)

    assert fault == f"The body holds more than {MAX_MEMBERS} values."
