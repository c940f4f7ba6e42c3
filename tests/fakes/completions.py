"""The bodies that an OpenAI-compatible server receives and sends, whole and in pieces."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypedDict

MODEL = "liar-1"
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 40},
}
LOGPROBS = {"content": [{"token": "a", "logprob": -0.25}, {"token": "b", "logprob": -0.75}]}
"""Their mean is -0.5."""


class SentMessage(TypedDict):
    role: str
    content: str


class SentBody(TypedDict, total=False):
    """The part of a request's body that tests look at."""

    model: str
    messages: list[SentMessage]
    max_tokens: int
    max_completion_tokens: int
    temperature: float
    response_format: dict[str, object]
    logprobs: bool
    stream: bool
    stream_options: dict[str, bool]
    input: str


def moderation_of(body: SentBody, flagged: str) -> bytes:
    """The body of a moderation; an empty `flagged` stands in no text."""
    is_flagged = bool(flagged) and flagged in body["input"]
    result = {"flagged": is_flagged, "categories": {}, "category_scores": {}}
    return json.dumps({"id": "modr-1", "model": "guard-1", "results": [result]}).encode()


def completion(
    text: str, *, finish_reason: str = "stop", has_logprobs: bool = False
) -> dict[str, object]:
    """The body of a successful response."""
    choice: dict[str, object] = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": finish_reason,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": MODEL,
        "choices": [choice | ({"logprobs": LOGPROBS} if has_logprobs else {})],
        "usage": USAGE,
    }


def stream_events(text: str, body: SentBody, *, finish_reason: str = "stop") -> Iterator[bytes]:
    """The events of the same as a stream, a word each; the usage only if it is asked for."""
    yield _chunk({"role": "assistant", "content": ""}, None)
    for word in re.findall(r"\S*\s*", text):
        yield piece_of(word)
    last = _chunk({}, finish_reason, logprobs=LOGPROBS if body.get("logprobs") else None)
    yield last
    if body.get("stream_options", {}).get("include_usage"):
        yield event_of({"model": MODEL, "choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


def piece_of(text: str) -> bytes:
    """An event that adds this text."""
    return _chunk({"content": text}, None)


def event_of(chunk: Mapping[str, object]) -> bytes:
    """Any object as an event."""
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _chunk(delta: dict[str, str], finish_reason: str | None, logprobs: object = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": logprobs}
    return event_of(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_760_000_000,
            "model": MODEL,
            "choices": [choice],
        }
    )
