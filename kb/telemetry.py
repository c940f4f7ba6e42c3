"""Logs and metrics: what happened and how long it took, never what was asked or what a text says.

Logs are JSON lines on stderr. Metrics are for Prometheus; no label holds a tenant, a document or
anything that a caller wrote.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Final, Literal, TextIO, TypedDict

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from structlog.contextvars import bound_contextvars
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from kb.errors import KnowledgeBaseError
from language.personal_data import labelled

LogLevel = Literal["debug", "info", "warning", "error"]

SENSITIVE_KEYS: Final = frozenset(
    {
        "answer",
        "api_key",
        "authorization",
        "comment",
        "content",
        "credential",
        "filename",
        "key",
        "messages",
        "password",
        "prompt",
        "query",
        "question",
        "quote",
        "secret",
        "text",
        "title",
    }
)
"""Names under which texts and credentials travel; a log event loses them at any depth."""

REQUEST_SECONDS_BUCKETS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""From a health probe to an answer by a slow language model."""

STAGE_SECONDS_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30)
"""From a lexical search (1 ms) to the embedding of a long document."""

RECALL_BUCKETS: Final = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1)
"""Of 100 wanted chunks, .99 misses one."""

MICRODOLLARS: Final = 1_000_000
"""In a dollar."""

MAX_CHAINED_EXCEPTIONS: Final = 10
"""An exception's causes are followed this far; a chain can be a circle."""

MAX_VALUE_CHARS: Final = 2_000
"""Of a string in a log event; ours are ids and codes, a library's may be anything."""

_LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}|")
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})


class DescribedException(TypedDict):
    """An exception as the log shows it."""

    type: str
    message: str | None
    frames: list[str]


def configure_logging(level: LogLevel, *, stream: TextIO | None = None) -> None:
    """Sends the logs of Footnote at `level`, those of libraries from WARNING on, to stderr.

    At `debug` an exception from a library shows its message too, which may quote a document: that
    level is for development.
    """
    output = sys.stderr if stream is None else stream
    chain = _processors(shows_messages=level == "debug")
    structlog.configure(
        processors=[*chain, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # Below WARNING the clients of language models and of HTTP log whole requests.
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


@contextmanager
def bind_log_context(
    *, request_id: str | None = None, tenant_id: str | None = None, job_id: str | None = None
) -> Iterator[None]:
    """Every log event inside carries the ids that are given."""
    ids = {"request_id": request_id, "tenant_id": tenant_id, "job_id": job_id}
    with bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


def _processors(*, shows_messages: bool) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(
            lambda raised: _described_exceptions(raised, shows_messages=shows_messages)
        ),
        drop_sensitive_keys,
        mask_personal_data,
    ]


def drop_sensitive_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event without the keys that hold texts or credentials."""
    return {key: _cleaned(value) for key, value in event.items() if not _is_sensitive(key)}


def mask_personal_data(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event with the personal data in its strings replaced by their kinds, at any depth.

    No event of ours holds any; a library's warning or an exception's message may. A string longer
    than MAX_VALUE_CHARS is cut before it is looked at: this runs wherever something is logged, the
    event loop included.
    """
    return {key: _labelled(value) for key, value in event.items()}


def _labelled(value: object) -> object:
    match value:
        case str() if len(value) > MAX_VALUE_CHARS:
            cut = len(value) - MAX_VALUE_CHARS
            return f"{labelled(value[:MAX_VALUE_CHARS])}... ({cut} more characters)"
        case str():
            return labelled(value)
        case dict():
            return {key: _labelled(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_labelled(inner) for inner in value]
        case _:
            return value


def _cleaned(value: object) -> object:
    match value:
        case dict():
            return {key: _cleaned(inner) for key, inner in value.items() if not _is_sensitive(key)}
        case list() | tuple():
            return [_cleaned(inner) for inner in value]
        case _:
            return value


def _is_sensitive(key: object) -> bool:
    return isinstance(key, str) and key.lower() in SENSITIVE_KEYS


def _described_exceptions(raised: ExcInfo, *, shows_messages: bool) -> list[DescribedException]:
    """The exception and its causes, newest first, with their stack frames but without variables.

    Only messages of our own errors are shown, since they promise to quote nothing; the message of
    a pydantic or database error may hold the very text that it failed on.
    """
    described: list[DescribedException] = []
    error: BaseException | None = raised[1]
    while error is not None and len(described) < MAX_CHAINED_EXCEPTIONS:
        is_shown = shows_messages or isinstance(error, KnowledgeBaseError)
        described.append(
            {
                "type": type(error).__qualname__,
                "message": str(error) if is_shown else None,
                "frames": _frames(error),
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return described


def _frames(error: BaseException) -> list[str]:
    frames: list[str] = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames


class Stopwatch:
    """How long each stage of one piece of work took, in seconds; all stages are timed by one.

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
    """The numbers that Prometheus collects, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._http_requests = Counter(
            "footnote_http_requests",
            "HTTP requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._http_request_seconds = Histogram(
            "footnote_http_request_seconds",
            "Time from the first byte of a request to the last byte of its response.",
            ["method", "route"],
            buckets=REQUEST_SECONDS_BUCKETS,
            registry=registry,
        )
        self._answers = Counter(
            "footnote_answers", "Answers given.", ["status", "reason"], registry=registry
        )
        self._ingests = Counter(
            "footnote_ingest", "Documents processed.", ["status", "code"], registry=registry
        )
        self._stage_seconds = Histogram(
            "footnote_stage_seconds",
            "Time spent in one stage of ingesting, searching or answering.",
            ["stage"],
            buckets=STAGE_SECONDS_BUCKETS,
            registry=registry,
        )
        self._ann_recall = Histogram(
            "footnote_ann_recall",
            "Share of the truly nearest chunks that a sampled vector search found.",
            buckets=RECALL_BUCKETS,
            registry=registry,
        )
        self._jobs_waiting = Gauge(
            "footnote_jobs_waiting", "Jobs that wait for a worker.", registry=registry
        )
        self._pruned = Counter(
            "footnote_pruned", "What was forgotten.", ["kind"], registry=registry
        )
        self._llm_calls = Counter(
            "footnote_llm_calls", "Attempts.", ["target", "feature", "outcome"], registry=registry
        )
        self._llm_tokens = Counter(
            "footnote_llm_tokens", "Tokens read and written.", ["target", "kind"], registry=registry
        )
        self._llm_cost = Counter(
            "footnote_llm_cost_dollars", "What calls did cost.", ["target"], registry=registry
        )
        self._unusable_drafts = Counter(
            "footnote_unusable_drafts", "Outputs that cannot be read.", ["code"], registry=registry
        )
        self._llm_breaker = Gauge(
            "footnote_llm_breaker_state",
            "Circuit breaker of a language model: 0 closed, 1 half-open, 2 open.",
            ["target"],
            registry=registry,
        )

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request under its route template, such as '/v1/documents/{id}'."""
        known_method = method if method in _METHODS else "other"
        self._http_requests.labels(known_method, route, str(status)).inc()
        self._http_request_seconds.labels(known_method, route).observe(seconds)

    def count_answer(self, *, status: str, reason: str | None) -> None:
        """Counts an answer."""
        self._answers.labels(_label(status), _label(reason or "")).inc()

    def count_ingest(self, *, status: str, code: str | None) -> None:
        """Counts a document that was processed; `code` is the error's, if it failed."""
        self._ingests.labels(_label(status), _label(code or "")).inc()

    def set_jobs_waiting(self, count: int) -> None:
        """The number of jobs that wait now."""
        self._jobs_waiting.set(count)

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

    def count_pruned(self, *, kind: str, count: int) -> None:
        """Counts what the nightly upkeep has forgotten."""
        self._pruned.labels(_label(kind)).inc(count)

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

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus, see CONTENT_TYPE_LATEST."""
        return generate_latest(self.registry)


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
