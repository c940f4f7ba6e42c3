"""The cost of a document that comes in a batch, over one that comes alone."""

from collections.abc import Sequence
from time import perf_counter

import httpx
import psutil

from evals.bench.chaos import text_of
from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.record import Outcome

DOCUMENTS = 500
ROUNDS = 3
"""Of either, in turns: what else the machine does falls on both."""

TARGET_RATIO = 1.0


def measure_batch(instance: Instance, *, documents: int) -> Outcome:
    """Uploads texts one by one and in batches, all different, to one service."""
    seconds: dict[str, list[float]] = {"alone": [], "in a batch": []}
    cpu_seconds: dict[str, list[float]] = {"alone": [], "in a batch": []}
    with running(instance) as footnote, footnote.client() as client:
        api = psutil.Process(footnote.process.pid)
        client.timeout = httpx.Timeout(300)
        for number in range(ROUNDS):
            for offset, how in enumerate(seconds):
                start = (2 * number + offset) * documents
                texts = [text_of(start + index) for index in range(documents)]
                cpu_before, before = api.cpu_times(), perf_counter()
                (_store_alone if how == "alone" else _store_together)(client, texts)
                seconds[how].append(perf_counter() - before)
                cpu = api.cpu_times()
                cpu_seconds[how].append(cpu.user + cpu.system - cpu_before.user - cpu_before.system)
    ratio = sum(cpu_seconds["in a batch"]) / sum(cpu_seconds["alone"])
    return Outcome(
        question="processor time of the API for a document in a batch, over one alone",
        target=f"ratio <= {TARGET_RATIO:g}",
        has_met_target=ratio <= TARGET_RATIO,
        numbers={
            "cpu_ratio": round(ratio, 3),
            "cpu_milliseconds_a_document": _each(cpu_seconds, documents),
            "milliseconds_a_document": _each(seconds, documents),
            "documents_a_round": documents,
            "rounds": ROUNDS,
        },
    )


def _store_alone(client: httpx.Client, texts: Sequence[str]) -> None:
    for text in texts:
        client.post("/v1/documents", json={"text": text}).raise_for_status()


def _store_together(client: httpx.Client, texts: Sequence[str]) -> None:
    items = [{"text": text} for text in texts]
    results = client.post("/v1/documents:batch", json={"items": items}).raise_for_status().json()
    if any(result["status"] != httpx.codes.ACCEPTED for result in results["data"]):
        raise BenchmarkFailed("A document of a batch was not accepted.")


def _each(seconds: dict[str, list[float]], documents: int) -> dict[str, list[float]]:
    return {
        how: [round(1000 * each / documents, 2) for each in measured]
        for how, measured in seconds.items()
    }
