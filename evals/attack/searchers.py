"""Innocent callers beside an attack, and how long they wait."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Event, Thread
from time import perf_counter

from evals.attack.seeding import random_for, words
from evals.attack.target import PATIENCE_SECONDS, Target

SEARCHERS = 4
THINKING_SECONDS = 0.05
"""Without a pause four searchers would fill two cores by themselves."""

QUESTIONS = 4_000
"""More than a probe needs: none is asked twice, so that no vector is remembered."""


@dataclass(kw_only=True)
class Waits:
    """Milliseconds of each request that was answered, and the faults of the others."""

    milliseconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@contextmanager
def beside(
    target: Target, path: str = "/v1/search", *, clients: int = SEARCHERS
) -> Iterator[Waits]:
    """Clients that search, or get another path, for as long as the block runs."""
    headers = {"Content-Type": "application/json", **target.headers("user:searcher")}
    texts = words(random_for(f"beside {path}"), QUESTIONS)
    waits, stopping = Waits(), Event()

    method = "POST" if path.startswith("/v1/") else "GET"

    def work(share: list[str]) -> None:
        connection = http.client.HTTPConnection(*target.address, timeout=PATIENCE_SECONDS)
        for text in share:
            if stopping.wait(THINKING_SECONDS):
                break
            body = json.dumps({"query": f"What is the {text} limit?"}) if method == "POST" else None
            started = perf_counter()
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                waits.faults.append(type(error).__name__)
                connection.close()
                continue
            waits.milliseconds.append((perf_counter() - started) * 1000)
            if response.status != HTTPStatus.OK:
                waits.faults.append(f"status {response.status}")
        connection.close()

    threads = [
        Thread(target=work, args=(texts[number::clients],), daemon=True)
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield waits
    finally:
        stopping.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
