"""A difference that tells a hidden document from none is noticed; ids and times may differ."""

import json

import httpx
import pytest

from evals.attack.comparing import differences, response_differences
from evals.attack.isolation import REFERENCES, WORDS, told_apart

HIT = {"chunk_id": 1, "document": {"id": "a"}, "scores": {"bm25": 1.5, "cosine": 0.25}}


def searching(score_by_word: dict[str, float]) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        score = score_by_word[json.loads(request.content)["query"]]
        return httpx.Response(200, json={"data": [{"scores": {"bm25": score}}]})

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://test")


def test_ids_and_times_may_differ() -> None:
    other = {**HIT, "chunk_id": 2, "document": {"id": "b"}}

    found = differences(
        {"data": [HIT], "timings_ms": {"total": 1}, "created_at": "a"},
        {"data": [other], "timings_ms": {"total": 2}, "created_at": "b"},
    )

    assert found == []


@pytest.mark.parametrize(
    "changed",
    [
        {"scores": {"bm25": 1.51, "cosine": 0.25}},
        {"scores": {"bm25": None, "cosine": 0.25}},
        {"scores": {"bm25": 1.5}},
        {"rank": 1},
    ],
)
def test_any_other_number_is_a_difference(changed: dict[str, object]) -> None:
    assert differences([HIT], [{**HIT, **changed}]) != []


def test_a_longer_list_is_a_difference() -> None:
    assert differences([HIT], [HIT, HIT]) != []


def test_another_status_type_or_body_is_a_difference() -> None:
    one = httpx.Response(404, json={"code": "not_found", "request_id": "a"})

    assert (
        response_differences(one, httpx.Response(404, json={**one.json(), "request_id": 1})) == []
    )
    assert response_differences(one, httpx.Response(403, json=one.json())) != []
    assert response_differences(one, httpx.Response(404, text="no")) != []
    assert response_differences(one, httpx.Response(404, json={"code": "other"})) != []


@pytest.mark.parametrize(("score", "told"), [(1.0, 0), (1.02, WORDS // 2), (0.5, WORDS // 2)])
def test_words_whose_scores_differ_are_told_apart(score: float, told: int) -> None:
    secret = [f"w{number}" for number in range(WORDS + REFERENCES)]
    scores = dict.fromkeys(secret, 1.0) | dict.fromkeys(secret[: WORDS // 2], score)

    bare = searching(dict.fromkeys(secret, 3.0))

    assert told_apart(bare, searching(scores), secret) == told
