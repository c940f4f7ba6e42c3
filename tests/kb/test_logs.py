"""Logs carry ids and never texts, in lines that nobody else can write."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator

import pytest
import structlog
from typing_extensions import override

from kb.errors import DatabaseUnavailable
from kb.logs import (
    MAX_VALUE_CHARS,
    LogFormat,
    LogLevel,
    bind_log_context,
    configure_logging,
    logged_process,
)

RFC_3339_UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # else configuring would close pytest's own
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


class Terminal(io.StringIO):
    """A terminal, as far as a log asks."""

    @override
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("NO_COLOR", "1")
    return Terminal()


def lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_event_is_one_json_line_with_level_time_and_ids(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    with bind_log_context(request_id="r1", tenant_id="t1", job_id="j1"):
        structlog.get_logger("kb").info("job.started", attempts=2)

    (line,) = lines(output)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert re.fullmatch(RFC_3339_UTC, str(line.pop("timestamp")))
    assert line == {
        "event": "job.started",
        "level": "info",
        "attempts": 2,
        "request_id": "r1",
        "tenant_id": "t1",
        "job_id": "j1",
    }


def test_ids_do_not_outlive_their_context(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    with bind_log_context(request_id="outer"):
        with bind_log_context(request_id="inner"):
            pass
        structlog.get_logger().info("between")
    structlog.get_logger().info("after")

    assert [line.get("request_id") for line in lines(output)] == ["outer", None]


def test_texts_and_credentials_are_dropped_at_any_depth(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    structlog.get_logger().info(
        "searched",
        question="SECRET",
        Text="SECRET",
        api_key="SECRET",
        results=[{"quote": "SECRET", "rank": 1}, ({"authorization": "SECRET"},)],
        request={"body": {"query": "SECRET", "top_k": 5}},
    )

    assert "SECRET" not in output.getvalue()
    (line,) = lines(output)
    assert line["results"] == [{"rank": 1}, [{}]]
    assert line["request"] == {"body": {"top_k": 5}}


def test_personal_data_in_a_message_is_replaced_by_its_kind(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    logging.getLogger("some.client").warning(
        "no reply for ana@acme.example (tel. +49 30 901820, card 4111 1111 1111 1111)"
    )
    structlog.get_logger().info("seen", rows=[{"note": ("ssn 219-09-9999",)}])

    first, second = lines(output)
    assert first["event"] == "no reply for [email] (tel. [phone], card [credit_card])"
    assert second["rows"] == [{"note": ["ssn [us_ssn]"]}]


def test_a_long_value_is_cut_before_it_is_looked_at(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    structlog.get_logger().info("seen", value="1 2(3)" * 100_000)

    shown = str(lines(output)[0]["value"])
    assert shown.endswith("... (598000 more characters)")
    assert len(shown) < MAX_VALUE_CHARS + 50


def test_ids_hashes_times_and_places_are_no_personal_data(output: io.StringIO) -> None:
    configure_logging("info", stream=output)
    plain = {
        "request_id": "01900000-0000-7000-8000-012345678901",
        "sha256": "0123456789" * 6 + "0123",
        "at": "2026-11-21T03:22:00.123456+00:00",
        "frames": ["/usr/lib/python3.11/site-packages/x/y.py:1234 handle"],
        "version": "1.2.3",
        "address": "127.0.0.1:5432",
    }

    structlog.get_logger().info("seen", **plain)

    (line,) = lines(output)
    assert {name: line[name] for name in plain} == plain


@pytest.mark.parametrize(
    ("level", "events"),
    [("debug", ["a", "b", "c"]), ("info", ["b", "c"]), ("warning", ["c"]), ("error", [])],
)
def test_level_decides_what_is_logged(
    output: io.StringIO, level: LogLevel, events: list[str]
) -> None:
    configure_logging(level, stream=output)
    log = structlog.get_logger()

    log.debug("a")
    log.info("b")
    log.warning("c")

    assert [line["event"] for line in lines(output)] == events


def test_libraries_are_logged_as_json_from_warning_on(output: io.StringIO) -> None:
    configure_logging("debug", stream=output)

    logging.getLogger("some.client").info("POST with the whole request")
    logging.getLogger("some.client").warning("slow")

    (line,) = lines(output)
    assert list(line) == ["timestamp", "level", "event", "logger"]
    assert (line["event"], line["level"], line["logger"]) == ("slow", "warning", "some.client")


def test_libraries_say_no_more_than_is_asked_for(output: io.StringIO) -> None:
    configure_logging("error", stream=output)

    logging.getLogger("some.client").warning("slow")
    logging.getLogger("some.client").error("down")

    assert [line["event"] for line in lines(output)] == ["down"]


def test_a_warning_of_python_is_a_line_like_any_other(output: io.StringIO) -> None:
    # Taken over once for each process, which pytest undoes at the end of each test.
    logging.captureWarnings(capture=False)
    configure_logging("info", stream=output)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("an old name", DeprecationWarning, stacklevel=1)

    (line,) = lines(output)
    assert "DeprecationWarning: an old name" in str(line["event"])
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")


def fail_with_the_text() -> None:
    message = "input was: SECRET"
    raise ValueError(message)


def fail_because_of_the_database() -> None:
    try:
        fail_with_the_text()
    except ValueError as error:
        raise DatabaseUnavailable from error


def log_failure() -> None:
    try:
        fail_because_of_the_database()
    except DatabaseUnavailable:
        structlog.get_logger().exception("request.failed")


def test_exception_shows_its_causes_and_frames_but_no_foreign_message(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    log_failure()

    assert "SECRET" not in output.getvalue()
    (line,) = lines(output)
    described = line["exception"]
    assert isinstance(described, list)
    assert [(each["type"], each["message"]) for each in described] == [
        ("DatabaseUnavailable", "The database cannot be reached at the moment."),
        ("ValueError", None),
    ]
    assert described[1]["frames"][-1].endswith(" fail_with_the_text")


def test_debug_shows_foreign_messages(output: io.StringIO) -> None:
    configure_logging("debug", stream=output)

    log_failure()

    assert "input was: SECRET" in output.getvalue()


def test_exception_of_a_library_logger_is_described_the_same_way(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    try:
        fail_with_the_text()
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")

    assert "SECRET" not in output.getvalue()
    assert '"type": "ValueError"' in output.getvalue()


@pytest.mark.parametrize(
    ("log_format", "is_terminal", "is_json"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("console", False, False),
        ("json", True, True),
    ],
)
def test_format_is_the_one_asked_for_or_fits_where_it_is_read(
    monkeypatch: pytest.MonkeyPatch, log_format: LogFormat, *, is_terminal: bool, is_json: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    output = Terminal() if is_terminal else io.StringIO()
    configure_logging("info", log_format, stream=output)

    structlog.get_logger().info("job.started", attempts=2)

    assert output.getvalue().startswith("{") == is_json


def test_a_readable_line_begins_with_its_time_and_leaves_out_what_is_none(
    terminal: Terminal,
) -> None:
    configure_logging("info", stream=terminal)

    with bind_log_context(job_id="j1"):
        structlog.get_logger().info("job.started", attempts=2, code=None)
    logging.getLogger("some.client").warning("slow")

    ours, theirs = terminal.getvalue().splitlines()
    assert re.fullmatch(rf"{RFC_3339_UTC} \[info +\] job.started +attempts=2 job_id=j1", ours)
    assert re.fullmatch(rf"{RFC_3339_UTC} \[warning +\] slow +\[some.client\]", theirs)


FORGERY = (
    "done\r\n2026-01-01T00:00:00Z [info     ] \x1b[2J\x1b]0;ana\x07\u202eforged\x85\u2028forged"
)
"""A line of its own, commands to the terminal, letters from right to left, other line ends."""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_text_begins_a_line_of_its_own_or_commands_a_terminal(
    terminal: Terminal, log_format: LogFormat
) -> None:
    configure_logging("debug", log_format, stream=terminal)

    structlog.get_logger().info("seen", value=FORGERY, values=[FORGERY], **{FORGERY: 1})
    logging.getLogger(FORGERY).warning(FORGERY)
    try:
        int(FORGERY)
    except ValueError:
        structlog.get_logger().exception("failed")

    written = terminal.getvalue()
    assert "forged" in written
    assert all(character.isprintable() or character == "\n" for character in written)
    begins = [line for line in written.splitlines() if not line.startswith("    ")]
    assert len(begins) == 3
    assert not [line for line in begins if "2026-01-01" in line[:20]]


def test_a_terminal_shows_an_exception_in_lines_below_its_event(terminal: Terminal) -> None:
    configure_logging("info", stream=terminal)

    log_failure()

    first, *below = terminal.getvalue().splitlines()
    assert first.endswith("request.failed")
    assert below[0] == "    DatabaseUnavailable: The database cannot be reached at the moment."
    assert "    ValueError" in below
    assert below[-1].endswith(" fail_with_the_text")
    assert "SECRET" not in terminal.getvalue()


class FullDisk(io.StringIO):
    """Takes nothing, as a file on a full disk."""

    @override
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    configure_logging("info", stream=FullDisk())

    structlog.get_logger().info("job.started")
    logging.getLogger("some.client").warning("slow")


def end_by(error: BaseException | None) -> None:
    with logged_process("api", home="/srv/footnote"):
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, "finished"),
        (DatabaseUnavailable(), "database_unavailable"),
        (SystemExit(1), "exit"),
        (ValueError("SECRET"), "crashed"),
    ],
    ids=["end", "known error", "exit", "crash"],
)
def test_a_process_tells_of_its_start_and_why_it_stops(
    output: io.StringIO, error: BaseException | None, reason: str
) -> None:
    configure_logging("info", stream=output)

    if error is None:
        end_by(None)
    else:
        with pytest.raises(type(error)):
            end_by(error)

    started, *between, stopped = lines(output)
    assert (started["event"], started["process"]) == ("process.started", "api")
    assert started["home"] == "/srv/footnote"
    assert started["version"]
    assert (stopped["event"], stopped["reason"]) == ("process.stopped", reason)
    assert stopped["pid"] == started["pid"]
    assert [line["event"] for line in between] == ["process.crashed"] * (reason == "crashed")
    assert "SECRET" not in output.getvalue()
