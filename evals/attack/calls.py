"""Requests that several probes make."""

from collections import Counter
from collections.abc import Mapping, Sequence
from time import monotonic

import httpx

from evals.bench.footnote_process import BenchmarkFailed
from kb.store.jobs import FINISHED

POLL_SECONDS = 20
"""The longest that one request waits for a job."""

READY = frozenset({"ready", "ready_with_warnings"})


def send_text(client: httpx.Client, text: str, **fields: object) -> Mapping[str, str]:
    """The ids `document` and `job` of a text; BenchmarkFailed when it was refused."""
    response = client.post("/v1/documents", json={"text": text, **fields})
    if not response.is_success:
        raise BenchmarkFailed(f"An upload got {response.status_code}.")
    body = response.json()
    return {"document": body["document"]["id"], "job": body["job"]["id"] if body["job"] else ""}


def finished(client: httpx.Client, job_id: str, *, within_seconds: float = 120.0) -> str:
    """The job's status at its end, or after that time."""
    deadline, status = monotonic() + within_seconds, "succeeded"
    while job_id:
        wait = max(0.0, min(POLL_SECONDS, deadline - monotonic()))
        response = client.get(f"/v1/jobs/{job_id}", params={"wait": wait})
        if not response.is_success:
            return f"http_{response.status_code}"
        status = response.json()["status"]
        if status in FINISHED or wait == 0:
            break
    return str(status)


def all_finished(
    client: httpx.Client, jobs: Sequence[str], *, within_seconds: float
) -> Counter[str]:
    """The number of jobs by their status, after all of them ended or that time has passed."""
    deadline = monotonic() + within_seconds
    return Counter(
        finished(client, job, within_seconds=max(0.5, deadline - monotonic())) for job in jobs
    )


def stored(client: httpx.Client, text: str, **fields: object) -> str:
    """The id of a text that can be found; BenchmarkFailed when it cannot."""
    sent = send_text(client, text, **fields)
    status = finished(client, sent["job"])
    if status != "succeeded":
        raise BenchmarkFailed(f"An innocent document ended as {status!r}.")
    return sent["document"]
