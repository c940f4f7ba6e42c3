"""Residues of documents deleted at random while uploads, searches and answers go on."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from threading import Event, Lock
from time import perf_counter, sleep
from uuid import UUID, uuid4

import httpx

from evals.bench.footnote_process import (
    LOG_NAME,
    TENANT,
    BenchmarkFailed,
    Footnote,
    Instance,
    running,
)
from evals.bench.record import Outcome, spread
from kb.errors import DocumentNotFound
from kb.ids import DocumentId
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.residue import Places, ResidueReport, Trace, find_residue, traces_of
from kb.store.tenants import tenant_by_name

DELETIONS = 200
SEED = 23
LOADERS = 3
"""One of each kind: uploads, searches, answers."""

IN_FLIGHT = 0.2
"""Share of documents that are deleted while they are ingested."""

PURGE_TIMEOUT_SECONDS = 300.0
SUBJECTS = ("limit", "allowance", "travel budget", "training", "parking fee", "phone bill")


@dataclass(frozen=True, kw_only=True)
class Note:
    """A document; `handle` stands in questions, `secret` nowhere but in the document."""

    handle: str
    secret: str
    subject: str
    amount: int

    @property
    def text(self) -> str:
        """What is uploaded; every sentence is found in no other document."""
        return (
            f"# Rules of {self.handle}\n\n"
            f"The {self.subject} of {self.handle} is {self.amount} euros, says {self.secret}.\n\n"
            f"## Exceptions of {self.handle}\n\n"
            f"Whoever asks {self.secret} in writing gets {self.amount + 7} euros"
            f" from {self.handle}.\n"
        )

    @property
    def question(self) -> str:
        """One that the document answers."""
        return f"How much is the {self.subject} of {self.handle}?"


@dataclass(kw_only=True)
class Load:
    """What goes on beside the deletions."""

    notes: list[Note]
    stop: Event = field(default_factory=Event)
    counts: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def pick(self, chooser: random.Random) -> Note:
        """Any document, deleted ones too."""
        with self.lock:
            return chooser.choice(self.notes)

    def wait_until_all_go_on(self, loaders: Sequence[Future[None]]) -> None:
        """Returns once something of each kind was done; BenchmarkFailed when one has ended."""
        while not {"uploads", "searches", "answers"} <= self.counts.keys():
            for loader in loaders:
                if loader.done():
                    loader.result()
                    raise BenchmarkFailed("What should go on beside the deletions has ended.")
            sleep(0.1)

    def count(self, kind: str) -> None:
        """Counts one more."""
        with self.lock:
            self.counts[kind] += 1


def new_note(chooser: random.Random) -> Note:
    """One that nobody else has."""
    return Note(
        handle=f"Hx{chooser.getrandbits(40):010x}",
        secret=f"zq{chooser.getrandbits(56):014x}",
        subject=chooser.choice(SUBJECTS),
        amount=chooser.randrange(100, 10_000),
    )


def measure_deletion(instance: Instance, *, deletions: int) -> Outcome:
    """Deletes so many of twice as many documents."""
    chooser = random.Random(SEED)  # noqa: S311  # the same documents each time
    with running(instance) as footnote, footnote.client() as client:
        early = [new_note(chooser) for _ in range(2 * deletions)]
        id_by_note = {note: _upload(client, note) for note in early}
        _wait_for_jobs(client, list(id_by_note.values()))
        control = _look(instance, _traces(instance, [id_by_note[early[0]][0]]))
        _require_found(control)
        load = Load(notes=list(early))
        with ThreadPoolExecutor(LOADERS) as threads:
            work: Sequence[Callable[[httpx.Client, Load], None]] = (_keep_uploading, _ask, _search)
            loaders = [threads.submit(_loaded, footnote, each, load) for each in work]
            try:
                load.wait_until_all_go_on(loaders)
                deleted, traces, milliseconds = _delete_all(
                    instance, client, id_by_note, chooser, deletions
                )
            finally:
                load.stop.set()
            for loader in loaders:
                loader.result()
        receipts = [_final_receipt(client, document_id) for document_id in deleted]
        visible = sum(
            _is_visible(client, document_id, note) for document_id, note in deleted.items()
        )
        report = _look(instance, traces)
    return judge(receipts, milliseconds, report, load.counts, visible)


def judge(
    receipts: Sequence[dict[str, dict[str, str]]],
    milliseconds: Sequence[float],
    report: ResidueReport,
    counts: Counter[str],
    visible: int,
) -> Outcome:
    """The outcome from what is left."""
    purge_seconds = [
        (
            _time(receipt["purge"]["completed_at"]) - _time(str(receipt["deleted_at"]))
        ).total_seconds()
        for receipt in receipts
    ]
    left = [f"{each.kind} in {each.place}: {each.count}" for each in report.unexpected]
    return Outcome(
        question="residues of documents deleted while uploads, searches and answers go on",
        target="0 residues, in every table, file, index and log",
        has_met_target=not left and not visible,
        numbers={
            "deletions": len(receipts),
            "residues": len(left) + visible,
            "left": left,
            "delete_milliseconds": spread(list(milliseconds)),
            "purge_seconds": spread(purge_seconds),
            "beside": dict(counts),
            "looked_through": {
                "tables": report.tables,
                "files": report.files,
                "indexes": report.indexes,
            },
            "not_read": report.unread,
        },
        seed=SEED,
        concurrency=LOADERS,
    )


def _delete_all(
    instance: Instance,
    client: httpx.Client,
    id_by_note: dict[Note, tuple[str, str | None]],
    chooser: random.Random,
    deletions: int,
) -> tuple[dict[str, Note], list[Trace], list[float]]:
    """What was deleted, by what it can be told, and how long each took."""
    deleted: dict[str, Note] = {}
    traces: list[Trace] = []
    milliseconds: list[float] = []
    ready = chooser.sample(sorted(id_by_note, key=lambda note: note.handle), deletions)
    with database_url(instance.settings) as url:
        for note in ready:
            document_id = id_by_note[note][0]
            if chooser.random() < IN_FLIGHT:
                note = new_note(chooser)  # noqa: PLW2901  # one that is being ingested instead
                document_id, _ = _upload(client, note)
                sleep(chooser.uniform(0, 0.5))
            traces += asyncio.run(_traces_at(url, [document_id]))
            traces += [Trace(kind="text", value=note.secret), Trace(kind="id", value=document_id)]
            started = perf_counter()
            client.delete(f"/v1/documents/{document_id}").raise_for_status()
            milliseconds.append((perf_counter() - started) * 1000)
            deleted[document_id] = note
            if _is_visible(client, document_id, note):
                raise BenchmarkFailed("A document was found after its deletion.")
    return deleted, list(dict.fromkeys(traces)), milliseconds


def _is_visible(client: httpx.Client, document_id: str, note: Note) -> bool:
    """True when the API shows the document or its words in any way."""
    paths = [f"/v1/documents/{document_id}{end}" for end in ("", "/content", "/chunks")]
    found = client.post("/v1/search", json={"query": note.secret, "mode": "lexical"})
    texts = [hit["text"] for hit in found.raise_for_status().json()["data"]]
    return any(note.secret in text for text in texts) or any(
        client.get(path).status_code != HTTPStatus.NOT_FOUND for path in paths
    )


def _final_receipt(client: httpx.Client, document_id: str) -> dict[str, dict[str, str]]:
    deadline = perf_counter() + PURGE_TIMEOUT_SECONDS
    while perf_counter() < deadline:
        response = client.get(f"/v1/documents/{document_id}/receipt").raise_for_status()
        receipt: dict[str, dict[str, str]] = response.json()["receipt"]
        if receipt["purge"]["status"] == "complete":
            return receipt
        sleep(0.2)
    raise BenchmarkFailed("A deletion was not purged in time.")


def _loaded(footnote: Footnote, work: Callable[[httpx.Client, Load], None], load: Load) -> None:
    with footnote.client() as client:
        work(client, load)


def _keep_uploading(client: httpx.Client, load: Load) -> None:
    chooser = random.Random(SEED + 1)  # noqa: S311
    while not load.stop.is_set():
        note = new_note(chooser)
        _upload(client, note)
        with load.lock:
            load.notes.append(note)
        load.count("uploads")
        sleep(0.2)


def _search(client: httpx.Client, load: Load) -> None:
    chooser = random.Random(SEED + 2)  # noqa: S311
    while not load.stop.is_set():
        client.post("/v1/search", json={"query": load.pick(chooser).question}).raise_for_status()
        load.count("searches")


def _ask(client: httpx.Client, load: Load) -> None:
    """Whole and streamed, and with what was answered before in the history, as chats send it.

    Its document may be deleted by then.
    """
    chooser = random.Random(SEED + 3)  # noqa: S311
    history: list[dict[str, str]] = []
    while not load.stop.is_set():
        question = load.pick(chooser).question
        is_streamed = chooser.random() < 0.3  # noqa: PLR2004  # a third
        body: dict[str, object] = {"question": question, "history": history}
        more = {"stream": True} if is_streamed else {"include_retrieved": True}
        response = client.post("/v1/answers", json={**body, **more})
        load.count("streams" if is_streamed else "answers")
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            # Its evidence was deleted while it was made.
            load.count("answers refused")
            continue
        response.raise_for_status()
        history = []
        if not is_streamed and response.headers["content-type"] == "application/json":
            said = response.json()["answer"]
            history = [
                {"role": "user", "content": question},
                {"role": "assistant", "content": said or "I do not know."},
            ]


def _upload(client: httpx.Client, note: Note) -> tuple[str, str | None]:
    """The ids of the document and of its job; with a key, so that the response is kept."""
    response = client.post(
        "/v1/documents",
        headers={"Idempotency-Key": str(uuid4())},
        files={"file": (f"{note.secret}.md", note.text.encode())},
        data={
            "external_id": f"{note.secret}-{note.handle}",
            "metadata": f'{{"by":"{note.secret}"}}',
        },
    )
    body = response.raise_for_status().json()
    return str(body["document"]["id"]), str(body["job"]["id"]) if body["job"] else None


def _wait_for_jobs(client: httpx.Client, uploaded: Sequence[tuple[str, str | None]]) -> None:
    for _, job_id in uploaded:
        while job_id is not None:
            job = client.get(f"/v1/jobs/{job_id}", params={"wait": 30}).raise_for_status().json()
            if job["status"] == "succeeded":
                break
            if job["status"] not in {"queued", "running"}:
                raise BenchmarkFailed(f"A job ended as {job['status']!r}.")


def _traces(instance: Instance, document_ids: Sequence[str]) -> list[Trace]:
    with database_url(instance.settings) as url:
        return asyncio.run(_traces_at(url, document_ids))


async def _traces_at(url: str, document_ids: Sequence[str]) -> list[Trace]:
    database = Database(url, pool_size=1)
    found: list[Trace] = []
    try:
        async with database.system() as system:
            tenant = await tenant_by_name(system, TENANT)
        for document_id in document_ids:
            async with database.tenant(tenant.id, viewer=None) as scope:
                try:
                    found += await traces_of(scope, DocumentId(UUID(document_id)))
                except DocumentNotFound as error:
                    raise BenchmarkFailed("A document was lost.") from error
    finally:
        await database.close()
    return found


def _look(instance: Instance, traces: Sequence[Trace]) -> ResidueReport:
    places = Places(home=instance.home, logs=[instance.home / LOG_NAME])
    with database_url(instance.settings) as url:
        return asyncio.run(_look_at(url, places, traces))


async def _look_at(url: str, places: Places, traces: Sequence[Trace]) -> ResidueReport:
    database = Database(url, pool_size=1)
    try:
        async with database.system() as system:
            tenant = await tenant_by_name(system, TENANT)
        return await find_residue(database, tenant.id, traces, places)
    finally:
        await database.close()


def _require_found(control: ResidueReport) -> None:
    """A scan that does not find a document that is there would find no residue either."""
    places = {each.place.split("/")[0] for each in control.unexpected}
    missing = {"public.chunks", "public.document_versions", "files"} - places
    if missing:
        raise BenchmarkFailed(f"The scan does not find what is there in {sorted(missing)}.")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
