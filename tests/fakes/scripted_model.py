"""A real HTTP server that writes exactly what a test says, in exactly the pieces it says.

It speaks only the streamed chat completions of OpenAI, which is how answers are always asked for.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TypeVar

from typing_extensions import override

from tests.fakes.completions import USAGE, SentBody, event_of
from tests.fakes.lies import read_prompt

_Text = TypeVar("_Text", str, bytes)

SOURCE = "SOURCE-OF-THIS-REQUEST"
"""Stands in a script for the id of the first source of the prompt."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """What the model writes, whatever it is asked.

    `cuts` are shares of the text (0 to 1) at which it is cut into pieces, `byte_cuts` shares of the
    response's bytes at which it is cut into packets.
    """

    text: str
    finish_reason: str = "stop"
    cuts: tuple[float, ...] = ()
    byte_cuts: tuple[float, ...] = ()


class ScriptedModel(ThreadingHTTPServer):
    """The server; `script` may be exchanged between requests."""

    # Joined on closing: a thread that outlives its test would spoil another one.
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = Script(text="")

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """A running server."""
    with ScriptedModel() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedModel
    timeout = 30

    def do_POST(self) -> None:
        body: SentBody = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        script = self.server.script
        asked = read_prompt([message["content"] for message in body["messages"]])
        text = script.text.replace(SOURCE, asked.sources[0].source_id)
        response = b"".join(_events(text, script))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for packet in _cut(response, script.byte_cuts):
                self.wfile.write(packet)
                self.wfile.flush()
        except ConnectionError:  # an output that cannot be read is not read to its end
            return

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""


def _events(text: str, script: Script) -> Iterator[bytes]:
    for piece in _cut(text, script.cuts):
        yield _chunk({"content": piece}, None)
    yield _chunk({}, script.finish_reason)
    yield event_of({"model": "scripted", "choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


def _chunk(delta: dict[str, str], finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return event_of(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_760_000_000,
            "model": "scripted",
            "choices": [choice],
        }
    )


def _cut(whole: _Text, shares: Sequence[float]) -> Iterator[_Text]:
    ends: list[int] = sorted(round(share * len(whole)) for share in shares)
    for start, end in zip([0, *ends], [*ends, len(whole)], strict=True):
        yield whole[start:end]
