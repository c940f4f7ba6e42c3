"""Search latency beside somebody else's costliest requests, one kind after the other."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Event
from urllib.parse import urlsplit
from uuid import UUID

from evals.bench.concurrency import search_all
from evals.bench.footnote_process import Footnote, Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.search import queries_from
from evals.bench.upload import fill
from footnote.evals.datasets import Dataset

SEARCHERS = 4
SENDERS = 1
"""Costly requests at once: one caller, who sends the next when the last is answered."""

SEARCHES = 120
"""Of all searchers together, beside each kind of request; as many when idle, before each."""

WARM_UP = 40
THINKING_SECONDS = 0.02
SEED = 17
MOST_EXTRA_MILLISECONDS = 100.0
JSON = "application/json"
FORM_HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


@dataclass(frozen=True, kw_only=True)
class Costly:
    """The costliest request found that a route allows."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = JSON


def costly_requests(question: str) -> Mapping[str, Costly]:
    """By name; the question is one that finds something.

    Uploads are refused at last: what ingestion costs searches is measured by `beside`.
    """
    long_question = (f"{question} " * 400)[:4_000]
    turns = [{"role": "user", "content": "1 " * 19_000} for _ in range(50)]
    messages = [{"role": "user", "content": "a " * 1_900} for _ in range(499)]
    last = {"role": "user", "content": long_question}
    filters = [{f"metadata.a{number}": {"$gt": number}} for number in range(32)]
    return {
        "grounding, numbers": _post(
            "grounding:check",
            {"claims": ["1 " * 2_000] * 50, "sources": [{"id": "s", "text": "1 " * 100_000}]},
        ),
        "grounding, sentences": _post(
            "grounding:check",
            {"claims": ["Go on. " * 5] * 200, "sources": [{"id": "s", "text": "Go on. " * 28_000}]},
        ),
        "search, long question": _post(
            "search", {"query": long_question, "top_k": 100, "explain": True}
        ),
        "search, large filter": _post(
            "search", {"query": question, "top_k": 100, "filter": {"$or": filters}}
        ),
        "answers, long history": _post(
            "answers",
            {
                "question": long_question,
                "history": turns,
                "top_k": 100,
                "include_retrieved": True,
            },
        ),
        "chat, many messages": _post(
            "chat/completions", {"model": "footnote/default", "messages": [*messages, last]}
        ),
        "unknown fields": _post("search", {f"a{number}": 1 for number in range(3_990)}),
        "many values": Costly(method="POST", path="/v1/search", body=b"[" + b"{}," * 600_000),
        "upload, text": _post(
            "documents", {"text": "1 " * 2_400_000, "supersedes": str(UUID(int=0))}
        ),
        "upload, file": Costly(
            method="POST",
            path="/v1/documents",
            body=FORM_HEAD + b"\x7fELF" + b"a\n" * 24_000_000 + b"\r\n--x--\r\n",
            content_type="multipart/form-data; boundary=x",
        ),
    }


def _post(path: str, body: object) -> Costly:
    return Costly(method="POST", path=f"/v1/{path}", body=json.dumps(body).encode())


def measure_fairness(instance: Instance, dataset: Dataset, *, pages: int) -> Outcome:
    """Ingests the pages first when the home is empty."""
    documents = dataset.documents()[:pages]
    count = WARM_UP + 2 * SEARCHES * len(costly_requests(""))
    texts = iter(queries_from(documents, count=count, seed=SEED))
    with running(instance) as footnote, footnote.client() as client, footnote.client() as other:
        fill(footnote, client, documents)
        searching = str(client.headers["Authorization"])
        sending = str(other.headers["Authorization"])
        _search(footnote, searching, islice(texts, WARM_UP))
        numbers = {
            name: _beside(footnote, (searching, sending), costly, texts)
            for name, costly in costly_requests(documents[0].title or "handbook").items()
        }
    return judge(dataset, numbers)


def judge(dataset: Dataset, numbers: Mapping[str, Mapping[str, object]]) -> Outcome:
    """The outcome from the latencies."""
    worst = max(float(str(each["p95_extra_milliseconds"])) for each in numbers.values())
    return Outcome(
        question="p95 of searches beside the costliest request of each route, less that when idle",
        target=f"<= {MOST_EXTRA_MILLISECONDS:g} ms",
        has_met_target=worst <= MOST_EXTRA_MILLISECONDS,
        numbers={"worst_p95_extra_milliseconds": worst, **numbers},
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP,
        concurrency=SEARCHERS,
    )


def _beside(
    footnote: Footnote, keys: tuple[str, str], costly: Costly, texts: Iterator[str]
) -> Mapping[str, object]:
    """The searches' milliseconds before and beside the requests, and what came of these."""
    searching, sending = keys
    idle = _search(footnote, searching, islice(texts, SEARCHES))
    stop = Event()
    with ThreadPoolExecutor(SENDERS) as threads:
        sent = [
            threads.submit(_send_until, footnote, sending, costly, stop) for _ in range(SENDERS)
        ]
        beside = _search(footnote, searching, islice(texts, SEARCHES))
        stop.set()
        statuses = Counter(status for each in sent for status in each.result())
    return {
        "p95_extra_milliseconds": round(spread(beside)["p95"] - spread(idle)["p95"], 1),
        "idle_milliseconds": spread(idle),
        "beside_milliseconds": {**spread(beside), "max": round(max(beside), 1)},
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
    }


def _search(footnote: Footnote, key: str, texts: Iterator[str]) -> list[float]:
    """Milliseconds of each search."""
    milliseconds, _ = search_all(
        footnote, key, list(texts), clients=SEARCHERS, pause_seconds=THINKING_SECONDS
    )
    return milliseconds


def _send_until(footnote: Footnote, key: str, costly: Costly, stop: Event) -> list[int]:
    """The statuses of the requests; 0 for one whose connection was closed while it was sent."""
    statuses = []
    headers = {"Authorization": key, "Content-Type": costly.content_type}
    while not stop.is_set():
        connection = http.client.HTTPConnection(urlsplit(footnote.url).netloc, timeout=120)
        try:
            connection.request(costly.method, costly.path, costly.body, headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        except (BrokenPipeError, ConnectionResetError):
            statuses.append(0)
        connection.close()
    return statuses
