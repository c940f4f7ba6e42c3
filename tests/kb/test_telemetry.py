"""Metrics carry code words and never names."""

from importlib.metadata import version

import pytest

from kb.telemetry import Metrics, Stopwatch, stage_timer


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


def fail_with_the_text() -> None:
    message = "input was: SECRET"
    raise ValueError(message)


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


def test_the_process_and_its_release_are_told() -> None:
    shown = exposition(Metrics())

    assert f'footnote_build_info{{version="{version("footnote")}"}} 1.0' in shown
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert [line for line in shown if line.startswith(f"{name} ")]


def test_documents_are_counted_by_status_or_not_at_all() -> None:
    metrics = Metrics()

    metrics.set_documents("ready", 5)
    known = exposition(metrics)
    metrics.forget_documents()

    assert 'footnote_documents{status="ready"} 5.0' in known
    assert not [line for line in exposition(metrics) if line.startswith("footnote_documents")]


def test_no_line_says_when_a_counter_was_made() -> None:
    metrics = Metrics()

    metrics.count_ingest(status="failed", code="document_encrypted")
    metrics.observe_stage("embed", seconds=1)

    assert "_created" not in "".join(exposition(metrics))


def test_samples_of_another_process_stand_with_ours_under_one_heading() -> None:
    ours, theirs = Metrics(), Metrics()
    ours.observe_stage("search", seconds=1)
    theirs.observe_stage("embed", seconds=1)
    theirs.count_ingest(status="succeeded", code=None)

    shown = ours.exposition(theirs.registry.collect()).decode().splitlines()

    headings = [line for line in shown if line.startswith("# TYPE")]
    assert len(headings) == len(set(headings))
    start = shown.index("# TYPE footnote_stage_seconds histogram")
    of_stages = [line for line in shown[start:] if line.startswith("footnote_stage_seconds_count")]
    assert of_stages == [
        'footnote_stage_seconds_count{stage="search"} 1.0',
        'footnote_stage_seconds_count{stage="embed"} 1.0',
    ]
    between = shown[start + 1 : shown.index(of_stages[1])]
    assert all(line.startswith("footnote_stage_seconds") for line in between)


def test_two_registries_do_not_meet() -> None:
    first, second = Metrics(), Metrics()

    first.set_jobs_waiting(1)

    assert "footnote_jobs_waiting 0.0" in exposition(second)


def test_samples_bear_the_name_of_a_process_among_several_and_the_database_none() -> None:
    metrics = Metrics()
    metrics.count_answer(status="answered", reason=None)
    metrics.set_jobs_waiting(4)

    shown = metrics.exposition(process="api-2").decode().splitlines()

    assert 'footnote_answers_total{process="api-2",reason="",status="answered"} 1.0' in shown
    assert "footnote_jobs_waiting 4.0" in shown
