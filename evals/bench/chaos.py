"""Kill -9 of API, worker and Postgres at random moments, and what is left of it all afterwards.

Documents are uploaded as a careful client does it: whatever gets no answer is sent again with the
same `Idempotency-Key`. Half of them have no other name by which a repetition could be known.
"""

import json
import random
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from time import perf_counter, sleep

import httpx

from evals.attack.processes import ROLES, Role, kill, of_home, of_role
from evals.bench.footnote_process import (
    LOG_NAME,
    READY_POLL_SECONDS,
    START_TIMEOUT_SECONDS,
    TENANT,
    BenchmarkFailed,
    Instance,
    command,
)
from evals.bench.record import Outcome, spread

KILLS, DOCUMENTS, SEED = 50, 500, 11
REINDEX_SHARE = 5
"""One kill during a re-index for so many during the ingestion."""

UPLOADERS = 4
MOST_SECONDS_BEFORE_A_KILL = 3.0
PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 600.0
"""A document that is not stored or read within it counts as lost."""

SCOPES = "documents:write,documents:read,search,admin"
QUICK = {"stalled_job_seconds": "5", "rate_limit_per_minute": "1000000"}
"""Jobs of dead workers are taken over soon, and no client is slowed down."""

AGAIN = frozenset(
    {
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""A careful client sends these requests again: the first may still run, or may not have been."""


@dataclass(kw_only=True)
class Mortal:
    """`footnote up`, started again whenever it has ended, as a service manager does."""

    instance: Instance
    port: int
    process: subprocess.Popen[bytes] | None = None
    recovery_seconds: list[float] = field(default_factory=list)
    kills: Counter[Role] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        """The same after each start."""
        return f"http://127.0.0.1:{self.port}"

    def ensure_ready(self) -> None:
        """Returns when requests are answered; BenchmarkFailed when it does not come to that."""
        deadline = perf_counter() + START_TIMEOUT_SECONDS
        while perf_counter() < deadline:
            if self.process is None or self.process.poll() is not None:
                with (self.instance.home / LOG_NAME).open("ab") as log:
                    self.process = subprocess.Popen(  # noqa: S603  # our own command
                        command("up", "--port", str(self.port)),
                        env=self.instance.environment,
                        cwd=self.instance.home,
                        stdout=log,
                        stderr=log,
                    )
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass
            sleep(READY_POLL_SECONDS)
        raise BenchmarkFailed(
            f"The service did not come back; its log is {LOG_NAME!r} in its home."
        )

    def kill(self, role: Role) -> None:
        """Kills all processes of the role, and returns when the service is ready again."""
        kill(of_role(self.instance.home, role))
        self.kills[role] += 1
        started = perf_counter()
        self.ensure_ready()
        self.recovery_seconds.append(perf_counter() - started)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command beside the service, whatever its end."""
        return subprocess.run(  # noqa: S603  # our own command
            command(*arguments, "--json"),
            env=self.instance.environment,
            cwd=self.instance.home,
            capture_output=True,
            text=True,
            check=False,
        )


@dataclass(frozen=True, kw_only=True)
class CarefulClient:
    """Sends what got no answer again, with the same `Idempotency-Key`."""

    http: httpx.Client

    def send(
        self, method: str, path: str, *, key: str | None = None, body: object = None
    ) -> httpx.Response:
        """The first response that is not to be sent again; BenchmarkFailed when none comes."""
        deadline = perf_counter() + PATIENCE_SECONDS
        headers = {} if key is None else {"Idempotency-Key": key}
        while perf_counter() < deadline:
            try:
                response = self.http.request(method, path, headers=headers, json=body)
            except httpx.TransportError:
                sleep(PAUSE_SECONDS)
                continue
            if response.status_code not in AGAIN:
                return response
            sleep(PAUSE_SECONDS)
        raise BenchmarkFailed(f"{method} {path} got no answer within {PATIENCE_SECONDS:g} s.")

    def upload(self, number: int) -> None:
        """Stores one document; BenchmarkFailed when it is refused."""
        body: dict[str, object] = {"text": text_of(number), "title": f"Note {number}"}
        if number % 2:
            body["external_id"] = f"note-{number}"
        response = self.send("POST", "/v1/documents", key=f"upload-{number}", body=body)
        if not response.is_success:
            raise BenchmarkFailed(f"Document {number} was refused: {response.text[:300]}")

    def wait_until_idle(self) -> None:
        """Returns when no job waits or runs."""
        deadline = perf_counter() + PATIENCE_SECONDS
        while perf_counter() < deadline:
            pages = [
                self.send("GET", f"/v1/jobs?limit=1&status={status}").json()["data"]
                for status in ("queued", "running")
            ]
            if not any(pages):
                return
            sleep(PAUSE_SECONDS)
        raise BenchmarkFailed(f"Jobs still wait after {PATIENCE_SECONDS:g} s.")

    def statuses(self) -> Counter[str]:
        """The statuses of all documents."""
        counted, cursor = Counter[str](), ""
        while True:
            page = self.send("GET", f"/v1/documents?limit=200{cursor}").json()
            counted.update(each["status"] for each in page["data"])
            if not page["has_more"]:
                return counted
            cursor = f"&cursor={page['next_cursor']}"

    def found(self, number: int) -> int:
        """The documents with passages that hold the document's own word."""
        query = {"query": word_of(number), "mode": "lexical", "top_k": 10}
        hits = self.send("POST", "/v1/search", body=query).json()["data"]
        return len({hit["document"]["id"] for hit in hits if word_of(number) in hit["text"]})


def word_of(number: int) -> str:
    """The word that stands in this document and in no other."""
    return f"zeichen{number}ende"


def text_of(number: int) -> str:
    """A few chunks."""
    parts = (
        f"# Part {part}\n\nGauge {part} of station {word_of(number)} is read every {part + 2} "
        f"minutes, and its {number + part} readings are kept for a year."
        for part in range(1 + number % 8)
    )
    return "\n\n".join(parts)


def measure_chaos(instance: Instance, *, kills: int, documents: int) -> Outcome:
    """Kills during an ingestion, then during re-indexes, and compares everything at the end."""
    instance = replace(instance, overrides={**QUICK, **instance.overrides})
    chance = random.Random(SEED)  # noqa: S311  # to be repeated, not to be secret
    print(f"  seed {SEED}: {kills} kills, {documents} documents", flush=True)
    started = perf_counter()
    with mortal(instance) as service, client_of(service) as client:
        slices = [range(number, documents, kills) for number in range(kills)]
        for numbers in slices:
            _while_killed(service, chance, lambda each=numbers: _upload_all(client, each))  # type: ignore[misc]  # bound at once
        client.wait_until_idle()
        reindex_kills = max(1, kills // REINDEX_SHARE)
        for number in range(reindex_kills):
            key = f"reindex-{number}"
            _while_killed(service, chance, lambda each=key: _reindex(client, each))  # type: ignore[misc]  # bound at once
        client.wait_until_idle()
        statuses = client.statuses()
        found = Counter(client.found(number) for number in range(documents))
        checked = service.run("doctor", "consistency", "--settled-seconds", "0")
    findings = _findings(checked.stdout)
    return Outcome(
        question="of all documents, those findable exactly once after kills at random moments, "
        "and what contradicts itself",
        target="all of them, and nothing",
        has_met_target=found == Counter({1: documents})
        and statuses == Counter({"ready": documents})
        and checked.returncode == 0,
        numbers={
            "documents": documents,
            "kills_during_ingestion": kills,
            "kills_during_reindex": reindex_kills,
            "kills": dict(service.kills),
            "stored_by_status": dict(statuses),
            "documents_by_times_found": {str(times): count for times, count in found.items()},
            "findings": findings,
            "recovery_seconds": spread(service.recovery_seconds),
            "seconds": round(perf_counter() - started, 1),
        },
        seed=SEED,
        concurrency=UPLOADERS,
    )


@contextmanager
def mortal(instance: Instance) -> Iterator[Mortal]:
    """The service until the end of the block, with all its processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    service = Mortal(instance=instance, port=port)
    try:
        service.ensure_ready()
        yield service
    finally:
        if service.process is not None:
            service.process.terminate()
            try:
                service.process.wait(20)
            except subprocess.TimeoutExpired:
                service.process.kill()
        kill(of_home(instance.home))


@contextmanager
def client_of(service: Mortal) -> Iterator[CarefulClient]:
    """A careful client with a key of its own."""
    made = service.run("key", "create", "--tenant", TENANT, "--scopes", SCOPES)
    if made.returncode:
        raise BenchmarkFailed(f"There is no key: {made.stderr[:300]}")
    authorization = f"Bearer {json.loads(made.stdout)['key']}"
    with httpx.Client(
        base_url=service.url, headers={"Authorization": authorization}, timeout=60
    ) as http:
        yield CarefulClient(http=http)


def _while_killed(service: Mortal, chance: random.Random, work: Callable[[], None]) -> None:
    """Does the work, during which something is killed at a random moment."""
    role = chance.choice(ROLES)
    seconds = chance.uniform(0, MOST_SECONDS_BEFORE_A_KILL)
    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        sleep(seconds)
        service.kill(role)
        working.result()


def _upload_all(client: CarefulClient, numbers: Sequence[int]) -> None:
    with ThreadPoolExecutor(UPLOADERS) as uploaders:
        for _ in uploaders.map(client.upload, numbers):
            pass


def _reindex(client: CarefulClient, key: str) -> None:
    response = client.send("POST", "/v1/reindex", key=key, body={"only_changed": False})
    if not response.is_success:
        raise BenchmarkFailed(f"The re-index was refused: {response.text[:300]}")


def _findings(report: str) -> dict[str, object]:
    """The findings by name; what the command said when that is no report."""
    try:
        tenants = json.loads(report)["tenants"]
    except ValueError:
        return {"no report": report[:300]}
    return {finding["name"]: finding["count"] for each in tenants for finding in each["findings"]}
