"""What requests over HTTP cost a service, beside those of another checkout: they take turns.

Both run at once, each in a home of its own with the same documents, and without a worker. All is
measured on an idle machine, and again while a process for each core never rests.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean
from time import perf_counter, sleep
from typing import Final

from evals.attack.processes import of_home, usage
from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.http_load import Load, Response, Target, send_all
from evals.bench.processor_time import NOTHING, Spent, busy_cores, on_cores, spent
from evals.bench.record import Outcome, spread
from evals.bench.request_mix import (
    ANSWER,
    CHECK,
    CLIENTS,
    KINDS,
    LETTERS,
    LONG_CHECK,
    LONG_LETTERS,
    SEARCH,
    SEARCHES,
    SEED,
    STREAM,
    Kind,
    Round,
    rounds_of,
)
from evals.bench.upload import findable_chunks, upload_all
from footnote.evals.datasets import CorpusDocument, Dataset
from footnote.evals.provenance import git_state

CORES: Final = 2
IDLE_ROUNDS, LOADED_ROUNDS = 6, 3
WARM_UP_ROUNDS: Final = 1
IDLE_SECONDS: Final = 3.0
"""For what a service costs that nobody asks."""

Numbers = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The most or the least that a figure of the idle machine may be."""

    figure: str
    most: float | None = None
    least: float | None = None

    def is_met_by(self, figures: Mapping[str, float]) -> bool:
        """False for a figure beyond it."""
        value = figures[self.figure]
        is_low_enough = self.most is None or value <= self.most
        return is_low_enough and (self.least is None or value >= self.least)


LIMITS: Final = (
    Limit(figure="search_cpu_milliseconds", most=8),
    Limit(figure=f"search_{CLIENTS}_clients_cpu_milliseconds", most=4),
    Limit(figure="searches_per_second", least=250),
    Limit(figure="p95_of_all_clients_over_p50_of_one", most=12),
    Limit(figure="search_p50_milliseconds", most=10),
    Limit(figure="answer_cpu_milliseconds", most=35),
    Limit(figure="streamed_over_unstreamed_cpu", most=1.3),
    Limit(figure="first_claim_over_search", most=1.3),
    Limit(figure="grounding_claim_cpu_milliseconds", most=1),
    Limit(figure="grounding_growth", most=LONG_LETTERS / LETTERS),
)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The requests of one kind to one service, round by round."""

    kind: Kind
    loads: list[Load] = field(default_factory=list)
    costs: list[Spent] = field(default_factory=list)

    @property
    def responses(self) -> list[Response]:
        """Of all rounds, in the order of the requests."""
        return [response for load in self.loads for response in load.responses]

    @property
    def cpu_milliseconds(self) -> float:
        """Of all server processes, for one unit."""
        return self._for_one(sum(cost.all for cost in self.costs))

    @property
    def per_second(self) -> float:
        """Requests; the pauses between rounds do not count."""
        return len(self.responses) / sum(load.seconds for load in self.loads)

    @property
    def milliseconds(self) -> list[float]:
        """That each client waited."""
        return [response.milliseconds for response in self.responses]

    @property
    def first_claims(self) -> list[float]:
        """Milliseconds until the first claim of the streams that have one."""
        times = [response.first_claim_milliseconds for response in self.responses]
        return [each for each in times if each is not None]

    @property
    def numbers(self) -> Numbers:
        """As a result has them."""
        total = sum(self.costs, NOTHING)
        numbers: Numbers = {
            "milliseconds": spread(self.milliseconds),
            "per_second": round(self.per_second, 2),
            "cpu_milliseconds": {
                "all": round(self.cpu_milliseconds, 3),
                "api": round(self._for_one(total.api), 3),
                "postgres": round(self._for_one(total.postgres), 3),
                "client": round(
                    self._for_one(sum(load.client_cpu_seconds for load in self.loads)), 3
                ),
            },
        }
        if self.first_claims:
            numbers["first_claim_milliseconds"] = spread(self.first_claims)
        if self.kind in {ANSWER, STREAM}:
            numbers["statuses"] = dict(Counter(map(_status, self.responses)).most_common())
        return numbers

    def _for_one(self, seconds: float) -> float:
        return seconds * 1000 / (len(self.responses) * self.kind.units)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that runs, and the commit whose code it is."""

    instance: Instance
    target: Target
    sha: str

    def send(self, round_: Round, to: Mapping[Kind, Sent]) -> None:
        """The round's requests, one kind after the other."""
        for kind, bodies in round_.items():
            before = spent(self.instance.home)
            load = send_all(self.target, kind.path, bodies, clients=kind.clients)
            to[kind].costs.append(spent(self.instance.home) - before)
            to[kind].loads.append(load)


def measure_request_cost(
    instance: Instance,
    other: Instance | None,
    handbook: Dataset,
    questions: Dataset,
    *,
    pages: int,
    rounds: int | None,
) -> Outcome:
    """Ingests the pages and the questions' documents first in homes that are empty.

    `rounds` is how many are measured on the idle machine, half as many on the busy one.
    """
    documents = [*handbook.documents()[:pages], *questions.documents()]
    planned = rounds_of([each.text for each in questions.questions()], handbook.documents())
    idle_rounds = rounds or IDLE_ROUNDS
    loaded_rounds = max(rounds // 2, 1) if rounds else LOADED_ROUNDS
    instances = [instance] if other is None else [instance, other]
    with ExitStack() as stack:
        cores = stack.enter_context(on_cores(CORES))
        filled = [fill_home(each, documents) for each in instances]
        services = [stack.enter_context(_serving(each)) for each in instances]
        measure(services, islice(planned, WARM_UP_ROUNDS))
        idle_cpu = [_idle_cpu(service) for service in services]
        idle = measure(services, islice(planned, idle_rounds))
        memory = [usage(of_home(each.home)).memory_bytes for each in instances]
        with busy_cores():
            loaded = measure(services, islice(planned, loaded_rounds))
    return judge(
        questions,
        [service.sha for service in services],
        idle,
        loaded,
        {
            "cores": cores,
            "chunks": [chunks for chunks, _ in filled],
            "fill_seconds": [seconds for _, seconds in filled],
            "cpu_milliseconds_of_a_second_without_requests": idle_cpu,
            "memory_megabytes": [round(size / 1e6, 1) for size in memory],
            "handbook": {"sha256": handbook.sha256, "pages": pages},
        },
    )


def fill_home(instance: Instance, documents: Sequence[CorpusDocument]) -> tuple[int, float | None]:
    """The chunks of a home, and the seconds to ingest them; None when it had them."""
    with running(instance) as footnote, footnote.client() as client:
        if count := findable_chunks(client):
            return count, None
        uploaded = upload_all(client, documents)
        return findable_chunks(client), round(uploaded.findable_seconds, 1)


def measure(services: Sequence[Service], rounds: Iterable[Round]) -> list[Mapping[Kind, Sent]]:
    """The requests of each service; who goes first changes from round to round."""
    sent = [{kind: Sent(kind=kind) for kind in KINDS} for _ in services]
    pairs = list(zip(services, sent, strict=True))
    for round_ in rounds:
        for service, to in pairs:
            service.send(round_, to)
        pairs.reverse()
    return list(sent)


def judge(
    dataset: Dataset,
    shas: Sequence[str],
    idle: Sequence[Mapping[Kind, Sent]],
    loaded: Sequence[Mapping[Kind, Sent]],
    about: Mapping[str, object],
) -> Outcome:
    """The outcome from the requests of this checkout's service, and of the other's if any."""
    figures = figures_of(idle[0])
    missed = [limit.figure for limit in LIMITS if not limit.is_met_by(figures)]
    return Outcome(
        question="What requests over HTTP cost the service's processes, on an idle machine and "
        "beside a busy process for each core",
        target=", ".join(
            f"{limit.figure} {'>=' if limit.most is None else '<='} {limit.most or limit.least:g}"
            for limit in LIMITS
        ),
        has_met_target=not missed,
        numbers={
            "missed": missed,
            "shas": shas,
            **about,
            "idle": _phase(idle),
            "under_load": _phase(loaded),
        },
        dataset=dataset,
        seed=SEED,
        warm_up=WARM_UP_ROUNDS * sum(kind.a_round for kind in KINDS),
        concurrency=CLIENTS,
    )


def figures_of(sent: Mapping[Kind, Sent]) -> dict[str, float]:
    """What LIMITS are about."""
    one, many = spread(sent[SEARCH].milliseconds), spread(sent[SEARCHES].milliseconds)
    figures = {
        f"{kind.name}_cpu_milliseconds": sent[kind].cpu_milliseconds
        for kind in KINDS
        if kind is not LONG_CHECK
    }
    figures |= {
        "search_p50_milliseconds": one["p50"],
        "searches_per_second": sent[SEARCHES].per_second,
        "p95_of_all_clients_over_p50_of_one": many["p95"] / one["p50"],
        "first_claim_over_search": spread(sent[STREAM].first_claims)["p50"] / one["p50"],
        "streamed_over_unstreamed_cpu": sent[STREAM].cpu_milliseconds
        / sent[ANSWER].cpu_milliseconds,
        "grounding_growth": sent[LONG_CHECK].cpu_milliseconds / sent[CHECK].cpu_milliseconds,
    }
    return {name: round(value, 3) for name, value in figures.items()}


def _phase(services: Sequence[Mapping[Kind, Sent]]) -> Numbers:
    """Figures and numbers of each service, this checkout's over the other's where there is one."""
    ours, *others = services
    numbers: Numbers = {"now": _side(ours)}
    for other in others:
        mine, theirs = figures_of(ours), figures_of(other)
        numbers |= {
            "before": _side(other),
            "now_over_before": {name: round(mine[name] / theirs[name], 3) for name in mine},
            "cpu_now_over_before_by_round": {
                kind.name: spread(
                    [
                        now.all / before.all
                        for now, before in zip(ours[kind].costs, other[kind].costs, strict=True)
                    ]
                )
                for kind in KINDS
            },
            "same_first_document": round(_agreement(ours, other), 3),
        }
    return numbers


def _side(sent: Mapping[Kind, Sent]) -> Numbers:
    return {"figures": figures_of(sent)} | {kind.name: sent[kind].numbers for kind in KINDS}


def _agreement(ours: Mapping[Kind, Sent], theirs: Mapping[Kind, Sent]) -> float:
    """The share of searches in which both services found the same document first."""
    mine, others = (
        [_first_document(each) for each in [*sent[SEARCH].responses, *sent[SEARCHES].responses]]
        for sent in (ours, theirs)
    )
    return fmean(one == other for one, other in zip(mine, others, strict=True))


def _first_document(response: Response) -> str | None:
    hits = json.loads(response.body)["data"]
    return str(hits[0]["document"]["external_id"]) if hits else None


def _status(response: Response) -> str:
    """Of an answer, whole or streamed; BenchmarkFailed when a stream ended without one."""
    if response.body.startswith(b"{"):
        return str(json.loads(response.body)["status"])
    last = response.body.rstrip().rpartition(b"\n\n")[2].decode()
    lines = dict(line.split(": ", 1) for line in last.splitlines())
    if lines["event"] != "answer.completed":
        raise BenchmarkFailed(f"A stream ended with {lines['event']!r}.")
    return str(json.loads(lines["data"])["status"])


@contextmanager
def _serving(instance: Instance) -> Iterator[Service]:
    with running(instance, "api") as footnote:
        yield Service(
            instance=instance,
            target=Target(url=footnote.url, key=footnote.create_key()),
            sha=git_state(instance.checkout)["sha"],
        )


def _idle_cpu(service: Service) -> float:
    """Milliseconds of processor time that a second without requests takes."""
    before, started = spent(service.instance.home), perf_counter()
    sleep(IDLE_SECONDS)
    seconds = perf_counter() - started
    return round((spent(service.instance.home) - before).all * 1000 / seconds, 2)
