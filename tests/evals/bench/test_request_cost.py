"""The requests whose cost is measured, the client that sends them, and the verdict."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from evals.bench.footnote_process import BenchmarkFailed
from evals.bench.http_load import Load, Response, Target, send_all
from evals.bench.processor_time import Spent, spent
from evals.bench.request_cost import Sent, judge
from evals.bench.request_mix import (
    ANSWER,
    CHECK,
    CLAIMS,
    KINDS,
    LETTERS,
    QUESTIONS_A_ROUND,
    SEARCH,
    SEARCHES,
    STREAM,
    Kind,
    rounds_of,
)
from footnote.evals.datasets import CorpusDocument, Dataset

EVENTS = (
    b"event: answer.created\ndata: {}\nid: 1\n\n",
    b"event: claim.verified\ndata: {}\nid: 2\n\n",
    b'event: answer.completed\ndata: {"status": "answered"}\nid: 3\n\n',
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    """Keeps connections."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/refused":
            self.send_error(503)
        elif self.path == "/stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (*EVENTS, b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def target() -> Iterator[Target]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Target(url=f"http://127.0.0.1:{server.server_port}", key="fn_1")
        server.shutdown()


def test_every_body_is_sent_once_and_responses_keep_their_order(target: Target) -> None:
    load = send_all(target, "/echo", [{"query": str(number)} for number in range(50)], clients=8)

    bodies = [response.body for response in load.responses]
    assert bodies == [b'{"query": "%d"}' % number for number in range(50)]
    assert all(response.first_claim_milliseconds is None for response in load.responses)


def test_a_stream_is_read_to_its_end_and_its_first_claim_is_timed(target: Target) -> None:
    (response,) = send_all(target, "/stream", [{"question": "?"}], clients=1).responses

    assert response.body == b"".join(EVENTS)
    assert response.first_claim_milliseconds is not None
    assert response.first_claim_milliseconds <= response.milliseconds


def test_a_refused_request_ends_the_benchmark(target: Target) -> None:
    with pytest.raises(BenchmarkFailed, match="503"):
        send_all(target, "/refused", [{}], clients=1)


def test_processor_time_is_of_the_homes_processes_and_of_children_that_ended(
    tmp_path: Path,
) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\n"
    program = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\n"
        "print('burnt', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"FOOTNOTE_HOME": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()

        there, elsewhere = spent(tmp_path), spent(tmp_path / "elsewhere")
        process.communicate()

    assert there.api >= 0.25
    assert there.postgres == 0.0
    assert elsewhere.all == 0.0


@pytest.fixture
def book() -> CorpusDocument:
    sentences = [f"Sentence {n} of the book says what nobody had ever said." for n in range(9_000)]
    return CorpusDocument(id="1", title="Book", text=" ".join(sentences))


def test_no_text_is_sent_twice(book: CorpusDocument) -> None:
    questions = [f"Question {number}?" for number in range(3 * QUESTIONS_A_ROUND)]

    # Repeated questions count once.
    rounds = list(rounds_of([*questions, *questions], [book]))

    asked = [
        body.get("query", body.get("question"))
        for round_ in rounds
        for kind in (SEARCH, SEARCHES, ANSWER, STREAM)
        for body in round_[kind]
    ]
    assert sorted(map(str, asked)) == sorted(questions)
    texts = [str(body["sources"]) for round_ in rounds for body in round_[CHECK]]
    assert len({*texts}) == len(texts) == 3 * CHECK.a_round


def test_a_check_has_claims_of_its_text_and_of_another(book: CorpusDocument) -> None:
    questions = [f"Question {number}?" for number in range(QUESTIONS_A_ROUND)]

    (round_,) = rounds_of(questions, [book])
    body = round_[CHECK][0]

    claims, sources = body["claims"], body["sources"]
    assert isinstance(claims, list)
    assert isinstance(sources, list)
    text = sources[0]["text"]
    assert len(text) == LETTERS
    assert [claim in text for claim in claims] == [True] * (CLAIMS // 2) + [False] * (CLAIMS // 2)


def sent(kind: Kind, *, milliseconds: float, cpu_seconds: float) -> Sent:
    """Two rounds of ten requests, a second each."""
    answer = b'{"status": "answered", "data": [{"document": {"external_id": "a"}}]}'
    response = Response(
        body=answer,
        milliseconds=milliseconds,
        first_claim_milliseconds=milliseconds if kind is STREAM else None,
    )
    load = Load(responses=[response] * 10, seconds=1.0, client_cpu_seconds=0.001)
    cost = Spent(api=cpu_seconds * 0.75, postgres=cpu_seconds * 0.25)
    return Sent(kind=kind, loads=[load, load], costs=[cost, cost])


def service(*, cpu_seconds: float) -> dict[Kind, Sent]:
    return {kind: sent(kind, milliseconds=8.0, cpu_seconds=cpu_seconds) for kind in KINDS}


def test_costs_are_told_for_one_request_and_beside_the_other_checkout(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl.gz").write_bytes(b"")
    dataset = Dataset(name="small", folder=tmp_path)
    sides = [service(cpu_seconds=0.03), service(cpu_seconds=0.12)]

    outcome = judge(dataset, ["ours", "theirs"], sides, sides, {"chunks": 7})

    idle = outcome.numbers["idle"]
    assert isinstance(idle, dict)
    # 30 ms for ten searches; for ten checks of 40 claims.
    assert idle["now"]["search"]["cpu_milliseconds"] == {
        "all": 3.0,
        "api": 2.25,
        "postgres": 0.75,
        "client": 0.1,
    }
    assert idle["now"]["figures"]["grounding_claim_cpu_milliseconds"] == 0.075
    assert idle["now_over_before"]["answer_cpu_milliseconds"] == 0.25
    assert idle["cpu_now_over_before_by_round"]["answer"]["p50"] == 0.25
    assert idle["same_first_document"] == 1.0
    assert idle["now"]["answer"]["statuses"] == {"answered": 20}
    # Ten requests a second are too few, and nothing else is missed.
    assert outcome.numbers["missed"] == ["searches_per_second"]
    assert not outcome.has_met_target


def test_the_end_of_a_stream_says_how_the_answer_ended(tmp_path: Path) -> None:
    stream = sent(STREAM, milliseconds=8.0, cpu_seconds=0.03)
    whole = Response(body=b"".join(EVENTS), milliseconds=9.0, first_claim_milliseconds=8.0)
    broken = Response(body=b"".join(EVENTS[:2]), milliseconds=9.0, first_claim_milliseconds=8.0)

    def told(response: Response) -> object:
        load = Load(responses=[response], seconds=1.0, client_cpu_seconds=0.0)
        return Sent(kind=STREAM, loads=[load], costs=stream.costs[:1]).numbers["statuses"]

    assert told(whole) == {"answered": 1}
    with pytest.raises(BenchmarkFailed, match=r"claim\.verified"):
        told(broken)
