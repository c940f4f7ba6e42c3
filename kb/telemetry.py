"""Metrics: counts and durations for Prometheus.

No label holds a tenant, a document or anything that a caller wrote.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import chain
from time import perf_counter
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector
from typing_extensions import override

REQUEST_SECONDS_BUCKETS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""From a health probe to an answer by a slow language model."""

STAGE_SECONDS_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30)
"""From a lexical search (1 ms) to the embedding of a long document."""

RECALL_BUCKETS: Final = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1)
"""Of 100 wanted chunks, .99 misses one."""

MICRODOLLARS: Final = 1_000_000
"""In a dollar."""

MEANING_BY_METRIC: Final = {
    "footnote_http_requests": "HTTP requests answered.",
    "footnote_http_request_seconds": "Time from the first byte of a request to the last byte of "
    "its response.",
    "footnote_answers": "Answers returned.",
    "footnote_answer_feedback": "Feedback on answers, by `rating`: `1` or `-1`.",
    "footnote_ingest": "Documents processed, counted by the worker; `code` is the error code of a "
    "failure.",
    "footnote_stage_seconds": "Time spent in one stage: parse, chunk, embed, publish; search; "
    "answer_retrieve, answer_evidence, answer_generate, answer_verify, answer_total. "
    "search_without_lexical counts hybrid searches that went on without the lexical index, "
    "search_without_sketches those that used Postgres' own plans.",
    "footnote_searches": "Searches, those of answers included, by where they were made: `memory`, "
    "or `database` with the `reason` that memory could not answer: `unsuited` (a filter, "
    "collections, a time, documents limited in time), `not_held` (the tenant or the caller was not "
    "known yet), `changed` (the tenant had just changed), `unsettled` (no connection for it).",
    "footnote_ann_recall": "Share of the truly nearest chunks that a vector search found; missing "
    "chunks count as not found. Of the searches whose plan may miss some, one in a thousand is "
    "compared with the exact search, in a transaction that no response waits for.",
    "footnote_jobs_waiting": "Jobs that wait for a worker; -1 while the database cannot be "
    "reached.",
    "footnote_webhook_attempts": "Attempts to tell a webhook of an event, counted by the worker: "
    "`delivered` or `failed`.",
    "footnote_queue_jobs": "Jobs of all tenants by `kind`, `priority` (single, bulk, background) "
    "and `state` (waiting, running).",
    "footnote_queue_oldest_seconds": "Time since the longest waiting job of this `kind` and "
    "`priority` was queued; 0 when none waits.",
    "footnote_documents": "Documents of all tenants by `status`.",
    "footnote_build_info": "1; `version` is the release that runs.",
    "footnote_jobs_failed": "Jobs that have failed and were not tried again since, by `kind`.",
    "footnote_pruned": "Rows and files that the nightly re-index deleted because of their age, "
    "counted by the worker: answers, answer_events, model_calls, requests, webhook_deliveries, "
    "audiences, documents, files.",
    "footnote_llm_calls": "Calls of language models, each attempt: completed, cancelled, "
    "timed_out, rate_limited, unavailable, refused, invalid_output, broken_off.",
    "footnote_llm_tokens": "Tokens read (input, of which cached) and written (output).",
    "footnote_llm_cost_dollars": "Cost of the calls, by the prices of the gateway file.",
    "footnote_unusable_drafts": "Answers whose model wrote what cannot be read (draft_unreadable) "
    "or did not reach its end (draft_incomplete).",
    "footnote_llm_breaker_state": "Circuit breaker of a language model: 0 closed, 1 half-open, "
    "2 open.",
}
"""The meaning of each metric, for `/metrics` and docs/reference.md."""

_LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}|")
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})


class Stopwatch:
    """The seconds that each stage of one piece of work took; one stopwatch times all stages.

    Stages may overlap, one within another or in tasks beside each other. A tracer's spans would not
    do: without an SDK those of opentelemetry tell no time, at 8.5 microseconds each for these 2.3.
    """

    def __init__(self) -> None:
        """Runs from now on."""
        self._started = perf_counter()
        self.seconds_by_stage: dict[str, float] = {}

    @contextmanager
    def span(self, stage: str) -> Iterator[None]:
        """Adds the time of the block to its stage, whether or not the block raises."""
        started = perf_counter()
        try:
            yield
        finally:
            seconds = perf_counter() - started
            self.seconds_by_stage[stage] = self.seconds_by_stage.get(stage, 0.0) + seconds

    @property
    def total_seconds(self) -> float:
        """Since it was made."""
        return perf_counter() - self._started


class Metrics:
    """The numbers that Prometheus collects: in `registry` those of this process.

    Those in `database_registry` are the same whichever process tells them, and only an API does.
    """

    def __init__(self) -> None:
        # A second line for each counter, saying when its process began to count.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's
        self.registry = registry = CollectorRegistry()
        self.database_registry = database_registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, *labels: str) -> Counter:
            return Counter(name, MEANING_BY_METRIC[name], labels, registry=registry)

        def gauge(
            name: str, *labels: str, registry: CollectorRegistry = database_registry
        ) -> Gauge:
            return Gauge(name, MEANING_BY_METRIC[name], labels, registry=registry)

        def histogram(name: str, *labels: str, buckets: Sequence[float]) -> Histogram:
            meaning = MEANING_BY_METRIC[name]
            return Histogram(name, meaning, labels, registry=registry, buckets=buckets)

        self._http_requests = counter("footnote_http_requests", "method", "route", "status")
        self._http_request_seconds = histogram(
            "footnote_http_request_seconds", "method", "route", buckets=REQUEST_SECONDS_BUCKETS
        )
        self._answers = counter("footnote_answers", "status", "reason")
        self._feedback = counter("footnote_answer_feedback", "rating")
        self._ingests = counter("footnote_ingest", "status", "code")
        self._stage_seconds = histogram(
            "footnote_stage_seconds", "stage", buckets=STAGE_SECONDS_BUCKETS
        )
        self._searches = counter("footnote_searches", "place", "reason")
        self._ann_recall = histogram("footnote_ann_recall", buckets=RECALL_BUCKETS)
        self._jobs_waiting = gauge("footnote_jobs_waiting")
        self._webhook_attempts = counter("footnote_webhook_attempts", "outcome")
        self._queue_jobs = gauge("footnote_queue_jobs", "kind", "priority", "state")
        self._queue_oldest = gauge("footnote_queue_oldest_seconds", "kind", "priority")
        self._jobs_failed = gauge("footnote_jobs_failed", "kind")
        self._documents = gauge("footnote_documents", "status")
        self._pruned = counter("footnote_pruned", "kind")
        self._llm_calls = counter("footnote_llm_calls", "target", "feature", "outcome")
        self._llm_tokens = counter("footnote_llm_tokens", "target", "kind")
        self._llm_cost = counter("footnote_llm_cost_dollars", "target")
        self._unusable_drafts = counter("footnote_unusable_drafts", "code")
        self._llm_breaker = gauge("footnote_llm_breaker_state", "target", registry=registry)
        self._build = gauge("footnote_build_info", "version", registry=registry)
        self._build.labels(version("footnote")).set(1)

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request under its route template, such as '/v1/documents/{id}'."""
        known_method = method if method in _METHODS else "other"
        self._http_requests.labels(known_method, route, str(status)).inc()
        self._http_request_seconds.labels(known_method, route).observe(seconds)

    def count_answer(self, *, status: str, reason: str | None) -> None:
        """Counts an answer."""
        self._answers.labels(_label(status), _label(reason or "")).inc()

    def count_feedback(self, *, rating: int) -> None:
        """Counts feedback on an answer."""
        self._feedback.labels(str(rating)).inc()

    def count_ingest(self, *, status: str, code: str | None) -> None:
        """Counts a document that was processed; `code` is the error's, if it failed."""
        self._ingests.labels(_label(status), _label(code or "")).inc()

    def set_jobs_waiting(self, count: int) -> None:
        """The number of jobs that wait now."""
        self._jobs_waiting.set(count)

    def set_queue(
        self, *, kind: str, priority: str, waiting: int, running: int, oldest_seconds: float
    ) -> None:
        """The queue of one kind and class now."""
        names = _label(kind), _label(priority)
        self._queue_jobs.labels(*names, "waiting").set(waiting)
        self._queue_jobs.labels(*names, "running").set(running)
        self._queue_oldest.labels(*names).set(oldest_seconds)

    def set_jobs_failed(self, kind: str, count: int) -> None:
        """The number of failed jobs of the kind now."""
        self._jobs_failed.labels(_label(kind)).set(count)

    def set_documents(self, status: str, count: int) -> None:
        """The number of documents in the status now."""
        self._documents.labels(_label(status)).set(count)

    def forget_documents(self) -> None:
        """Nothing is known of the documents now."""
        self._documents.clear()

    def forget_queue(self) -> None:
        """Nothing is known of the queue now."""
        self._jobs_waiting.set(-1)
        for gauge in (self._queue_jobs, self._queue_oldest, self._jobs_failed):
            gauge.clear()

    def count_model_call(
        self,
        *,
        target: str,
        feature: str,
        outcome: str,
        tokens: Mapping[str, int],
        microdollars: int,
    ) -> None:
        """Counts one attempt at a language model; `tokens` by kind."""
        self._llm_calls.labels(_label(target), _label(feature), _label(outcome)).inc()
        for kind, count in tokens.items():
            self._llm_tokens.labels(_label(target), _label(kind)).inc(count)
        self._llm_cost.labels(_label(target)).inc(microdollars / MICRODOLLARS)

    def count_unusable_draft(self, code: str) -> None:
        """Counts an answer whose model wrote what cannot be read; `code` says how."""
        self._unusable_drafts.labels(_label(code)).inc()

    def set_breaker_state(self, target: str, state: Literal["closed", "half_open", "open"]) -> None:
        """The state of a language model's circuit breaker."""
        self._llm_breaker.labels(_label(target)).set(("closed", "half_open", "open").index(state))

    def count_webhook_attempt(self, *, outcome: Literal["delivered", "failed"]) -> None:
        """Counts one attempt to tell a webhook of an event."""
        self._webhook_attempts.labels(outcome).inc()

    def count_pruned(self, *, kind: str, count: int) -> None:
        """Counts rows and files that were deleted because of their age."""
        self._pruned.labels(_label(kind)).inc(count)

    def count_search(self, fell_back: str | None) -> None:
        """Counts a search; the reason that memory could not answer it, None when it did."""
        self._searches.labels("database" if fell_back else "memory", _label(fell_back or "")).inc()

    def observe_ann_recall(self, recall: float) -> None:
        """Adds a sampled search whose plan might have missed something."""
        self._ann_recall.observe(recall)

    def observe_stage(self, stage: str, *, seconds: float) -> None:
        """Adds one run of a stage."""
        self._stage_seconds.labels(_label(stage)).observe(seconds)

    def observe_stages(self, seconds_by_stage: Mapping[str, float], *, prefix: str = "") -> None:
        """Adds one run of each stage of a stopwatch."""
        for stage, seconds in seconds_by_stage.items():
            self.observe_stage(f"{prefix}{stage}", seconds=seconds)

    def exposition(self, of_others: Iterable[Metric] = (), *, process: str | None = None) -> bytes:
        """All metrics in the text format of Prometheus, see CONTENT_TYPE_LATEST.

        Samples of other processes stand with those of the same metric here; they need a label that
        tells them apart. With `process` those of this one get it.
        """
        own = self.registry.collect()
        named = own if process is None else labelled(own, process)
        ours = chain(named, self.database_registry.collect())
        metric_by_name: dict[str, Metric] = {}
        for metric in chain(ours, of_others):
            metric_by_name.setdefault(metric.name, metric)
            if metric_by_name[metric.name] is not metric:
                metric_by_name[metric.name].samples.extend(metric.samples)
        return generate_latest(_Collected(metric_by_name.values()))


def labelled(metrics: Iterable[Metric], process: str) -> list[Metric]:
    """The metrics, with a label on each sample that says of which process it is."""
    found = list(metrics)
    for metric in found:
        metric.samples = [
            sample._replace(labels={**sample.labels, "process": process})
            for sample in metric.samples
        ]
    return found


class _Collected(Collector):
    """Metrics that were collected already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    @override
    def collect(self) -> Iterable[Metric]:
        return self._metrics


@contextmanager
def stage_timer(metrics: Metrics, stage: str) -> Iterator[None]:
    """Measures the block, whether or not it raises."""
    stopwatch = Stopwatch()
    try:
        with stopwatch.span(stage):
            yield
    finally:
        metrics.observe_stages(stopwatch.seconds_by_stage)


def _label(value: str) -> str:
    """The value itself, when it is a code word and not something a person or a model wrote."""
    if not _LABEL.fullmatch(value):
        raise ValueError("A metric label must be a snake_case word.")
    return value
