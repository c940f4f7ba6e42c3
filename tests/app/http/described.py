"""The API's own description, a request with every field for each route, and hostile texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from uuid import uuid4

import httpx

from app.http.openai_problems import is_chat_path

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Route: TypeAlias = tuple[str, str]

LONGER_THAN_ANY_BOUND: Final = 100_000
"""Characters; metadata may have 65,536 bytes, and nothing else as many."""

TEXTS: Final = ("a\0b", "\ud800", "", "\x01\x1f\x7f", "\u202ea\u2066", "a" * LONGER_THAN_ANY_BOUND)
TIME: Final = "2026-03-01T09:00:00Z"
SEARCHED: Final[dict[str, Json]] = {
    "collections": ["default"],
    "filter": {"metadata.a": 1},
    "as_of": TIME,
    "top_k": 2,
}
FIELDS: Final[dict[str, Json]] = {
    "collection": "default",
    "external_id": "a",
    "mode": "upsert",
    "title": "T",
    "source_uri": "https://example.org/a",
    "language": "en",
    "metadata": {"a": ["b", {"c": 1}]},
    "principals": ["tenant:*"],
    "effective_at": TIME,
    "expires_at": TIME,
    "supersedes": str(uuid4()),
}
SOURCE: Final[dict[str, Json]] = {
    "uri": "https://127.0.0.1/list",
    "principals": ["tenant:*"],
    "rules": [{"pattern": "*.md", "principals": ["tenant:*"]}],
    "collection": "default",
    "cron": "0 2 * * *",
    "include": ["*.md"],
    "exclude": ["*.txt"],
    "max_vanish_share": 0.2,
}
BODIES: Final[Mapping[Route, dict[str, Json]]] = {
    ("POST", "/v1/documents"): {**FIELDS, "text": "A note."},
    ("POST", "/v1/documents:batch"): {"items": [{**FIELDS, "text": "A note."}]},
    ("PATCH", "/v1/documents/{document_id}"): {
        name: FIELDS[name]
        for name in ("title", "metadata", "principals", "effective_at", "expires_at")
    },
    ("POST", "/v1/webhooks"): {"url": "http://127.0.0.1", "events": ["job.finished"], "secret": ""},
    ("PATCH", "/v1/webhooks/{webhook_id}"): {
        "url": "http://127.0.0.1",
        "events": ["job.finished"],
        "enabled": True,
    },
    ("POST", "/v1/webhooks/{webhook_id}:rotate"): {"secret": "", "overlap_seconds": 1},
    ("POST", "/v1/sources"): {"name": "docs", **SOURCE},
    ("PATCH", "/v1/sources/{name}"): SOURCE,
    ("POST", "/v1/reindex"): {
        "collection": "default",
        "source": "docs",
        "only_changed": True,
        "embedding_model": "x",
    },
    ("PATCH", "/v1/collections/{name}"): {"retention_days": 30},
    ("POST", "/v1/search"): {
        **SEARCHED,
        "query": "note",
        "mode": "hybrid",
        "rerank": False,
        "explain": True,
    },
    ("POST", "/v1/answers"): {
        **SEARCHED,
        "question": "What is a note?",
        "history": [{"role": "user", "content": "Hello"}],
        "max_context_tokens": 100,
        "max_output_tokens": 100,
        "model": "x",
        "prompt": "answer",
        "stream": False,
        "include_retrieved": True,
    },
    ("POST", "/v1/answers/{answer_id}/feedback"): {
        "rating": 1,
        "reason_code": "outdated",
        "comment": "It changed.",
    },
    ("POST", "/v1/chat/completions"): {
        "model": "footnote/default",
        "messages": [
            {"role": "user", "content": "What is a note?", "name": "ana"},
            {
                "role": "assistant",
                "content": [{"type": "refusal", "refusal": "No."}],
                "refusal": "No.",
                "annotations": [{}],
                "audio": None,
                "tool_calls": [{}],
                "function_call": {},
            },
            {"role": "tool", "content": "x", "tool_call_id": "a"},
            {"role": "user", "content": [{"type": "text", "text": "What is a note?"}]},
        ],
        "stream": False,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "max_tokens": 100,
        "max_completion_tokens": 100,
        "n": 1,
        "temperature": 0.5,
        "top_p": 0.5,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "seed": 1,
        "user": "ana",
        "metadata": {"a": "b"},
        "stop": ["x"],
        "store": False,
        "prediction": {"type": "content", "content": "x"},
        "reasoning_effort": "low",
        "verbosity": "low",
        "service_tier": "auto",
        "safety_identifier": "x",
        "prompt_cache_key": "x",
        "prompt_cache_retention": "24h",
        "prompt_cache_options": {"mode": "implicit"},
        "parallel_tool_calls": False,
        "tools": [],
        "tool_choice": "none",
        "functions": [],
        "function_call": "none",
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "audio": None,
        "logprobs": False,
        "top_logprobs": 0,
        "logit_bias": {},
        "web_search_options": None,
        "moderation": None,
    },
    ("POST", "/v1/grounding:check"): {
        "answer": "A note is a text.",
        "claims": ["A note is a text."],
        "sources": [{"id": "a", "text": "A note is a text."}],
    },
}
"""A request with every field, for each route that takes JSON; it need not be accepted."""


@dataclass(frozen=True, kw_only=True)
class Described:
    """What the API says of its routes."""

    schema: dict[str, Json]

    def routes(self) -> Iterator[tuple[Route, dict[str, Json]]]:
        paths = cast("dict[str, dict[str, dict[str, Json]]]", self.schema["paths"])
        for path, operations in paths.items():
            for method, operation in operations.items():
                yield (method.upper(), path), operation

    def parameters(self, place: str) -> list[tuple[Route, str]]:
        return [
            (route, str(parameter["name"]))
            for route, operation in self.routes()
            for parameter in cast("list[dict[str, Json]]", operation.get("parameters", []))
            if parameter["in"] == place
        ]

    def fields(self, route: Route) -> set[str]:
        """The names of all fields of its JSON body, with those that they are in."""
        operation = dict(self.routes())[route]
        body = cast("dict[str, dict[str, dict[str, Json]]]", operation.get("requestBody", {}))
        json_body = body.get("content", {}).get("application/json", {})
        return set(self._names(cast("dict[str, Json]", json_body.get("schema", {})), ""))

    def _names(self, schema: dict[str, Json], prefix: str) -> Iterator[str]:
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            if name == "DocumentFilter":  # it holds itself, and has tests of its own
                return
            components = cast("dict[str, dict[str, dict[str, Json]]]", self.schema["components"])
            schema = components["schemas"][name]
        for option in cast("list[dict[str, Json]]", schema.get("anyOf", [])):
            yield from self._names(option, prefix)
        if "items" in schema:
            yield from self._names(cast("dict[str, Json]", schema["items"]), prefix)
        properties = cast("dict[str, dict[str, Json]]", schema.get("properties", {}))
        for name, field in properties.items():
            yield prefix + name
            yield from self._names(field, f"{prefix}{name}.")


def must_be_refused_properly(response: httpx.Response, what: object) -> None:
    told = f"{what!r:.300}: {response.status_code} {response.text[:300]}"
    assert response.status_code < 500, told
    if response.status_code >= 400:
        is_chat = is_chat_path(response.url.path)
        media_type = "application/json" if is_chat else "application/problem+json"
        assert response.headers["content-type"] == media_type, told
        assert (response.json()["error"] if is_chat else response.json())["code"], told
