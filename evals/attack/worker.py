"""The worker: hostile files beside innocent ones, kills, deletions meanwhile, mutated files."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, perf_counter, sleep

import httpx

from evals.attack.calls import READY, all_finished, finished, send_text
from evals.attack.finding import Finding, Probe, judge
from evals.attack.hostile_files import hostile_files
from evals.attack.mutations import mutated_files, samples
from evals.attack.processes import Usage, kill, of_role, sampled, usage
from evals.attack.seeding import paragraphs, random_for, words
from evals.attack.target import Target
from kb.errors import KnowledgeBaseError

VICTIM = "victim"
"""The tenant of the innocent."""

INNOCENT_DOCUMENTS = 40
HOSTILE_SECONDS = 900.0
"""After this a file that is still being read counts as one that never ends."""

WORKER_BYTES = 4_000_000_000
"""A worker with its children on a machine of 8 GB leaves half to the rest."""

ENDANGERING_BYTES = 9_000_000_000
"""From here on the suite itself ends the worker, for the sake of the machine it runs on."""

SERVER_ERROR = 500
HOST_FILE_MARK = "root:x:"
"""The first words of the file that one of them names."""

SAMPLE_SECONDS = 0.3
KILLED_DOCUMENTS, KILLS = 150, 20
KILL_SECONDS = 900.0
MEANWHILE = 20
MUTATED_FILES = 1_000
MUTATED_SECONDS = 1_800.0
LIST_PAGE = 100
SAMPLES = Path(__file__).parents[2] / "footnote" / "samples" / "documents"

KILLED, CHANGED = "killed", "changed"
"""Collections: the words of one probe may be parts of another's."""


def hostile_files_harm_nobody(target: Target) -> Finding:
    """Hostile files of one tenant end with a code; another's documents are all ready meanwhile."""
    random = random_for("innocent")
    texts = [paragraphs(random, words(random, 60), 6) for _ in range(INNOCENT_DOCUMENTS)]
    deadline = monotonic() + HOSTILE_SECONDS
    with (
        target.caller() as attacker,
        target.caller(tenant=VICTIM) as victim,
        sampled(lambda: _watched(target), every_seconds=SAMPLE_SECONDS) as samples_taken,
    ):
        started = perf_counter()
        innocent, hostile, refused = [], {}, []
        for name, content in hostile_files():
            response = attacker.post("/v1/documents", files={"file": (name, content)})
            if response.is_success:
                hostile[name] = response.json()
            else:
                refused.append((name, response.status_code))
            if texts:
                innocent.append(send_text(victim, texts.pop()))
        innocent += [send_text(victim, text) for text in texts]
        jobs = [each["job"] for each in innocent]
        ends = all_finished(victim, jobs, within_seconds=HOSTILE_SECONDS)
        innocent_seconds = perf_counter() - started
        codes = {}
        for name, body in hostile.items():
            left_seconds = max(0.5, deadline - monotonic())
            finished(attacker, body["job"]["id"], within_seconds=left_seconds)
            path = f"/v1/documents/{body['document']['id']}"
            shows_host = HOST_FILE_MARK in attacker.get(f"{path}/content").text
            code = _code_of(attacker.get(path).json())
            codes[name] = "shows a file of the host" if shows_host else code
    peak = max(each.memory_bytes for each in samples_taken)
    taken_over = len(target.log_events("job.taken_over"))
    return judge(
        {
            "innocent_not_ready": INNOCENT_DOCUMENTS - ends["succeeded"],
            "worker_peak_bytes": peak,
            "jobs_taken_over": taken_over,
        },
        {"innocent_not_ready": 0, "worker_peak_bytes": WORKER_BYTES, "jobs_taken_over": 0},
        also={
            "innocent_seconds": round(innocent_seconds),
            "seconds": round(perf_counter() - started),
            "worker_restarts": len(target.log_events("worker.restarted")),
            "outcomes": codes,
            "refused": dict(refused),
        },
        faults=[f"{name}: {code}" for name, code in codes.items() if not is_stable(code)]
        + [f"{name}: {status}" for name, status in refused if status >= SERVER_ERROR],
    )


def kills_lose_and_double_nothing(target: Target) -> Finding:
    """20 kills of the worker and all its children while 150 documents are read."""
    random = random_for("kills")
    made = words(random, KILLED_DOCUMENTS + 100)
    marks, others = made[:KILLED_DOCUMENTS], made[KILLED_DOCUMENTS:]
    target.key()
    with target.caller() as client:
        sent = [
            send_text(
                client,
                f"{mark} is one.\n\n{paragraphs(random, others, 4)}",
                title=mark,
                collection=KILLED,
            )
            for mark in marks
        ]
    deadline, kills, restarts_of_all = monotonic() + KILL_SECONDS, 0, 0
    while kills < KILLS and monotonic() < deadline:
        if not target.is_up():
            # A supervisor may give up after three deaths in a minute; its operator does not.
            restarts_of_all += 1
            target.ensure_up()
        if _kill_worker(target, after_seconds=random.uniform(0.5, 5.0)):
            kills += 1
    target.ensure_up()
    with target.caller() as client:
        jobs = [each["job"] for each in sent]
        ends = all_finished(client, jobs, within_seconds=KILL_SECONDS)
        faults = []
        for each, mark in zip(sent, marks, strict=True):
            versions = client.get(f"/v1/documents/{each['document']}/versions").json()
            if len(versions.get("data", [])) != 1:
                faults.append(f"{len(versions.get('data', []))} versions")
            hits = _hits(client, mark, KILLED)
            if hits != [each["document"]]:
                faults.append(f"found {len(hits)} times")
    return judge(
        {"not_ready": KILLED_DOCUMENTS - ends["succeeded"], "lost_or_doubled": len(faults)},
        {"not_ready": 0, "lost_or_doubled": 0},
        also={"kills": kills, "restarts_of_everything": restarts_of_all, "ends": dict(ends)},
        faults=faults if kills == KILLS else [*faults, f"only {kills} kills"],
    )


def deleting_and_superseding_meanwhile(target: Target) -> Finding:
    """A document that is deleted or replaced while it is read is not found afterwards."""
    random = random_for("meanwhile")
    made, faults = words(random, 3 * MEANWHILE + 300), []
    marks, others = made[: 3 * MEANWHILE], made[3 * MEANWHILE :]
    with target.caller() as client:
        deleted, replaced = [], []
        for number in range(MEANWHILE):
            old, new, gone = marks[3 * number : 3 * number + 3]
            body = paragraphs(random, others, 60)
            gone_id = send_text(client, f"{gone} is here.\n\n{body}", collection=CHANGED)[
                "document"
            ]
            name = f"meanwhile-{number}"
            send_text(client, f"{old} is old.\n\n{body}", external_id=name, collection=CHANGED)
            sleep(random.uniform(0, 0.8))
            client.delete(f"/v1/documents/{gone_id}").raise_for_status()
            newer = send_text(client, f"{new} is new.", external_id=name, collection=CHANGED)
            deleted.append((gone, gone_id))
            replaced.append((old, new, newer["job"]))
        for old, new, job in replaced:
            status = finished(client, job)
            if status != "succeeded":
                faults.append(f"a replacing upload ended as {status}")
            if _hits(client, old, CHANGED):
                faults.append("a replaced text is found")
            if len(_hits(client, new, CHANGED)) != 1:
                faults.append("a replacing text is not found once")
        for gone, gone_id in deleted:
            if client.get(f"/v1/documents/{gone_id}").status_code != httpx.codes.NOT_FOUND:
                faults.append("a deleted document is shown")
            if _hits(client, gone, CHANGED):
                faults.append("a deleted text is found")
    return judge({}, {}, also={"deleted": MEANWHILE, "replaced": MEANWHILE}, faults=faults)


def mutated_files_all_end(target: Target) -> Finding:
    """1,000 mutations of good files: each is read or refused with a code, the service stays up."""
    messy = target.evaldata / "messy_docs"
    folders = [SAMPLES, *([messy] if messy.is_dir() else [])]
    paths, deadline = samples(folders), monotonic() + MUTATED_SECONDS
    faults: list[str] = []
    with (
        target.caller() as client,
        sampled(lambda: _watched(target), every_seconds=SAMPLE_SECONDS * 3) as samples_taken,
    ):
        for name, content in mutated_files(paths, MUTATED_FILES):
            fields = {"collection": "mutated"}
            file = {"file": (name, content)}
            response = client.post("/v1/documents", files=file, data=fields)
            if response.status_code >= SERVER_ERROR:
                faults.append(f"{name}: status {response.status_code}")
        while monotonic() < deadline:
            unread = 0
            for status in ("pending", "processing"):
                first = {"collection": "mutated", "status": status, "limit": "1"}
                page = client.get("/v1/documents", params=first).raise_for_status().json()
                unread += len(page["data"])
            if not unread:
                break
            sleep(2)
        documents = _listed(client, "mutated")
    outcomes = Counter(_code_of(document) for document in documents)
    faults += [code for code in outcomes if not is_stable(code)]
    return judge(
        {"worker_peak_bytes": max(each.memory_bytes for each in samples_taken)},
        {"worker_peak_bytes": WORKER_BYTES},
        also={
            "files": MUTATED_FILES,
            "accepted": len(documents),
            "messy_docs": "used" if messy.is_dir() else "absent, skipped",
            "worker_restarts": len(target.log_events("worker.restarted")),
            **outcomes,
        },
        faults=faults if target.is_up() else [*faults, "the service is down"],
    )


def _watched(target: Target) -> Usage:
    """The worker's resources; one that endangers the machine is measured and then killed."""
    processes = of_role(target.home, "worker")
    measured = usage(processes)
    if measured.memory_bytes > ENDANGERING_BYTES:
        kill(processes)
    return measured


def _kill_worker(target: Target, *, after_seconds: float) -> bool:
    """Kills the worker and its children once it has lived that long; False when there is none."""
    deadline = monotonic() + 20
    while not (found := of_role(target.home, "worker")):
        if monotonic() > deadline:
            return False
        sleep(0.2)
    sleep(after_seconds)
    found = of_role(target.home, "worker")
    kill(found)
    return bool(found)


def _code_of(document: Mapping[str, object]) -> str:
    """The code with which the document failed, or its state."""
    error = document.get("error")
    return str(error["code"]) if isinstance(error, Mapping) else str(document.get("status"))


def is_stable(code: str) -> bool:
    """True of an end: ready, or a code that docs/reference.md lists, but not the one for bugs."""
    kinds, codes = [KnowledgeBaseError], set(READY)
    while kinds:
        kind = kinds.pop()
        codes.add(kind.code)
        kinds += kind.__subclasses__()
    return code in codes - {KnowledgeBaseError.code}


def _hits(client: httpx.Client, word: str, collection: str) -> list[str]:
    """The documents of the collection's passages that have the word."""
    body = {"query": word, "collections": [collection], "mode": "lexical", "top_k": 20}
    found = client.post("/v1/search", json=body).raise_for_status().json()["data"]
    return [hit["document"]["id"] for hit in found if word in hit["text"]]


def _listed(client: httpx.Client, collection: str) -> list[Mapping[str, object]]:
    """All documents of the collection."""
    documents: list[Mapping[str, object]] = []
    params: dict[str, str | int] = {"collection": collection, "limit": LIST_PAGE}
    while True:
        page = client.get("/v1/documents", params=params).raise_for_status().json()
        documents += page["data"]
        if not page["has_more"]:
            return documents
        params["cursor"] = page["next_cursor"]


PROBES: tuple[Probe, ...] = (
    hostile_files_harm_nobody,
    kills_lose_and_double_nothing,
    deleting_and_superseding_meanwhile,
    mutated_files_all_end,
)
