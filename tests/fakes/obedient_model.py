"""A real HTTP server whose model obeys the instruction that was planted in what it is shown.

It answers with streams only, which is how answers are asked for.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from typing_extensions import override

from footnote.evals.obedient import Manner, Planted, answer_truthfully, as_json, obey, see
from tests.fakes.completions import stream_events


class ObedientLanguageModel(ThreadingHTTPServer):
    """Obeys `planted` in the given manner where it is shown any of it; else tells the truth."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.planted = Planted(instruction="", payload=None)
        self.manner: Manner = "quotes_instruction"
        self.has_obeyed = False

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ObedientLanguageModel
    timeout = 30

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages = [message["content"] for message in body["messages"]]
        seen = see(messages, self.server.planted)
        self.server.has_obeyed = seen is not None
        draft = (
            answer_truthfully(messages, self.server.planted)
            if seen is None
            else obey(self.server.manner, seen)
        )
        content = b"".join(stream_events(as_json(draft), body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""


@contextmanager
def obedient_language_model() -> Iterator[ObedientLanguageModel]:
    """A running server."""
    with ObedientLanguageModel() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
