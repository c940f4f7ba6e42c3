"""The time until `footnote up` is ready, in a home where it was started before; its first answer.

The home has the sample documents. The first answer of a process is beside those that come after it
in the same process: each start begins with another question, and none is asked twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Final

import httpx

from evals.bench.footnote_process import BenchmarkFailed, Instance, running
from evals.bench.record import Outcome, spread
from footnote.samples.manifest import EVERYBODY, document_path, read_manifest, read_questions
from kb.store.jobs import FINISHED

TARGET_SECONDS: Final = 4.0
TARGET_RATIO: Final = 1.5
BETWEEN: Final = 2
"""Answers after the first that count as neither first nor warm."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Seconds until ready, and milliseconds of all answers, the first one first."""

    ready_seconds: float
    answers: Sequence[float]

    @property
    def warm_answers(self) -> Sequence[float]:
        """Milliseconds of those that nothing holds up any more."""
        return self.answers[1 + BETWEEN :]

    @property
    def ratio(self) -> float:
        """The first over the median of the warm ones."""
        return self.answers[0] / median(self.warm_answers)


def measure_startup(instance: Instance, *, runs: int) -> Outcome:
    """The first start makes the home and is not counted."""
    with running(instance) as first, first.client() as client:
        _upload_samples(client)
        first_seconds = first.ready_seconds
    questions = [each.question for each in read_questions() if each.expect_status == "answered"]
    starts = []
    for run in range(runs):
        turn = run % len(questions)
        with running(instance) as footnote, footnote.client() as client:
            answers = [_ask(client, each) for each in [*questions[turn:], *questions[:turn]]]
            starts.append(Start(ready_seconds=footnote.ready_seconds, answers=answers))
    return judge(starts, first_seconds)


def judge(starts: Sequence[Start], first_seconds: float) -> Outcome:
    """The outcome of the starts after the first, which took so many seconds."""
    ready = spread([start.ready_seconds for start in starts])
    ratio = spread([start.ratio for start in starts])
    return Outcome(
        question="Seconds from `footnote up` to /readyz saying 200, after the first start; the "
        "first answer of the process over warm ones",
        target=f"p50 <= {TARGET_SECONDS:g} s; p50 of the ratio <= {TARGET_RATIO:g}",
        has_met_target=ready["p50"] <= TARGET_SECONDS and ratio["p50"] <= TARGET_RATIO,
        numbers={
            "ready_seconds": ready,
            "each": [round(start.ready_seconds, 3) for start in starts],
            "first_start_seconds": round(first_seconds, 3),
            "first_answer_over_warm": ratio,
            "first_answer_milliseconds": spread([start.answers[0] for start in starts]),
            "warm_answer_milliseconds": spread(
                [each for start in starts for each in start.warm_answers]
            ),
        },
        warm_up=1,
    )


def _ask(client: httpx.Client, question: str) -> float:
    """Milliseconds."""
    started = perf_counter()
    client.post("/v1/answers", json={"question": question}).raise_for_status()
    return (perf_counter() - started) * 1000


def _upload_samples(client: httpx.Client) -> None:
    """Those that everybody may read, until they can be found; what is there already stays."""
    job_ids = []
    for entry in read_manifest():
        if EVERYBODY not in entry.principals:
            continue
        response = client.post(
            "/v1/documents",
            files={"file": (entry.file, document_path(entry).read_bytes())},
            data={"external_id": entry.external_id, "title": entry.title},
        )
        job = response.raise_for_status().json()["job"]
        job_ids += [job["id"]] if job else []
    for job_id in job_ids:
        status = "queued"
        while status not in FINISHED:
            answer = client.get(f"/v1/jobs/{job_id}", params={"wait": 30}).raise_for_status()
            status = answer.json()["status"]
        if status != "succeeded":
            raise BenchmarkFailed(f"A job ended as {status!r}.")
