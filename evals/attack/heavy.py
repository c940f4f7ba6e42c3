"""The worst request that each route allows, beside people who search, and what ends it."""

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic, sleep

import httpx

from evals.attack.calls import all_finished, send_text
from evals.attack.finding import Finding, Probe, judge
from evals.attack.searchers import beside
from evals.attack.seeding import paragraphs, random_for, words
from evals.attack.target import Target
from footnote.evals.metrics import percentile

MOST_DELAY_MILLISECONDS = 100
"""The most milliseconds that one caller may cost another at the 95th percentile."""

IDLE_SECONDS, ATTACK_SECONDS = 4.0, 8.0
REQUEST_SECONDS = 30.0
"""A request that takes longer is left."""

QUIET_SECONDS = 30.0
"""Something that goes on for so long after its caller has left is ended with the service."""

QUIET_SHARE = 0.25
"""Of a core: what an idle service with its followers stays well below."""

CANCEL_AFTER_SECONDS, FALL_BACK_SECONDS = 0.7, 2.0
AT_ONCE = 8
CORPUS, FILL_SECONDS = 40, 300.0
FORM_BYTES = 49_000_000
"""A little below what the service takes by default."""


@dataclass(frozen=True, kw_only=True)
class Heavy:
    """A request as it goes over the wire; `body` is JSON or a form."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/json"


def _post(path: str, body: object) -> Heavy:
    return Heavy(method="POST", path=path, body=json.dumps(body).encode())


def _check(claimed: str | Sequence[str], source: str) -> Heavy:
    """An answer, or a list of claims, held against one source."""
    field = "answer" if isinstance(claimed, str) else "claims"
    body = {field: claimed, "sources": [{"id": "a", "text": source}]}
    return _post("/v1/grounding:check", body)


def _nested_filter(depth: int) -> object:
    condition: object = {"$or": [{f"metadata.k{n}": {"$gt": n}} for n in range(250)]}
    for _ in range(depth):
        condition = {"$not": condition}
    return condition


def computing_requests() -> Iterator[tuple[str, Heavy]]:
    """Those of the routes that compute, each under a name for the report."""
    yield "grounding, one claim of numbers", _check("1 " * 300 + ".", "1 " * 20_000)
    yield "grounding, long claim", _check(["1 " * 2_000], "1 " * 100_000)
    yield "grounding, many claims", _check(["It is 1 not 2. "] * 200, "It is 2. " * 22_000)
    yield "grounding, one word", _check(["a" * 4_000] * 50, "a" * 200_000)
    yield "grounding, odd marks", _check("(\"'" * 13_000, "(\"'" * 60_000)

    turns = [{"role": "user", "content": "what about it 1 " * 250} for _ in range(50)]
    long_history = {"question": "1 a " * 1_000, "history": turns, "top_k": 100}
    yield "answers, long history", _post("/v1/answers", long_history)
    filtered = {"question": "What is the limit?", "filter": _nested_filter(4)}
    yield "answers, largest filter", _post("/v1/answers", filtered)
    widest = {"question": "What is?", "top_k": 100, "max_context_tokens": 1_000_000}
    yield "answers, widest", _post("/v1/answers", widest)

    longest = {"query": "a1 " * 1_333, "top_k": 100, "explain": True}
    yield "search, longest query", _post("/v1/search", longest)
    filtered = {"query": "limit", "filter": _nested_filter(5)}
    yield "search, largest filter", _post("/v1/search", filtered)
    empty = {"query": "limit", "filter": {"$and": [{"metadata.a": {"$in": []}}] * 100_000}}
    yield "search, empty conditions", _post("/v1/search", empty)
    unknown = {"query": "limit"} | {f"n{number}": 1 for number in range(300_000)}
    yield "search, unknown fields", _post("/v1/search", unknown)

    messages = [{"role": "user", "content": "what about 1 a " * 600}] * 500
    conversation = {"model": "footnote/default", "messages": messages}
    yield "chat, longest conversation", _post("/v1/chat/completions", conversation)


def document_requests() -> Iterator[tuple[str, Heavy]]:
    """Those that store or list documents, each under a name for the report."""
    deepest = {"text": "x", "metadata": {"a": [[[[0] * 1_000] * 1_000]]}}
    yield "upload, deepest metadata", _post("/v1/documents", deepest)
    largest = {"text": "\n" * 2_400_000 + "The end."}
    yield "upload, largest JSON", _post("/v1/documents", largest)

    # The largest file that costs the worker nothing: one line after many empty ones.
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    form = Heavy(
        method="POST",
        path="/v1/documents",
        body=head + b"\n" * FORM_BYTES + b"The end.\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
    )
    yield "upload, largest form", form

    listed = httpx.URL("/v1/documents", params={"filter": json.dumps(_nested_filter(5))})
    yield "list, largest filter", Heavy(method="GET", path=str(listed))


def worst_request_of_each_route(target: Target) -> Finding:
    """One caller who sends the worst requests delays four searchers by no more than 100 ms."""
    _fill(target)
    heavy = (*computing_requests(), *document_requests())
    return _judged({name: _delay(target, each, callers=1) for name, each in heavy})


def eight_worst_requests_at_once(target: Target) -> Finding:
    """The same of eight callers at once, for the routes that compute."""
    _fill(target)
    heavy = dict(computing_requests())
    names = [name for name in heavy if name.startswith(("grounding", "search, unknown"))]
    return _judged({name: _delay(target, heavy[name], callers=AT_ONCE) for name in names})


def abandoned_requests_stop(target: Target) -> Finding:
    """Two seconds after eight callers have left, nothing is computed for them."""
    _fill(target)
    shares = {}
    for name, heavy in computing_requests():
        fields = {
            "Host": "a",
            **target.headers("user:heavy"),
            "Content-Type": heavy.content_type,
            "Content-Length": str(len(heavy.body)),
        }
        lines = [f"{heavy.method} {heavy.path} HTTP/1.1", *map(": ".join, fields.items())]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + heavy.body
        with ExitStack() as connections:
            for _ in range(AT_ONCE):
                connection = socket.create_connection(target.address, timeout=REQUEST_SECONDS)
                connections.enter_context(connection)
                with suppress(OSError):
                    connection.sendall(request)
            sleep(CANCEL_AFTER_SECONDS)

        sleep(FALL_BACK_SECONDS)
        shares[name] = _share(target, seconds=2.0)
        _until_quiet(target)
    worst = max(shares, key=lambda name: shares[name])
    return judge(
        {"worst_share_of_a_core": shares[worst]},
        {"worst_share_of_a_core": QUIET_SHARE},
        also={"worst": worst, "shares": shares},
    )


@dataclass(frozen=True, kw_only=True)
class Delay:
    """The searchers' latency, over that without an attack."""

    p95_milliseconds: float
    worst_milliseconds: float
    faults: tuple[str, ...]
    was_quiet: bool


def _delay(target: Target, heavy: Heavy, *, callers: int) -> Delay:
    """Searchers alone, then beside callers who send the request again and again."""
    with beside(target) as idle:
        sleep(IDLE_SECONDS)

    stopping = Event()
    headers = {"Content-Type": heavy.content_type, **target.headers("user:heavy")}

    def send() -> None:
        while not stopping.is_set():
            with suppress(httpx.HTTPError):
                httpx.request(
                    heavy.method,
                    f"{target.url}{heavy.path}",
                    content=heavy.body,
                    headers=headers,
                    timeout=REQUEST_SECONDS,
                )

    with beside(target) as waits:
        threads = [Thread(target=send, daemon=True) for _ in range(callers)]
        for thread in threads:
            thread.start()
        try:
            sleep(ATTACK_SECONDS)
        finally:
            stopping.set()
            for thread in threads:
                thread.join(REQUEST_SECONDS)

    # None answered is as long as the whole attack.
    without, during = (
        percentile(each.milliseconds or [ATTACK_SECONDS * 1000], 95) for each in (idle, waits)
    )
    return Delay(
        p95_milliseconds=round(during - without),
        worst_milliseconds=round(max(waits.milliseconds, default=0)),
        faults=tuple(waits.faults),
        was_quiet=_until_quiet(target),
    )


def _judged(delays: Mapping[str, Delay]) -> Finding:
    worst = max(delays, key=lambda name: delays[name].p95_milliseconds)
    return judge(
        {"worst_p95_delay_milliseconds": delays[worst].p95_milliseconds},
        {"worst_p95_delay_milliseconds": MOST_DELAY_MILLISECONDS},
        also={
            "worst": worst,
            "longest_wait_milliseconds": max(each.worst_milliseconds for each in delays.values()),
            "delays": {name: each.p95_milliseconds for name, each in delays.items()},
        },
        faults=[
            *(f"{name}: {fault}" for name, each in delays.items() for fault in each.faults),
            *(f"{name}: never ended" for name, each in delays.items() if not each.was_quiet),
        ],
    )


def _share(target: Target, *, seconds: float) -> float:
    before = target.usage("api")
    sleep(seconds)
    after = target.usage("api")
    return round((after.cpu_seconds - before.cpu_seconds) / (after.at - before.at), 2)


def _until_quiet(target: Target) -> bool:
    """Waits until nothing is computed; False when the service had to be ended for it."""
    deadline = monotonic() + QUIET_SECONDS
    while _share(target, seconds=0.5) > QUIET_SHARE:
        if monotonic() > deadline:
            target.end()
            target.ensure_up()
            return False
    return True


def _fill(target: Target) -> None:
    """Some documents, so that searches and answers have something to go through."""
    random = random_for("heavy")
    with target.caller() as client:
        if client.get("/v1/documents?limit=1").raise_for_status().json()["data"]:
            return
        vocabulary = words(random, 500)
        sent = [send_text(client, paragraphs(random, vocabulary, 12)) for _ in range(CORPUS)]
        all_finished(client, [each["job"] for each in sent], within_seconds=FILL_SECONDS)


PROBES: tuple[Probe, ...] = (
    worst_request_of_each_route,
    eight_worst_requests_at_once,
    abandoned_requests_stop,
)
