"""The cost of a night as a share of a full ingest: of one in which nothing, and little, changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from string import ascii_lowercase
from time import perf_counter, sleep
from typing import Final

import httpx
import psutil

from evals.bench.footnote_process import TENANT, BenchmarkFailed, Footnote, Instance, running
from evals.bench.record import Outcome

DOCUMENTS: Final = 10_000
WORDS: Final = 60
OWN_WORDS: Final = 10
"""Of a file: one chunk."""
SHARED_WORDS: Final = ("desk", "leave", "report", "travel", "budget", "meeting", "policy", "office")
SEED: Final = 11
CHANGED_SHARE: Final = 0.01
MOST_OF_AN_INGEST: Final = 0.01
SETTLE_SECONDS: Final = 5
"""Between two nights: what the last one leaves to the index and to autovacuum is not the next's."""
WAIT_SECONDS: Final = 20
SOURCE: Final = "notes"


@dataclass(frozen=True, kw_only=True)
class Night:
    """One run: processor time of the whole service and its database, and what was reported."""

    cpu_seconds: float
    seconds: float
    report: dict[str, object]

    def count(self, name: str) -> int:
        """A number of the report."""
        value = self.report[name]
        assert isinstance(value, int)  # noqa: S101  # the contract says so
        return value


def measure_nights(instance: Instance, *, documents: int) -> Outcome:
    """Four nights of one source over a folder of short files, in an empty home."""
    folder = instance.home / "notes"
    _write_all(folder, documents)
    changed = max(round(documents * CHANGED_SHARE), 1)
    with running(instance) as footnote, _administrator(footnote) as client:
        address = (SOURCE, folder.as_uri())
        footnote.run("source", "add", *address, "--tenant", TENANT, "--principals", "tenant:*")
        full = _night(footnote, client)
        unchanged = _night(footnote, client)
        _rewrite(folder, changed)
        little = _night(footnote, client)
        folder.rename(folder.with_name("notes.away"))
        folder.mkdir()
        vanished = _night(footnote, client)
    if full.count("new") != documents:
        raise BenchmarkFailed(f"{full.count('new')} of {documents} files were taken in.")
    ratio = unchanged.cpu_seconds / full.cpu_seconds
    return Outcome(
        question="Processor time of a night with nothing changed, over that of the full ingest",
        target=f"ratio <= {MOST_OF_AN_INGEST}, nothing embedded; of {CHANGED_SHARE:.0%} changed "
        "files only theirs embedded; a source that lists nothing deletes nothing",
        has_met_target=(
            ratio <= MOST_OF_AN_INGEST
            and unchanged.count("embedded_chunks") == 0
            and little.count("changed") == changed
            and little.count("embedded_chunks") <= 2 * changed
            and vanished.count("deleted") == 0
            and vanished.count("held") == documents
        ),
        numbers={
            "documents": documents,
            "changed_documents": changed,
            "unchanged_to_full": round(ratio, 4),
            "changed_to_full": round(little.cpu_seconds / full.cpu_seconds, 4),
            "cpu_seconds": _each(full, unchanged, little, vanished, "cpu_seconds"),
            "seconds": _each(full, unchanged, little, vanished, "seconds"),
            "embedded_chunks": {
                name: night.count("embedded_chunks")
                for name, night in _named(full, unchanged, little, vanished)
            },
            "deleted_when_the_source_vanished": vanished.count("deleted"),
            "held_when_the_source_vanished": vanished.count("held"),
        },
        seed=SEED,
    )


def _named(*nights: Night) -> Iterator[tuple[str, Night]]:
    return zip(("full", "unchanged", "changed", "vanished"), nights, strict=True)


def _each(full: Night, unchanged: Night, little: Night, vanished: Night, name: str) -> object:
    nights = _named(full, unchanged, little, vanished)
    return {night_name: round(getattr(night, name), 2) for night_name, night in nights}


def _night(footnote: Footnote, client: httpx.Client) -> Night:
    """One run from its request to its end."""
    sleep(SETTLE_SECONDS)
    before, started = _cpu_seconds(footnote), perf_counter()
    response = client.post("/v1/reindex", json={}).raise_for_status()
    run_id = response.json()["job"]["id"]
    while True:
        job = client.get(f"/v1/jobs/{run_id}", params={"wait": WAIT_SECONDS}).json()
        if job["status"] not in {"queued", "running"}:
            break
    seconds = perf_counter() - started
    cpu_seconds = _cpu_seconds(footnote) - before
    report = client.get(f"/v1/reindex/runs/{run_id}").raise_for_status().json()
    if report["status"] not in {"succeeded", "completed_with_errors"}:
        raise BenchmarkFailed(f"The run ended as {report['status']!r}.")
    return Night(cpu_seconds=cpu_seconds, seconds=seconds, report=report)


def _cpu_seconds(footnote: Footnote) -> float:
    """Of API, worker, readers and Postgres, the ended ones that somebody waited for included."""
    service = psutil.Process(footnote.process.pid)
    home = str(footnote.instance.home)
    servers = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and any(home in argument for argument in process.info["cmdline"] or [])
    ]
    if not servers:
        raise BenchmarkFailed("The Postgres of this home was not found.")
    total, seen = 0.0, set()
    for root in (service, *servers):
        for process in (root, *root.children(recursive=True)):
            if process.pid in seen:
                continue
            seen.add(process.pid)
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                # Its parent has its time now.
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def _administrator(footnote: Footnote) -> Iterator[httpx.Client]:
    key = footnote.run("key", "create", "--tenant", TENANT, "--scopes", "admin,documents:read")
    headers = {"Authorization": f"Bearer {key['key']}"}
    with httpx.Client(base_url=footnote.url, headers=headers, timeout=60) as client:
        yield client


def _write_all(folder: Path, documents: int) -> None:
    folder.mkdir()
    random = Random(SEED)  # noqa: S311  # the same files every time
    for number in range(documents):
        _path(folder, number).write_text(_text(random, number), encoding="utf-8")


def _rewrite(folder: Path, changed: int) -> None:
    """Other texts in the first files."""
    random = Random(SEED + 1)  # noqa: S311  # the same files every time
    for number in range(changed):
        _path(folder, number).write_text(_text(random, number), encoding="utf-8")


def _path(folder: Path, number: int) -> Path:
    return folder / f"note-{number:06}.md"


def _text(random: Random, number: int) -> str:
    """A heading, words that all files share, and words that no two files do."""
    shared = random.choices(SHARED_WORDS, k=WORDS - OWN_WORDS)
    own = ["".join(random.choices(ascii_lowercase, k=6)) for _ in range(OWN_WORDS)]
    return f"# Note {number}\n\n{' '.join([*shared, *own])}.\n"
