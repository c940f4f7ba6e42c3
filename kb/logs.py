"""Logs: events with ids and codes, never the words of a question or of a document.

Lines for people on a terminal, JSON lines elsewhere; both on stderr, ours and those of libraries.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from time import monotonic
from traceback import walk_tb
from typing import Final, Literal, TextIO, TypedDict

import structlog
from structlog.contextvars import bound_contextvars
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from kb import stopping
from kb.errors import KnowledgeBaseError
from language.personal_data import labelled

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]

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

MAX_CHAINED_EXCEPTIONS: Final = 10
"""An exception's causes are followed this far; a chain can be a circle."""

MAX_VALUE_CHARS: Final = 2_000
"""Of a string in a log event; ours are ids and codes, a library's may be anything."""

FIRST_KEYS: Final = ("timestamp", "level", "event", "logger")
"""The order of what every line has, before its own fields."""


class DescribedException(TypedDict):
    """An exception as the log shows it."""

    type: str
    message: str | None
    frames: list[str]


class Lines:
    """Writes whole lines to a stream; a line that cannot be written is lost, and stops nothing.

    Without a lock: a handler of a signal may log while the code that it interrupts does. One write
    of a text stream is not divided among threads.
    """

    def __init__(self, stream: TextIO) -> None:
        """The stream stays its owner's."""
        self._stream = stream

    def write(self, text: str) -> None:
        """Writes what a handler of `logging` has made, its line end included."""
        # A full disk or a closed pipe; RuntimeError: a signal has interrupted this very write.
        with suppress(OSError, ValueError, RuntimeError):
            self._stream.write(text)
            self._stream.flush()

    def flush(self) -> None:
        """Nothing: every write is flushed."""

    def line(self, text: str) -> None:
        """Writes what structlog has made."""
        self.write(f"{text}\n")

    debug = info = warning = error = critical = line


def configure_logging(
    level: LogLevel, log_format: LogFormat = "auto", *, stream: TextIO | None = None
) -> None:
    """Sends the logs of Footnote at `level`, those of libraries from WARNING on, to stderr.

    At `debug` an exception from a library shows its message too, which may quote a document: that
    level is for development.
    """
    output = sys.stderr if stream is None else stream
    lines = Lines(output)
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(
            partial(_described_exceptions, shows_messages=level == "debug")
        ),
        clean_event,
    ]
    rendering: list[Processor] = [structlog.processors.JSONRenderer()]
    if log_format == "console" or (log_format == "auto" and output.isatty()):
        rendering = [
            readable_event,
            structlog.dev.ConsoleRenderer(colors=_has_colours(output), sort_keys=False),
        ]
    structlog.configure(
        processors=[*chain, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: lines,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    # Below WARNING the clients of language models and of HTTP log whole requests, and uvicorn and
    # alembic what our own lines tell.
    lowest = max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()])
    logging.basicConfig(handlers=[handler], level=lowest, force=True)
    logging.captureWarnings(capture=True)


def _has_colours(stream: TextIO) -> bool:
    """True on a terminal that shows colours, unless its user wants none (NO_COLOR)."""
    from rich.console import Console  # noqa: PLC0415  # a tenth of a second, for terminals alone

    terminal = Console(file=stream)
    return terminal.color_system is not None and not terminal.no_color


@contextmanager
def logged_process(name: str, **facts: str | int) -> Iterator[None]:
    """The start of this process and, with its reason, its end are logged around the block."""
    log = structlog.get_logger(__name__)
    begun = monotonic()
    reason = "unknown"

    def log_end(reason: str) -> None:
        seconds = round(monotonic() - begun, 1)
        log.info("process.stopped", process=name, reason=reason, pid=os.getpid(), seconds=seconds)

    release = version("footnote")
    log.info("process.started", process=name, version=release, pid=os.getpid(), **facts)
    with stopping.on_kill(lambda _seconds: log_end("killed")):
        try:
            yield
        except KnowledgeBaseError as error:
            reason = error.code
            raise
        except Exception:
            reason = "crashed"
            log.exception("process.crashed", process=name)
            raise
        except BaseException:
            reason = stopping.reason() or "exit"
            raise
        else:
            reason = stopping.reason() or "finished"
        finally:
            log_end(reason)


@contextmanager
def bind_log_context(
    *, request_id: str | None = None, tenant_id: str | None = None, job_id: str | None = None
) -> Iterator[None]:
    """Every log event inside carries the ids that are given."""
    ids = {"request_id": request_id, "tenant_id": tenant_id, "job_id": job_id}
    with bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


def clean_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event, time, level and name first, without the keys that hold texts or credentials.

    They go at any depth. Personal data in its strings is replaced by its kind. No event of ours
    holds any; a library's warning or an exception's message may. A string longer than
    MAX_VALUE_CHARS is cut before it is looked at: this runs wherever something is logged, the event
    loop included.
    """
    names = dict.fromkeys([*(name for name in FIRST_KEYS if name in event), *event])
    return {name: _cleaned(event[name]) for name in names if name.lower() not in SENSITIVE_KEYS}


def readable_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event as a terminal may show it: what is not printable in it is escaped.

    So no text can begin a line of its own, or command the terminal. What is None is left out; an
    exception becomes lines below the event, each of them indented.
    """
    exceptions = event.pop("exception", None)
    shown = {
        _printable(key): _printable(value if isinstance(value, str) else repr(value))
        for key, value in event.items()
        if value is not None
    }
    if exceptions is not None:
        shown["exception"] = "\n".join(
            f"    {_printable(line)}" for each in exceptions for line in _exception_lines(each)
        )
    return shown


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _exception_lines(exception: DescribedException) -> list[str]:
    message = exception["message"]
    heading = exception["type"] if message is None else f"{exception['type']}: {message}"
    return [heading, *(f"  {frame}" for frame in exception["frames"])]


def _cleaned(value: object) -> object:
    match value:
        case str() if len(value) > MAX_VALUE_CHARS:
            cut = len(value) - MAX_VALUE_CHARS
            return f"{labelled(value[:MAX_VALUE_CHARS])}... ({cut} more characters)"
        case str():
            return labelled(value)
        case dict():
            return {
                key: _cleaned(inner)
                for key, inner in value.items()
                if str(key).lower() not in SENSITIVE_KEYS
            }
        case list() | tuple():
            return [_cleaned(inner) for inner in value]
        case _:
            return value


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
                "frames": [
                    f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
                    for frame, line in walk_tb(error.__traceback__)
                ],
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return described
