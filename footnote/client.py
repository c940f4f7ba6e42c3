"""A small HTTP client of the contract, as the demo uses it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx

from app.http.answers.schemas import Answer
from app.http.jobs.schemas import Job
from kb.store.jobs import FINISHED

WAIT_SECONDS = 20
"""The longest that one request waits for a job; below the client's own timeout."""


@dataclass(frozen=True, kw_only=True)
class UploadAccepted:
    """The ids of a stored upload; no job when nothing had to be read."""

    document_id: str
    job_id: str | None


@dataclass(frozen=True, kw_only=True)
class Client:
    """Speaks for the key in the headers of `http`; httpx.HTTPStatusError when refused."""

    http: httpx.Client

    def upload(self, path: Path, fields: Mapping[str, object]) -> UploadAccepted:
        """Uploads a file with its fields."""
        form = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in fields.items()
        }
        response = self.http.post(
            "/v1/documents",
            files={"file": (path.name, path.read_bytes())},
            data=form,
        )
        response.raise_for_status()
        body = response.json()
        job = body["job"]
        return UploadAccepted(document_id=body["document"]["id"], job_id=job["id"] if job else None)

    def wait_for_job(self, job_id: str, *, until: float) -> Job:
        """The job once it is finished, or whatever it is at the deadline."""
        while True:
            response = self.http.get(f"/v1/jobs/{job_id}", params={"wait": WAIT_SECONDS})
            response.raise_for_status()
            job = Job.model_validate(response.json())
            if job.status in FINISHED or monotonic() > until:
                return job

    def ask(self, question: str, principals: Sequence[str]) -> Answer:
        """The answer, as these principals get it."""
        response = self.http.post(
            "/v1/answers",
            json={"question": question},
            headers=httpx.Headers({"Footnote-Principals": ",".join(principals)}, encoding="utf-8"),
        )
        response.raise_for_status()
        return Answer.model_validate(response.json())
