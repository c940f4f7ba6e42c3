"""The worst request that each route allows, beside people who search, and what ends it."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic, sleep

import httpx

from evals.attack.calls import all_finished, send_text
from evals.attack.finding import Finding, Probe, judge
from evals.attack.searchers import Waits, beside
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


def _claims(answer: str, source: str) -> Heavy:
    body = {"answer": answer, "sources": [{"id": "a", "text": source}]}
    return _post("/v1/grounding:check", body)


def _claim_list(claims: Sequence[str], source: str) -> Heavy:
    body = {"claims": claims, "sources": [{"id": "a", "text": source}]}
    return _post("/v1/grounding:check", body)


def _nested_filter(depth: int) -> object:
    condition: object = {"$or": [{f"metadata.k{n}": {"$gt": n}} for n in range(250)]}
    for _ in range(depth):
        condition = {"$not": condition}
    return condition


def _long_history() -> object:
    turns = [{"role": "user", "content": "what about it 1 " * 250} for _ in range(50)]
    return {"question": "1 a " * 1_000, "history": turns, "top_k": 100}


def _form() -> Heavy:
    """The largest file that costs the worker nothing: one line after many empty ones."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    body = head + b"\n" * FORM_BYTES + b"The end.\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    return Heavy(method="POST", path="/v1/documents", body=body, content_type=kind)


HEAVY: Mapping[str, Callable[[], Heavy]] = {
    "grounding, one claim of numbers": lambda: _claims("1 " * 300 + ".", "1 " * 20_000),
    "grounding, long claim": lambda: _claim_list(["1 " * 2_000], "1 " * 100_000),
    "grounding, many claims": lambda: _claim_list(["It is 1 not 2. "] * 200, "It is 2. " * 22_000),
    "grounding, one word": lambda: _claim_list(["a" * 4_000] * 50, "a" * 200_000),
    "grounding, odd marks": lambda: _claims("(\"'" * 13_000, "(\"'" * 60_000),
    "answers, long history": lambda: _post("/v1/answers", _long_history()),
    "answers, largest filter": lambda: _post(
        "/v1/answers", {"question": "What is the limit?", "filter": _nested_filter(4)}
    ),
    "answers, widest": lambda: _post(
        "/v1/answers",
        {"question": "What is?", "top_k": 100, "max_context_tokens": 1_000_000},
    ),
    "search, longest query": lambda: _post(
        "/v1/search", {"query": "a1 " * 1_333, "top_k": 100, "explain": True}
    ),
    "search, largest filter": lambda: _post(
        "/v1/search", {"query": "limit", "filter": _nested_filter(5)}
    ),
    "search, empty conditions": lambda: _post(
        "/v1/search",
        {"query": "limit", "filter": {"$and": [{"metadata.a": {"$in": []}}] * 100_000}},
    ),
    "search, unknown fields": lambda: _post(
        "/v1/search", {"query": "limit"} | {f"n{number}": 1 for number in range(300_000)}
    ),
    "chat, longest conversation": lambda: _post(
        "/v1/chat/completions",
        {
            "model": "footnote/default",
            "messages": [{"role": "user", "content": "what about 1 a " * 600}] * 500,
        },
    ),
    "upload, deepest metadata": lambda: _post(
        "/v1/documents", {"text": "x", "metadata": {"a": [[[[0] * 1_000] * 1_000]]}}
    ),
    "upload, largest JSON": lambda: _post("/v1/documents", {"text": "\n" * 2_400_000 + "The end."}),
    "upload, largest form": _form,
    "list, largest filter": lambda: Heavy(
        method="GET",
        path=str(httpx.URL("/v1/documents", params={"filter": json.dumps(_nested_filter(5))})),
    ),
}


def worst_request_of_each_route(target: Target) -> Finding:
    """One caller who sends the worst requests delays four searchers by no more than 100 ms."""
    _fill(target)
    delays = {name: _delay(target, make(), callers=1) for name, make in HEAVY.items()}
    return _judged(delays)


def eight_worst_requests_at_once(target: Target) -> Finding:
    """The same of eight callers at once, for the routes that compute."""
    _fill(target)
    names = [name for name in HEAVY if name.startswith(("grounding", "search, unknown"))]
    return _judged({name: _delay(target, HEAVY[name](), callers=AT_ONCE) for name in names})


def abandoned_requests_stop(target: Target) -> Finding:
    """Two seconds after eight callers have left, nothing is computed for them."""
    _fill(target)
    shares = {}
    for name, make in HEAVY.items():
        if not name.startswith(("upload", "list")):
            shares[name] = _share_after_leaving(target, make())
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
    with beside(target) as idle:
        sleep(IDLE_SECONDS)
    with beside(target) as waits, _sending(target, heavy, callers=callers):
        sleep(ATTACK_SECONDS)
    return Delay(
        p95_milliseconds=round(_p95(waits) - _p95(idle)),
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


def _p95(waits: Waits) -> float:
    """None answered is as long as the whole attack."""
    return percentile(waits.milliseconds or [ATTACK_SECONDS * 1000], 95)


@contextmanager
def _sending(target: Target, heavy: Heavy, *, callers: int) -> Iterator[None]:
    """Callers that send the request again and again, for as long as the block runs."""
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

    threads = [Thread(target=send, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(REQUEST_SECONDS)


def _share_after_leaving(target: Target, heavy: Heavy) -> float:
    """The share of a core that the API uses from two seconds after the callers have left."""
    lines = [f"{heavy.method} {heavy.path} HTTP/1.1", "Host: a"]
    lines += [f"{name}: {value}" for name, value in target.headers("user:heavy").items()]
    lines += [f"Content-Type: {heavy.content_type}", f"Content-Length: {len(heavy.body)}"]
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + heavy.body
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            connection = socket.create_connection(target.address, timeout=REQUEST_SECONDS)
            stack.enter_context(connection)
            with suppress(OSError):
                connection.sendall(request)
        sleep(CANCEL_AFTER_SECONDS)
    sleep(FALL_BACK_SECONDS)
    return _share(target, seconds=2.0)


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
