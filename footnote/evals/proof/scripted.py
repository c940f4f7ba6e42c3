"""A real HTTP server whose models say what a case says: one claim with its quote.

`writer` finds the source that holds the quote, as a model would. `reader` is a judge that knows
which claims are true: it shows what becomes of a right judgement, and measures no model.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

from typing_extensions import override

from app.answering.claims import Draft, DraftCitation, DraftClaim
from footnote.evals.obedient import SOURCE_BLOCK, as_json
from footnote.evals.proof.cases import ProofCase

WRITER: Final = "writer"
READER: Final = "reader"

_CITED_BLOCK: Final = re.compile(r"^<<(\S+) cited>>\n((?s:.*?))\n<<\1 end>>$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Put:
    """The course of a case: a model was asked at all, and was shown its quote."""

    is_asked: bool = False
    is_retrieved: bool = False


class ScriptedModels(ThreadingHTTPServer):
    """The server; put cases one after the other: `put` begins one, `happened` ends it."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listens on a free port of this machine only."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.case: ProofCase | None = None
        self.happened = Put()

    @property
    def base_url(self) -> str:
        """The address for the gateway."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def put(self, case: ProofCase) -> None:
        """Makes this the case that the models answer from now on."""
        self.case = case
        self.happened = Put()

    def write(self, shown: str) -> str:
        """The writer's output for a prompt."""
        case = self.case
        source = None if case is None else source_with(case.quote, shown)
        self.happened = Put(is_asked=True, is_retrieved=source is not None)
        if case is None or source is None:
            return as_json(Draft(status="unsupported"))
        citation = DraftCitation(source=source, quote=case.quote)
        return as_json(
            Draft(status="answered", claims=(DraftClaim(text=case.claim, citations=(citation,)),))
        )

    def read(self, shown: str) -> str:
        """The reader's output for a prompt, whose claims are all the case's."""
        verdict = "supported" if self.case is not None and self.case.is_true else "unsupported"
        verdicts = [
            {"claim": place, "verdict": verdict, "quote": block[2].strip().partition("\n")[0]}
            for place, block in enumerate(_CITED_BLOCK.finditer(shown), 1)
        ]
        if verdicts:
            return json.dumps({"verdicts": verdicts})
        return json.dumps({"verdict": verdict, "quote": self.case.quote if self.case else None})


@contextmanager
def scripted_models() -> Iterator[ScriptedModels]:
    """A running server."""
    with ScriptedModels() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def source_with(quote: str, shown: str) -> str | None:
    """The id of the first source of a prompt that holds the quote; None when none does."""
    wanted = _letters(quote)
    for block in SOURCE_BLOCK.finditer(shown):
        if wanted in _letters(block["text"]):
            return block["id"]
    return None


def _letters(text: str) -> str:
    """Letters and digits alone: white space and broken markup do not tell texts apart."""
    return "".join(filter(str.isalnum, text))


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedModels
    protocol_version = "HTTP/1.1"
    timeout = 30
    # A response is two packets; the second would wait 40 ms for the first one's receipt.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answers a chat completion, streamed or whole."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shown = "\n".join(message["content"] for message in body["messages"])
        is_reader = body["model"] == READER
        text = self.server.read(shown) if is_reader else self.server.write(shown)
        completion = {
            "id": "chatcmpl-1",
            "created": 1_760_000_000,
            "model": "scripted",
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        if body.get("stream"):
            kind, content = "text/event-stream", b""
            for delta, finish in (({"content": text}, None), ({}, "stop")):
                choice = {"index": 0, "delta": delta, "finish_reason": finish}
                chunk = {**completion, "object": "chat.completion.chunk", "choices": [choice]}
                content += f"data: {json.dumps(chunk)}\n\n".encode()
            content += b"data: [DONE]\n\n"
        else:
            kind = "application/json"
            message = {"role": "assistant", "content": text}
            whole = {"index": 0, "message": message, "finish_reason": "stop"}
            content = json.dumps(
                {**completion, "object": "chat.completion", "choices": [whole]}
            ).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""
