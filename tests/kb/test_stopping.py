"""Signals: the first unwinds, a second or the deadline ends what hangs."""

import signal
import subprocess
import sys

import pytest

START = """
import os, signal, sys, threading, time
from kb import stopping
stopping.STOP_SECONDS, stopping.LAST_SECONDS, stopping.SAME_REQUEST_SECONDS = 0.6, 0.3, 0.0
stopping.obey_signals()
def say(word): print(word, flush=True)
def hang():
    while True: time.sleep(60)
def last(seconds): say(f"last {0 <= seconds <= 0.5}")
"""

UNWINDS = """
try:
    say("ready"); signal.pause()
finally:
    say("unwound")
"""

SERVES = """
stopping.treat_sigterm_as_success()
asked = threading.Event()
with stopping.on_request(asked.set):
    say("ready"); asked.wait()
    say(f"asked {stopping.is_requested()}")
raise SystemExit(stopping.exit_code())
"""

HANGS_IN_A_THREAD = """
threading.Thread(target=hang).start()
try:
    say("ready"); signal.pause()
finally:
    say("unwound"); stopping.exit_now(stopping.exit_code())
"""

HANGS = """
with stopping.on_kill(last):
    try:
        say("ready"); signal.pause()
    finally:
        hang()
"""

HANGS_WITH_TIME = "stopping.STOP_SECONDS = 600\n" + HANGS.replace("hang()", 'say("2nd"); hang()')

GIVES_UP = """
try:
    threading.Timer(0, stopping.stop_with_failure).start()
    signal.pause()
finally:
    say("unwound")
"""


def run(code: str, *signals: int) -> tuple[int, list[str]]:
    """The exit code, and what it said; it gets a signal each time it says that it is ready."""
    with subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-c", START + code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = []
        for number in signals:
            said.append(process.stdout.readline().strip())
            process.send_signal(number)
        said += process.stdout.read().split("\n")[:-1]
        return process.wait(), said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_unwinds_and_the_exit_code_names_it(number: int) -> None:
    assert run(UNWINDS, number) == (128 + number, ["ready", "unwound"])


def test_a_service_is_requested_to_end_and_sigterm_is_its_usual_end() -> None:
    assert run(SERVES, signal.SIGTERM) == (0, ["ready", "asked True"])
    assert run(SERVES, signal.SIGINT) == (130, ["ready", "asked True"])


def test_a_thread_that_does_not_end_holds_nothing_up() -> None:
    assert run(HANGS_IN_A_THREAD, signal.SIGTERM) == (143, ["ready", "unwound"])


def test_at_the_deadline_the_kill_handlers_run_and_the_process_ends() -> None:
    assert run(HANGS, signal.SIGTERM) == (143, ["ready", "last True"])


def test_a_second_signal_ends_at_once() -> None:
    code, said = run(HANGS_WITH_TIME, signal.SIGTERM, signal.SIGINT)

    assert (code, said) == (130, ["ready", "2nd", "last True"])


def test_stopping_with_failure_unwinds_with_exit_code_1() -> None:
    assert run(GIVES_UP) == (1, ["unwound"])
