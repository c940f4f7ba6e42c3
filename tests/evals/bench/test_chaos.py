"""The benchmark that kills: its documents, and its careful client."""

import json

import httpx
import pytest

from evals.bench import chaos
from evals.bench.chaos import CarefulClient, text_of, word_of
from evals.bench.footnote_process import BenchmarkFailed


def client_answered(
    *answers: int | type[httpx.TransportError],
) -> tuple[CarefulClient, list[httpx.Request]]:
    """A client whose requests end one after the other as told, and what it sent."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        ending = answers[len(sent) - 1]
        if isinstance(ending, int):
            return httpx.Response(ending, json={})
        raise ending("The process was killed.")

    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://chaos")
    return CarefulClient(http=http), sent


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "PAUSE_SECONDS", 0.0)


def test_what_got_no_answer_is_sent_again_as_it_was() -> None:
    client, sent = client_answered(httpx.ReadError, 503, httpx.ConnectError, 409, 202)

    client.upload(3)

    assert [request.headers["Idempotency-Key"] for request in sent] == ["upload-3"] * 5
    assert len({request.content for request in sent}) == 1
    assert json.loads(sent[0].content)["external_id"] == "note-3"


def test_every_other_document_is_known_by_its_key_alone() -> None:
    client, sent = client_answered(202)

    client.upload(4)

    assert "external_id" not in json.loads(sent[0].content)


def test_a_refused_document_ends_it() -> None:
    client, _ = client_answered(422)

    with pytest.raises(BenchmarkFailed, match="Document 1 was refused"):
        client.upload(1)


def test_each_document_has_a_word_of_its_own() -> None:
    texts = [text_of(number) for number in range(200)]

    for number in range(20):
        assert sum(word_of(number) in text for text in texts) == 1
