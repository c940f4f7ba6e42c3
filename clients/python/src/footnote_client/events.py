"""A streamed answer, read from its bytes: the same for both clients.

A stream that breaks goes on behind the last event that arrived. One that ends in an error that may
pass is asked for anew, unless a claim was given: the next answer may have others.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx

from footnote_client import calls
from footnote_client.answers import Answer, VerifiedClaim
from footnote_client.calls import Call
from footnote_client.contract import Problem
from footnote_client.decoding import decode
from footnote_client.errors import ConnectionFailed, FootnoteError, ResponseInvalid, error_of
from footnote_client.sending import Pause, Sender, may_pass


class AnswerReader:
    """Reads one answer from one stream after the other, until it is whole."""

    def __init__(self, sender: Sender, asked: Call[Answer]) -> None:
        """`asked` is the question."""
        self._sender = sender
        self._asked = asked
        self._answer_id: str | None = None
        self._last_number = 0
        self._rest = b""
        self._event: dict[bytes, list[bytes]] = {}
        self._breaks = 0
        self._failures = 0
        self._has_given = False
        self._refusal: FootnoteError | None = None
        self.answer: Answer | None = None
        """The whole answer, once the stream has ended."""

    def begin(self, response: httpx.Response) -> None:
        """Begins with a new stream; ResponseInvalid when the response is none."""
        self._rest, self._event, self._refusal = b"", {}, None
        if not response.headers.get("Content-Type", "").startswith(calls.EVENT_STREAM):
            raise ResponseInvalid("The response to a question is no stream of events.")

    def next_call(self) -> Call[httpx.Response]:
        """The call that opens the stream, or goes on with it."""
        if self._answer_id is None:
            # The same Idempotency-Key: the answer is not made twice.
            return calls.streamed(self._asked)
        return calls.resumed(self._asked, self._answer_id, self._last_number)

    def read(self, part: bytes) -> Iterator[VerifiedClaim]:
        """The claims that end in this part; FootnoteError when the stream ends in an error.

        Lines are divided at line feeds only: the texts in them may have other separators.
        """
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in lines:
            name, _, value = line.removesuffix(b"\r").partition(b":")
            if name:
                self._event.setdefault(name, []).append(value.removeprefix(b" "))
            # A line that only begins with a colon is a ping.
            elif line in {b"", b"\r"} and self._event:
                event, self._event = self._event, {}
                claim = self._take(event)
                if claim is not None:
                    self._has_given = True
                    yield claim

    def whole_answer(self) -> Answer:
        """The answer; ValueError when the stream was closed before it came."""
        if self.answer is None:
            raise ValueError("The stream was closed before the answer was whole.")
        return self.answer

    def after_break(self, cause: httpx.RequestError | None) -> Pause:
        """The pause before the stream goes on; FootnoteError when it broke or failed too often.

        Breaks between which nothing arrived are counted, and all failures.
        """
        error = self._refusal
        if error is None:
            self._breaks += 1
            error = ConnectionFailed("The stream of the answer broke before its end.")
            pause = self._sender.pause(self._breaks, error)
        else:
            self._failures += 1
            pause = self._sender.pause(self._failures, error)
        if pause is None:
            raise error from cause
        return pause

    def _take(self, event: dict[bytes, list[bytes]]) -> VerifiedClaim | None:
        """The claim of an event, if it has one and is new."""
        try:
            content = json.loads(b"\n".join(event[b"data"]))
            return self._read(event[b"event"][-1].decode(), int(event[b"id"][-1]), content)
        except (ValueError, TypeError, KeyError) as error:
            raise ResponseInvalid("The stream has an event that is not Footnote's.") from error

    def _read(self, name: str, number: int, content: Any) -> VerifiedClaim | None:  # noqa: ANN401  # any JSON
        if name == "error":
            self._fail(error_of(decode(Problem, content)))
            return None
        if number <= self._last_number:
            return None
        self._last_number, self._breaks = number, 0
        match name:
            case "answer.created":
                self._answer_id = str(content["id"])
            case "claim.verified":
                return decode(VerifiedClaim, content)
            case "answer.completed":
                self.answer = decode(Answer, content)
            case _:
                # Others tell of progress, or are of a newer service.
                pass
        return None

    def _fail(self, error: FootnoteError) -> None:
        """Has the question asked anew after an error that may pass; else raises it."""
        if self._has_given or not may_pass(error):
            raise error
        self._refusal, self._answer_id, self._last_number = error, None, 0
