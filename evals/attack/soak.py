"""64 mixed clients for minutes: memory stays flat, nothing fails, no file stays open."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from random import Random
from statistics import median
from time import monotonic
from typing import Literal, assert_never

import httpx

from evals.attack.finding import Finding, Probe, judge
from evals.attack.processes import ROLES, Usage, sampled
from evals.attack.seeding import paragraphs, random_for, words
from evals.attack.target import PATIENCE_SECONDS, Target

CLIENTS = 64
THINKING_SECONDS = 1.5
"""The mean; 64 clients then send some 40 requests a second, which two cores can do."""

SAMPLE_SECONDS = 5.0
DOCUMENTS_EACH = 4
"""A client deletes its oldest beyond this, so that the corpus does not grow."""

FLAT = 1.05
"""The last quarter's median over that of the quarter before."""

DISCONNECTS_IN_TEN_MINUTES = 200
MORE_FILES = 8
"""Open files wander by the connections of a moment."""

WARM_UP_SHARE = 0.2
TRANSIENT = frozenset({429, 503})
SUCCESS, CLIENT_ERROR, NOT_FOUND, SERVER_ERROR = 200, 400, 404, 500

BAD_REQUESTS: Sequence[tuple[str, str, Mapping[str, object] | None]] = (
    ("POST", "/v1/search", {"query": ""}),
    ("POST", "/v1/search", {"query": "x", "filter": {"unknown": 1}}),
    ("POST", "/v1/answers", {"question": "x", "misspelled": True}),
    ("GET", "/v1/documents?cursor=none", None),
    ("GET", "/v1/documents/not-an-id", None),
    ("POST", "/v1/documents", {"text": ""}),
)


Action = Literal[
    "search",
    "ask",
    "follow",
    "break_off",
    "upload",
    "change_readers",
    "list_documents",
    "check",
    "err",
]

WEIGHTS: Mapping[Action, int] = {
    "search": 30,
    "ask": 8,
    "follow": 6,
    "break_off": 6,
    "upload": 12,
    "change_readers": 10,
    "list_documents": 10,
    "check": 8,
    "err": 10,
}
"""Of a hundred requests."""


@dataclass(kw_only=True)
class Traffic:
    """The responses that all clients have seen."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def note(self, action: str, response: httpx.Response) -> None:
        """Counts the response; whatever was not promised is a fault."""
        self.counts[action] += 1
        self.counts[f"{response.status_code // 100}xx"] += 1
        fault = fault_of(action, response)
        if fault:
            self.faults.append(fault)


@dataclass(kw_only=True)
class Visitor:
    """One of the clients, with the documents it has now."""

    http: httpx.AsyncClient
    headers: Mapping[str, str]
    random: Random
    vocabulary: list[str]
    traffic: Traffic
    documents: list[str] = field(default_factory=list)

    def question(self) -> str:
        """One that may or may not be answered."""
        return f"What is the {' '.join(self.random.sample(self.vocabulary, 3))}?"

    async def send(
        self, action: str, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> httpx.Response:
        """The response, counted."""
        response = await self.http.request(method, path, json=body, headers=self.headers)
        self.traffic.note(action, response)
        return response


async def act(visitor: Visitor, action: Action) -> None:
    """Does one thing that clients do."""
    random = visitor.random
    match action:
        case "search":
            mode = random.choice(("hybrid", "lexical", "vector"))
            query = {"query": visitor.question(), "mode": mode}
            await visitor.send(action, "POST", "/v1/search", query)
        case "ask":
            await visitor.send(action, "POST", "/v1/answers", {"question": visitor.question()})
        case "follow":
            await _stream(visitor, action, most_lines=10_000)
        case "break_off":
            await _stream(visitor, action, most_lines=random.randint(0, 4))
        case "upload":
            await _upload(visitor)
        case "change_readers":
            await _change_readers(visitor)
        case "list_documents":
            await visitor.send("list", "GET", "/v1/documents?limit=20")
        case "check":
            text = paragraphs(random, visitor.vocabulary, 4)
            body = {"answer": text[:300], "sources": [{"id": "a", "text": text}]}
            await visitor.send(action, "POST", "/v1/grounding:check", body)
        case "err":
            await visitor.send(action, *random.choice(BAD_REQUESTS))
        case _:
            assert_never(action)


async def _upload(visitor: Visitor) -> None:
    """Uploads a text, and deletes the oldest when there are enough."""
    text = paragraphs(visitor.random, visitor.vocabulary, 3)
    response = await visitor.send("upload", "POST", "/v1/documents", {"text": text})
    if response.is_success:
        visitor.documents.append(response.json()["document"]["id"])
    if len(visitor.documents) > DOCUMENTS_EACH:
        await visitor.send("delete", "DELETE", f"/v1/documents/{visitor.documents.pop(0)}")


async def _change_readers(visitor: Visitor) -> None:
    """Gives the readers of a document away, or keeps it to oneself."""
    own = visitor.headers["Footnote-Principals"]
    principals = [own] if visitor.random.random() < 0.5 else [own, "group:soak"]  # noqa: PLR2004
    if visitor.documents:
        path = f"/v1/documents/{visitor.random.choice(visitor.documents)}"
        await visitor.send("change_readers", "PATCH", path, {"principals": principals})


async def _stream(visitor: Visitor, action: str, *, most_lines: int) -> None:
    """Reads so many lines of a streamed answer, and closes the connection."""
    body = {"question": visitor.question(), "stream": True}
    async with visitor.http.stream(
        "POST", "/v1/answers", json=body, headers=visitor.headers
    ) as response:
        lines = response.aiter_lines()
        for _ in range(most_lines):
            if await anext(lines, None) is None:
                break
        visitor.traffic.note(action, response)


def mixed_clients(target: Target) -> Finding:
    """64 clients search, ask, follow streams, break them off, upload, change, delete and err."""
    headers = [target.headers(f"user:{number}") for number in range(CLIENTS)]
    traffic, seconds = Traffic(), target.minutes * 60
    with ExitStack() as stack:
        samples = {}
        for role in ROLES:
            measuring = sampled(partial(target.usage, role), every_seconds=SAMPLE_SECONDS)
            samples[role] = stack.enter_context(measuring)
        asyncio.run(_all_visits(target.url, headers, traffic, seconds))
    figures: dict[str, float] = {}
    also: dict[str, object] = {}
    for role, measured in samples.items():
        before, after = last_quarters(measured, lambda usage: usage.memory_bytes)
        figures[f"{role}_memory_ratio"] = round(after / before, 3)
        also[f"{role}_memory_bytes"] = round(after)
        before, after = last_quarters(measured, lambda usage: usage.open_files)
        if role == "postgres":
            # Its backends open files as they touch tables, up to a limit of their own.
            also["postgres_open_files"] = after
        else:
            figures[f"{role}_more_open_files"] = after - before
    limits = {name: FLAT if name.endswith("ratio") else MORE_FILES for name in figures}
    wanted = DISCONNECTS_IN_TEN_MINUTES * target.minutes / 10
    too_few = traffic.counts["break_off"] < wanted
    return judge(
        figures,
        limits,
        also={
            **also,
            "minutes": target.minutes,
            "requests": len(traffic.milliseconds),
            "p50_milliseconds": round(median(traffic.milliseconds)),
            **traffic.counts,
        },
        faults=[*traffic.faults, *(["too few streams were broken off"] if too_few else [])],
    )


def fault_of(action: str, response: httpx.Response) -> str:
    """The response's fault; empty when it is as promised."""
    status = response.status_code
    if action in {"ask", "follow", "break_off"} and status == NOT_FOUND:
        # What it quotes was taken away between the answer and its response.
        return ""
    if status in TRANSIENT:
        return (
            "" if "retry-after" in response.headers else f"{action}: {status} without Retry-After"
        )
    least, below = (CLIENT_ERROR, SERVER_ERROR) if action == "err" else (SUCCESS, CLIENT_ERROR)
    is_wanted = least <= status < below
    return "" if is_wanted else f"{action}: {status}"


def last_quarters(
    samples: Sequence[Usage], measured: Callable[[Usage], float]
) -> tuple[float, float]:
    """The medians of the last two quarters after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP_SHARE) :]
    quarter = max(1, len(warm) // 4)
    before, after = warm[-2 * quarter : -quarter] or warm, warm[-quarter:]
    return median(map(measured, before)), median(map(measured, after))


async def _all_visits(
    url: str, headers: Sequence[Mapping[str, str]], traffic: Traffic, seconds: float
) -> None:
    vocabulary = words(random_for("soak"), 400)
    limits = httpx.Limits(max_connections=2 * CLIENTS, max_keepalive_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS, limits=limits) as http:
        deadline = monotonic() + seconds
        async with asyncio.TaskGroup() as visits:
            for number, own in enumerate(headers):
                visitor = Visitor(
                    http=http,
                    headers=own,
                    random=random_for(f"visitor {number}"),
                    vocabulary=vocabulary,
                    traffic=traffic,
                )
                visits.create_task(_visit(visitor, deadline))


async def _visit(visitor: Visitor, deadline: float) -> None:
    actions, weights = list(WEIGHTS), list(WEIGHTS.values())
    while monotonic() < deadline:
        await asyncio.sleep(visitor.random.uniform(0, 2 * THINKING_SECONDS))
        action = visitor.random.choices(actions, weights)[0]
        started = monotonic()
        try:
            await act(visitor, action)
        except httpx.HTTPError as error:
            visitor.traffic.faults.append(f"{action}: {type(error).__name__}")
        visitor.traffic.milliseconds.append((monotonic() - started) * 1000)


PROBES: tuple[Probe, ...] = (mixed_clients,)
