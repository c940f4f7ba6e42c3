"""The grammar of filters in the API's description is the one that is read."""

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from app.http.search.schemas import SearchRequest
from kb.errors import InvalidFilter
from kb.store.filters import parse_filter

SCHEMA = SearchRequest.model_json_schema()


def is_described(raw: JsonValue) -> bool:
    return Draft202012Validator(SCHEMA).is_valid({"query": "x", "filter": raw})


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"collection": "hr"},
        {"metadata.team.name": {"$in": ["red", 1, True]}},
        {"metadata.year": {"$gte": 2024, "$lt": "2026-01-01"}, "language": {"$ne": "de"}},
        {"$or": [{"effective_at": {"$exists": True}}, {"$not": {"$and": [{"language": "de"}]}}]},
    ],
)
def test_what_is_read_is_described(raw: dict[str, JsonValue]) -> None:
    parse_filter(raw)

    assert is_described(raw)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        {"metadata.a": None},
        {"metadata.a": ["x"]},
        {"metadata.a": {"$regex": "x"}},
        {"metadata.a": {"$in": "x"}},
        {"metadata.a": {"$exists": "true"}},
        {"metadata.a": "x" * 2001},
        {"$or": []},
        {"$or": {"collection": "x"}},
        {"$or": [{"$not": [{"collection": "x"}]}]},
    ],
)
def test_what_is_refused_is_not_described(raw: JsonValue) -> None:
    with pytest.raises(InvalidFilter):
        parse_filter(raw)

    assert not is_described(raw)
