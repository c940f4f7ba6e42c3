"""Logs carry ids and never texts, in lines that nobody else can write."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from kb.errors import DatabaseUnavailable
from kb.logs import MAX_VALUE_CHARS, LogLevel, bind_log_context, configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # else configuring would close pytest's own
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_event_is_one_json_line_with_level_time_and_ids(output: io.StringIO) -> None:
    configure_logging("info", stream=output)

    with bind_log_context(request_id="r1", tenant_id="t1", job_id="j1"):
        structlog.get_logger("kb").info("job.started", attempts=2)

    (line,) = lines(output)
    assert line.pop("timestamp")
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
    assert (line["event"], line["level"], line["logger"]) == ("slow", "warning", "some.client")


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
