"""Logs carry ids and never texts; metrics carry code words and never names."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from kb.errors import DatabaseUnavailable
from kb.telemetry import (
    MAX_VALUE_CHARS,
    LogLevel,
    Metrics,
    Stopwatch,
    bind_log_context,
    configure_logging,
    stage_timer,
)


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


def exposition(metrics: Metrics) -> list[str]:
    return metrics.exposition().decode().splitlines()


def test_every_count_appears_under_its_contracted_name() -> None:
    metrics = Metrics()

    metrics.count_request(method="GET", route="/v1/documents/{id}", status=200, seconds=0.03)
    metrics.count_answer(status="unsupported", reason="no_results")
    metrics.count_answer(status="answered", reason=None)
    metrics.count_ingest(status="failed", code="document_encrypted")
    metrics.count_unusable_draft("draft_unreadable")
    metrics.set_jobs_waiting(4)
    metrics.set_jobs_failed("ingest", 2)
    metrics.set_queue(kind="ingest", priority="bulk", waiting=3, running=1, oldest_seconds=90.5)

    shown = exposition(metrics)
    route = 'method="GET",route="/v1/documents/{id}"'
    assert f'footnote_http_requests_total{{{route},status="200"}} 1.0' in shown
    assert f'footnote_http_request_seconds_bucket{{le="0.05",{route}}} 1.0' in shown
    assert f'footnote_http_request_seconds_bucket{{le="0.02",{route}}} 0.0' in shown
    assert 'footnote_answers_total{reason="no_results",status="unsupported"} 1.0' in shown
    assert 'footnote_answers_total{reason="",status="answered"} 1.0' in shown
    assert 'footnote_ingest_total{code="document_encrypted",status="failed"} 1.0' in shown
    assert 'footnote_unusable_drafts_total{code="draft_unreadable"} 1.0' in shown
    assert "footnote_jobs_waiting 4.0" in shown
    assert 'footnote_jobs_failed{kind="ingest"} 2.0' in shown
    of_bulk = 'kind="ingest",priority="bulk"'
    assert f'footnote_queue_jobs{{{of_bulk},state="waiting"}} 3.0' in shown
    assert f'footnote_queue_jobs{{{of_bulk},state="running"}} 1.0' in shown
    assert f"footnote_queue_oldest_seconds{{{of_bulk}}} 90.5" in shown


def test_nothing_is_said_of_a_queue_that_cannot_be_seen() -> None:
    metrics = Metrics()
    metrics.set_queue(kind="ingest", priority="bulk", waiting=3, running=1, oldest_seconds=90.5)

    metrics.forget_queue()

    shown = exposition(metrics)
    assert "footnote_jobs_waiting -1.0" in shown
    assert not [line for line in shown if line.startswith("footnote_queue")]


def test_invented_method_does_not_become_a_label() -> None:
    metrics = Metrics()

    metrics.count_request(method="ANA-WAS-HERE", route="unmatched", status=405, seconds=0)

    assert 'method="other"' in "".join(exposition(metrics))
    assert "ANA" not in "".join(exposition(metrics))


@pytest.mark.parametrize(
    "value", ["Parental leave", "0193a1b2-0000-7000-8000-000000000000", "user:ana", "x" * 65]
)
def test_label_that_is_no_code_word_is_refused(value: str) -> None:
    metrics = Metrics()

    with pytest.raises(ValueError, match="snake_case"):
        metrics.count_answer(status=value, reason=None)
    with pytest.raises(ValueError, match="snake_case"):
        metrics.count_ingest(status="failed", code=value)


def test_stage_timer_measures_the_block_even_when_it_fails() -> None:
    metrics = Metrics()

    with stage_timer(metrics, "embed"):
        sum(range(1000))
    with pytest.raises(ValueError, match="input"), stage_timer(metrics, "embed"):
        fail_with_the_text()

    assert 'footnote_stage_seconds_count{stage="embed"} 2.0' in exposition(metrics)


def test_stopwatch_tells_stages_apart_and_adds_up_one_that_runs_again() -> None:
    stopwatch = Stopwatch()

    with stopwatch.span("whole"):
        for _ in range(2):
            with stopwatch.span("part"):
                sum(range(1000))
    with pytest.raises(ValueError, match="input"), stopwatch.span("failed"):
        fail_with_the_text()

    seconds = stopwatch.seconds_by_stage
    assert seconds.keys() == {"part", "whole", "failed"}
    assert 0 < seconds["part"] < seconds["whole"] < stopwatch.total_seconds


def test_stages_of_a_stopwatch_are_observed_under_a_prefix() -> None:
    metrics = Metrics()

    metrics.observe_stages({"retrieve": 0.25, "total": 0.5}, prefix="answer_")

    assert 'footnote_stage_seconds_sum{stage="answer_retrieve"} 0.25' in exposition(metrics)
    assert 'footnote_stage_seconds_sum{stage="answer_total"} 0.5' in exposition(metrics)


def test_two_registries_do_not_meet() -> None:
    first, second = Metrics(), Metrics()

    first.set_jobs_waiting(1)

    assert "footnote_jobs_waiting 0.0" in exposition(second)
