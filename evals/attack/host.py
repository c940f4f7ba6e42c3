"""The service on its host: killed processes, its end, the modes of its files, the page /docs."""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISLNK
from time import monotonic, sleep

import httpx

from evals.attack.calls import all_finished, finished, send_text, stored
from evals.attack.finding import Finding, Probe, judge
from evals.attack.processes import kill, of_home, of_role
from evals.attack.seeding import paragraphs, random_for, words
from evals.attack.target import Target
from evals.bench.footnote_process import LOG_NAME, TENANT, command

PROMISED_SECONDS = 10.0
"""The database is back, and everything is gone, within this."""

PATIENCE_SECONDS = 45.0
"""After this it never happens."""

POLL_SECONDS = 0.1
DEATHS = 3
"""In a minute: nobody starts the same child a fourth time."""

BUSY_DOCUMENTS, READ_SECONDS = 60, 300.0
OTHERS_MAY, PASS_THROUGH = 0o077, 0o011
"""The permissions of group and others, and the part that lets them pass through a folder."""

LOADS_FROM_ELSEWHERE = re.compile(
    r"""(?:src|href|url|from)\s*[=(:]?\s*["']?(?:https?:)?//[^"')\s]+"""
)


def killed_database_comes_back(target: Target) -> Finding:
    """The embedded Postgres is killed twice: back within 10 s, with its data, and it says so."""
    figures, faults = {}, []
    with target.caller() as client:
        stored(client, "The wombat allowance is 7 carrots.")
        for number in (1, 2):
            logged = target.log.stat().st_size
            kill(of_role(target.home, "postgres"))
            figures[f"back_seconds_{number}"] = _seconds_until_found(client)
            if not any(
                "postgres" in line or "database" in line for line in target.log_lines(logged)
            ):
                faults.append("the log does not say so")

        later = client.post("/v1/documents", json={"text": "Written after the second death."})
        if not later.is_success or finished(client, later.json()["job"]["id"]) != "succeeded":
            faults.append("nothing is read any more")
    return judge(figures, dict.fromkeys(figures, PROMISED_SECONDS), faults=faults)


def dying_child_ends_everything(target: Target) -> Finding:
    """A worker killed three times in a minute ends `footnote up` with one line, leaving nothing."""
    process, logged = target.footnote.process, target.log.stat().st_size
    deaths, started = 0, monotonic()
    while process.poll() is None and monotonic() - started < PATIENCE_SECONDS:
        worker = of_role(target.home, "worker")[:1]
        kill(worker)
        deaths += len(worker)
        sleep(0.5)
    ended_after = monotonic() - started
    left = _seconds_until_nothing_runs(target)

    # JSON is for machines: the other lines are for people.
    said = [line for line in target.log_lines(logged) if line.strip() and not line.startswith("{")]
    return judge(
        {"deaths": deaths, "left_seconds": left},
        {"left_seconds": PROMISED_SECONDS},
        also={"exit_code": process.poll(), "ended_after_seconds": round(ended_after, 1)},
        faults=[
            *([] if process.poll() else ["it did not end, or as if nothing had happened"]),
            *([] if len(said) == 1 else ["there is not one line that says why"]),
        ],
    )


def stop_of_a_busy_service(target: Target) -> Finding:
    """SIGTERM beside CPU hogs with a busy worker: all gone within 10 s, and nothing is lost."""
    random = random_for("busy")
    vocabulary = words(random, 300)
    texts = [paragraphs(random, vocabulary, 30) for _ in range(BUSY_DOCUMENTS)]
    hog_count = 2 * (os.cpu_count() or 1)
    with target.caller() as client, ExitStack() as hogs:
        sent = [send_text(client, text) for text in texts]
        deadline = monotonic() + PATIENCE_SECONDS
        reading = {"status": "processing", "limit": "1"}
        while monotonic() < deadline:
            page = client.get("/v1/documents", params=reading).raise_for_status().json()
            if page["data"]:
                break
            sleep(POLL_SECONDS)

        for _ in range(hog_count):
            endless = [sys.executable, "-c", "while True: pass"]
            hog = hogs.enter_context(subprocess.Popen(endless))  # noqa: S603  # fixed
            hogs.callback(hog.kill)
        target.footnote.process.send_signal(signal.SIGTERM)
        gone_after = _seconds_until_nothing_runs(target)

    target.ensure_up()
    with target.caller() as client:
        ends = all_finished(client, [each["job"] for each in sent], within_seconds=READ_SECONDS)
    lost = len(sent) - ends["succeeded"]
    return judge(
        {"gone_after_seconds": gone_after, "lost": lost},
        {"gone_after_seconds": PROMISED_SECONDS, "lost": 0},
        also={"hogs": hog_count},
    )


def killed_service_starts_again(target: Target) -> Finding:
    """After SIGKILL of `footnote up` its worker goes by itself, and a start finds all data."""
    with target.caller() as client:
        stored(client, "The wombat allowance is 7 carrots.")
    target.footnote.process.kill()
    deadline = monotonic() + PATIENCE_SECONDS
    while of_role(target.home, "worker") and monotonic() < deadline:
        sleep(POLL_SECONDS)
    worker_seconds = PATIENCE_SECONDS - (deadline - monotonic())
    database_left = len(of_role(target.home, "postgres"))

    target.ensure_up()
    with target.caller() as client:
        found = _seconds_until_found(client)
    return judge(
        {"worker_gone_seconds": round(worker_seconds, 1), "found_seconds": found},
        {"worker_gone_seconds": PROMISED_SECONDS, "found_seconds": PROMISED_SECONDS},
        also={"database_processes_left": database_left},
    )


def stop_of_a_command(target: Target) -> Finding:
    """SIGTERM of a command that started the embedded Postgres leaves no process."""
    target.end()
    figures = {}
    tenant = ("--tenant", TENANT)
    commands = (("ask", "How many?", *tenant), ("search", "carrots", *tenant), ("db", "upgrade"))
    for arguments in commands:
        process = subprocess.Popen(  # noqa: S603  # our own command
            command(*arguments),
            env=target.instance.environment,
            cwd=target.home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and not of_role(target.home, "postgres"):
            sleep(POLL_SECONDS / 10)
        process.send_signal(signal.SIGTERM)
        figures[f"{arguments[0]}_gone_seconds"] = _seconds_until_nothing_runs(target)
        process.kill()
        process.wait()
        target.end()
    return judge(figures, dict.fromkeys(figures, PROMISED_SECONDS))


def home_is_private(target: Target) -> Finding:
    """Nobody else can list, read or write anything in the home; passing through is no reading."""
    with target.caller() as client:
        stored(client, "The wombat allowance is 7 carrots.")
    found = open_to_others(target.home)
    return judge({}, {}, also={"open": len(found)}, faults=found)


def documentation_loads_nothing_from_elsewhere(target: Target) -> Finding:
    """The page /docs names no other host, and what it loads from this one is there."""
    page = httpx.get(f"{target.url}/docs").raise_for_status().text
    foreign = foreign_addresses(page)
    own = re.findall(r"""(?:src|href)=["'](/[^/"'][^"']*)""", page)
    missing = [path for path in own if not httpx.get(f"{target.url}{path}").is_success]
    return judge(
        {},
        {},
        also={"own_assets": len(own)},
        faults=[*foreign, *(f"no {path}" for path in missing)],
    )


def open_to_others(home: Path) -> list[str]:
    """The paths in the home that others may list, read or write, with their modes."""
    found = []
    for path in (home, *sorted(home.rglob("*"))):
        mode = path.lstat().st_mode
        # A link's mode means nothing; the log is made by this suite.
        if S_ISLNK(mode) or path.name == LOG_NAME:
            continue
        # The embedded Postgres of root is another user, who has to get to its folder.
        if S_IMODE(mode) & OTHERS_MAY & ~(PASS_THROUGH if S_ISDIR(mode) else 0):
            found.append(f"{path.relative_to(home)} is {S_IMODE(mode):o}")
    return found


def foreign_addresses(page: str) -> list[str]:
    """The addresses that a page loads from other hosts."""
    return LOADS_FROM_ELSEWHERE.findall(page)


def _seconds_until_found(client: httpx.Client) -> float:
    """Until a search gives the stored text again."""
    started = monotonic()
    while monotonic() - started < PATIENCE_SECONDS:
        try:
            response = client.post("/v1/search", json={"query": "wombat allowance"}, timeout=5)
            if response.is_success and "wombat" in response.text:
                break
        except httpx.HTTPError:
            pass
        sleep(POLL_SECONDS)
    return round(monotonic() - started, 1)


def _seconds_until_nothing_runs(target: Target) -> float:
    started = monotonic()
    while of_home(target.home) and monotonic() - started < PATIENCE_SECONDS:
        sleep(POLL_SECONDS)
    return round(monotonic() - started, 1)


PROBES: tuple[Probe, ...] = (
    killed_database_comes_back,
    dying_child_ends_everything,
    stop_of_a_busy_service,
    killed_service_starts_again,
    home_is_private,
    documentation_loads_nothing_from_elsewhere,
    stop_of_a_command,
)
