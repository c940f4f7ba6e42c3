"""A real HTTP server that speaks the chat completions of OpenAI, and lies in the way it is told to.

`with lying_language_model("changed_number") as server:` and then send requests to
`server.base_url`. The behaviours are those of `tests.fakes.lies.WRITERS`, which differ in what the
model writes, and those of `_FAILURES` here, which differ in how the server sends it.
`/moderations` flags texts that hold `flagged`, unless `moderation` names a failure instead; asked
to judge a claim it does as `judgement` says, one of `tests.fakes.judges.JUDGES` or a failure.
"""

import json
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TypedDict

from typing_extensions import override

from tests.fakes.completions import (
    SentBody,
    completion,
    event_of,
    moderation_of,
    piece_of,
    stream_events,
)
from tests.fakes.edits import CannotLie
from tests.fakes.judges import JUDGES, is_asked_to_judge, judge
from tests.fakes.lies import WRITERS, read_prompt, write

HUGE_RESPONSE_BYTES = 64_000_000
DRIP_SECONDS = 0.01
JSON = "application/json"


class ReceivedRequest(TypedDict):
    path: str
    headers: dict[str, str]  # names in lower case
    body: SentBody


class LyingLanguageModel(ThreadingHTTPServer):
    """The server; it lives in threads of its own until it is stopped."""

    # Joined on closing: a thread that outlives its test would spoil another one.
    daemon_threads = False

    def __init__(self, behaviours: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[ReceivedRequest] = []
        self.bytes_sent = 0
        self.received = Event()
        self.hung_up_on = Event()
        self.stopping = Event()
        self.flagged = ""
        self.moderation = "honest"
        self.judgement = "agrees"
        self._behaviours = list(behaviours)
        self.behave(*behaviours)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def behave(self, *behaviours: str) -> None:
        """Answers the coming requests in these ways, one after the other; the last one stays."""
        unknown = set(behaviours) - set(WRITERS) - set(_FAILURES)
        if unknown or not behaviours:
            raise ValueError(f"unknown behaviours: {sorted(unknown)}")
        self._behaviours = list(behaviours)

    def next_behaviour(self) -> str:
        return self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]


@contextmanager
def lying_language_model(*behaviours: str) -> Iterator[LyingLanguageModel]:
    """A running server; requests are answered by the behaviours in turn, then by the last one."""
    with LyingLanguageModel(behaviours) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: LyingLanguageModel
    timeout = 30

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(
            ReceivedRequest(
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
        )
        self.server.received.set()
        try:
            self.act(body)
        except ConnectionError:  # the client may hang up on an answer it does not like
            self.server.hung_up_on.set()

    def act(self, body: SentBody) -> None:
        """Moderates, judges or answers, whichever it is asked for."""
        server = self.server
        if self.path.endswith("/moderations"):
            if server.moderation == "honest":
                self.reply(200, moderation_of(body, server.flagged))
            else:
                _FAILURES[server.moderation](self, body, server.moderation)
        elif is_asked_to_judge(_shown(body)):
            if server.judgement in JUDGES:
                text = judge(server.judgement, _shown(body))
                self.reply(200, json.dumps(completion(text)).encode())
            else:
                _FAILURES[server.judgement](self, body, server.judgement)
        else:
            behaviour = server.next_behaviour()
            _FAILURES.get(behaviour, _write_completion)(self, body, behaviour)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""

    def reply(
        self,
        status: int,
        content: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.start(status, {"Content-Length": str(len(content)), **(headers or {})})
        self.wfile.write(content)

    def send_events(self, events: Iterable[bytes]) -> None:
        """Sends a stream; its end is the end of the connection."""
        self.start(200, {"Content-Type": "text/event-stream", "Connection": "close"})
        for event in events:
            self.wfile.write(event)
            self.wfile.flush()

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": JSON, **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _shown(body: SentBody) -> list[str]:
    return [message["content"] for message in body["messages"]]


def _wants_logprobs(body: SentBody) -> bool:
    return body.get("logprobs", False)


def _write_completion(handler: _Handler, body: SentBody, behaviour: str) -> None:
    try:
        text = write(behaviour, read_prompt(_shown(body)))
    except CannotLie:
        handler.reply(501, b'{"error": {"message": "no sentence lends itself to this lie"}}')
        return
    finish_reason = "length" if behaviour == "cut_off" else "stop"
    if body.get("stream"):
        handler.send_events(stream_events(text, body, finish_reason=finish_reason))
    else:
        made = completion(text, finish_reason=finish_reason, has_logprobs=_wants_logprobs(body))
        handler.reply(200, json.dumps(made).encode())


def _refuse(status: int, **headers: str) -> Callable[[_Handler, SentBody, str], None]:
    """A failure whose body echoes the prompt, as careless servers do."""

    def send(handler: _Handler, body: SentBody, _behaviour: str) -> None:
        error = {"error": {"message": f"cannot serve {_shown(body)}", "code": "failed"}}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.reply(status, json.dumps(error).encode(), named)

    return send


def _hang(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
    handler.server.stopping.wait()


def _drip(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
    handler.start(200, {})
    while not handler.server.stopping.wait(DRIP_SECONDS):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def _not_json(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
    handler.reply(200, b"<html><body>Welcome!</body></html>", {"Content-Type": "text/html"})


def _no_choices(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
    handler.reply(200, json.dumps({**completion(""), "choices": []}).encode())


def _no_text(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
    handler.reply(200, json.dumps(completion("")).encode())


def _no_usage(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    text = write("truthful", read_prompt(_shown(body)))
    if body.get("stream"):
        handler.send_events(stream_events(text, {**body, "stream_options": {}}))
    else:
        handler.reply(200, json.dumps({**completion(text), "usage": None}).encode())


def _negative_usage(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    reply = completion(write("truthful", read_prompt(_shown(body))))
    usage = {"prompt_tokens": -1_000_000, "completion_tokens": -1_000_000}
    handler.reply(200, json.dumps({**reply, "usage": usage}).encode())


def _huge(status: int) -> Callable[[_Handler, SentBody, str], None]:
    def send(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
        handler.start(status, {})
        piece = b" " * 100_000
        while handler.server.bytes_sent < HUGE_RESPONSE_BYTES:
            handler.wfile.write(piece)
            handler.server.bytes_sent += len(piece)

    return send


def _compressed(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
    handler.reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"})


def _refuses_json_schema(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    if "response_format" in body:
        _refuse(400)(handler, body, "refuses_json_schema")
    else:
        _write_completion(handler, body, "truthful")


def _first_events(body: SentBody) -> list[bytes]:
    return list(stream_events(write("truthful", read_prompt(_shown(body))), body))[:4]


def _slow_first_token(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    handler.send_events(_first_events(body)[:1])
    handler.server.stopping.wait()


def _hangs_midway(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    handler.send_events(_first_events(body))
    handler.server.stopping.wait()


def _breaks_off(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    handler.send_events(_first_events(body))


def _ignores_stream(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    _write_completion(handler, {**body, "stream": False}, "truthful")


def _truthful_events(body: SentBody) -> list[bytes]:
    return list(stream_events(write("truthful", read_prompt(_shown(body))), body))


def _no_finish_reason(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    events = _truthful_events({**body, "stream_options": {}})
    handler.send_events(events[:-2])


def _no_done(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    handler.send_events(_truthful_events(body)[:-1])


def _reset(handler: _Handler, events: list[bytes]) -> None:
    """Sends these events and resets the connection, which breaks the body off."""
    handler.start(200, {"Content-Type": "text/event-stream", "Content-Length": "1000000"})
    handler.wfile.write(b"".join(events))
    handler.wfile.flush()
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True


def _reset_late(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    _reset(handler, _truthful_events(body)[:-3])


def _reset_after_a_claim(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    written = write("truthful", read_prompt(_shown(body)))
    first_claim, _, _ = written.rpartition("]")
    _reset(handler, list(stream_events(first_claim, body))[:-3])


def _silent_at_the_end(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    def events() -> Iterator[bytes]:
        yield from _truthful_events(body)[:-3]
        handler.server.stopping.wait()

    handler.send_events(events())


def _strange_values(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    """A surrogate pair in two events, and numbers and names that no database takes."""
    claim = write("truthful", read_prompt(_shown(body)))
    halves = [piece_of("<think>\ud83d"), piece_of("\ude00</think>")]
    events = list(stream_events(claim, body))
    strange = event_of({"model": "\0" + "x" * 5_000, "choices": []})
    handler.send_events([*halves, strange, *events])


def _error_midway(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    error = event_of({"error": {"message": f"lost {_shown(body)}"}})
    handler.send_events([*_first_events(body), error])


def _garbage_midway(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    handler.send_events([*_first_events(body), b"data: {not json\n\n"])


def _strange_midway(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    handler.send_events([*_first_events(body), event_of({"choices": [{"delta": 7}]})])


def _endless(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    def events() -> Iterator[bytes]:
        yield from _first_events(body)
        while not handler.server.stopping.wait(DRIP_SECONDS):
            yield piece_of("more ")

    handler.send_events(events())


def _endless_after_a_claim(handler: _Handler, body: SentBody, _behaviour: str) -> None:
    written = write("truthful", read_prompt(_shown(body)))
    first_claim, _, _ = written.rpartition("]")

    def events() -> Iterator[bytes]:
        yield from list(stream_events(first_claim, body))[:-2]
        while not handler.server.stopping.wait(DRIP_SECONDS):
            yield piece_of(" ")

    handler.send_events(events())


def _hangs_up(handler: _Handler, _body: SentBody, _behaviour: str) -> None:
    handler.close_connection = True


_FAILURES: dict[str, Callable[[_Handler, SentBody, str], None]] = {
    "server_error": _refuse(500, Retry_After_Ms="1"),
    "overloaded": _refuse(503, Retry_After_Ms="1"),
    "rate_limited": _refuse(429, Retry_After="7"),
    "rate_limited_for_a_second": _refuse(429, Retry_After="1"),
    "rate_limited_for_an_hour": _refuse(429, Retry_After="3600"),
    "rate_limited_briefly": _refuse(429, Retry_After_Ms="1"),
    "conflict": _refuse(409),
    "request_timeout": _refuse(408),
    "wrong_key": _refuse(401),
    "forbidden": _refuse(403),
    "unknown_model": _refuse(404),
    "bad_request": _refuse(400),
    "redirect": _refuse(307, Location="http://127.0.0.1:9/v1/chat/completions"),
    "refuses_json_schema": _refuses_json_schema,
    "hang": _hang,
    "drip": _drip,
    "slow_first_token": _slow_first_token,
    "hangs_midway": _hangs_midway,
    "breaks_off": _breaks_off,
    "error_midway": _error_midway,
    "garbage_midway": _garbage_midway,
    "strange_midway": _strange_midway,
    "endless": _endless,
    "endless_after_a_claim": _endless_after_a_claim,
    "hangs_up": _hangs_up,
    "ignores_stream": _ignores_stream,
    "no_finish_reason": _no_finish_reason,
    "no_done": _no_done,
    "reset_late": _reset_late,
    "reset_after_a_claim": _reset_after_a_claim,
    "silent_at_the_end": _silent_at_the_end,
    "strange_values": _strange_values,
    "not_json": _not_json,
    "no_choices": _no_choices,
    "no_text": _no_text,
    "no_usage": _no_usage,
    "negative_usage": _negative_usage,
    "compressed": _compressed,
    "huge_response": _huge(200),
    "huge_error": _huge(500),
}
