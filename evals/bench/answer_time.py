"""The time that an extractive answer over HTTP takes beyond the search it begins with.

With another checkout of Footnote beside it: whether an answer takes longer than there.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import httpx

from evals.attack.processes import of_role, usage
from evals.bench.footnote_process import Instance, running
from evals.bench.record import Outcome, spread
from evals.bench.upload import upload_all
from footnote.embedding_model import load_embedder
from footnote.evals.datasets import Dataset
from footnote.evals.provenance import git_state

QUESTIONS = 400
"""Half are answered, half only searched with: a vector that is remembered would flatter."""

WARM_UP = 40
BLOCK = 20
"""Answers and searches alternate in blocks, so that all see the same machine."""

SEED = 19
TARGET_RATIO = 6.5
"""Over the search. It was 6.3 (SQuAD2, n 200) when rules of words judged claims."""

TARGET_AGAINST = 1.05
"""Over the other checkout: a checkout differs from itself by up to this much."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Requests of one kind to one service, in order: milliseconds that each client waited."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    """Of the API and its database, for each block."""

    @property
    def numbers(self) -> dict[str, object]:
        """As a result has them."""
        cpu = 1000 * sum(self.cpu_seconds) / len(self.milliseconds)
        return {
            "milliseconds": spread(self.milliseconds),
            "cpu_milliseconds": round(cpu, 2),
            "statuses": dict(Counter(self.statuses).most_common()),
        }


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service with its timed requests."""

    client: httpx.Client
    home: Path
    answers: Timed = field(default_factory=Timed)
    searches: Timed = field(default_factory=Timed)


def measure_answers(
    instance: Instance, other: Instance | None, dataset: Dataset, *, limit: int | None
) -> Outcome:
    """Every paragraph is ingested as a document, in each of the homes; they take turns."""
    documents = dataset.documents()
    texts = sorted({question.text for question in dataset.questions()})
    count = (limit or QUESTIONS) + WARM_UP
    chosen = random.Random(SEED).sample(texts, count)  # noqa: S311  # a sample, no secret
    instances = [instance] if other is None else [instance, other]
    services = []
    with ExitStack() as stack:
        for each in instances:
            load_embedder(each.settings)
            footnote = stack.enter_context(running(each))
            client = stack.enter_context(footnote.client())
            upload_all(client, documents)
            services.append(Service(client=client, home=each.home))
        time_answers(services, chosen)
    states = [git_state(each.checkout) for each in instances]
    return judge(dataset, services, [state["sha"] for state in states])


def time_answers(services: Sequence[Service], texts: Sequence[str]) -> None:
    """Asks every service the same; the first `WARM_UP` texts are not counted."""
    for service in services:
        for text in texts[:WARM_UP]:
            service.client.post("/v1/answers", json={"question": text}).raise_for_status()
    for place, start in enumerate(range(WARM_UP, len(texts), 2 * BLOCK)):
        middle = start + BLOCK
        # Who is asked first changes from block to block.
        for service in services if place % 2 == 0 else reversed(services):
            asked = [{"question": text} for text in texts[start:middle]]
            searched = [{"query": text} for text in texts[middle : middle + BLOCK]]
            _time_block(service, "/v1/answers", asked, service.answers)
            _time_block(service, "/v1/search", searched, service.searches)


def judge(dataset: Dataset, services: Sequence[Service], shas: Sequence[str]) -> Outcome:
    """The outcome from the times of this checkout's service, and of the other's if there is one."""
    ours, *others = services
    medians = [spread(each.answers.milliseconds)["p50"] for each in services]
    ratio = medians[0] / spread(ours.searches.milliseconds)["p50"]
    numbers: dict[str, object] = {
        "ratio_to_search": round(ratio, 4),
        "answers": ours.answers.numbers,
        "searches": ours.searches.numbers,
    }
    has_met_target, target = ratio <= TARGET_RATIO, f"p50 / p50 of the search <= {TARGET_RATIO:g}"
    for other, median, sha in zip(others, medians[1:], shas[1:], strict=True):
        against = medians[0] / median
        pairs = zip(ours.answers.milliseconds, other.answers.milliseconds, strict=True)
        has_met_target &= against <= TARGET_AGAINST
        target += f"; of the other checkout's answers <= {TARGET_AGAINST:g}"
        numbers |= {
            "ratio_to_other": round(against, 4),
            "ratio_to_other_by_question": spread([mine / theirs for mine, theirs in pairs]),
            "other": {
                "sha": sha,
                "answers": other.answers.numbers,
                "searches": other.searches.numbers,
            },
        }
    return Outcome(
        question="An extractive answer over HTTP, over a search with another question",
        target=target,
        has_met_target=has_met_target,
        numbers=numbers,
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP,
    )


def _time_block(
    service: Service, path: str, bodies: Sequence[Mapping[str, str]], timed: Timed
) -> None:
    before = _cpu_seconds(service.home)
    for body in bodies:
        started = perf_counter()
        response = service.client.post(path, json=body).raise_for_status()
        timed.milliseconds.append((perf_counter() - started) * 1000)
        timed.statuses.append(response.json().get("status", "found"))
    timed.cpu_seconds.append(_cpu_seconds(service.home) - before)


def _cpu_seconds(home: Path) -> float:
    return usage([*of_role(home, "api"), *of_role(home, "postgres")]).cpu_seconds
