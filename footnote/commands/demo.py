"""The demo: sample documents go in through the API, proved answers come out.

start the service -> upload footnote/samples -> wait for the worker -> ask as different people ->
check
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import httpx
from rich.progress import track

from app.http.answers.schemas import Answer
from footnote.client import Client
from footnote.on_database import on_database
from footnote.output import console, progress_console, styled
from footnote.samples.blocks import Heading
from footnote.samples.corpus import SAMPLES
from footnote.samples.manifest import (
    ManifestEntry,
    SampleQuestion,
    document_path,
    read_manifest,
    read_questions,
)
from footnote.show import show_answer
from kb.errors import KnowledgeBaseError
from kb.postgres.database import Database
from kb.private_folders import make_private
from kb.settings import Settings
from kb.store.choices import SCOPES
from kb.store.credentials import create_key
from kb.store.tenants import create_tenant

START_TIMEOUT_SECONDS = 90
"""The first start with a model that is not the default one exports it."""

INGEST_TIMEOUT_SECONDS = 180

TENANT = "demo"


class DemoFailed(KnowledgeBaseError):
    """The demo did not come out as it should."""

    code = "demo_failed"


def demo(*, keep: bool) -> None:
    """Prints the answers; DemoFailed when one is not as expected. `keep` serves until Ctrl-C."""
    home = Settings().home_path / "demo"
    # An earlier demo goes, but not an exported model.
    make_private(home)
    for path in home.iterdir():
        if path.name != "models":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with _service(home) as url:
        key = _create_key(home)
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, timeout=60, headers=headers) as http:
            client = Client(http=http)
            upload_samples(client, read_manifest())
            failures = ask_samples(client, read_questions())
            if keep:
                console.print(f"Serving on {url}; the key is {key}. Ctrl-C stops it.")
                signal.pause()
    if failures:
        raise DemoFailed(f"{len(failures)} answers were not as expected: {'; '.join(failures)}")
    console.print()
    console.print("All answers were as expected.", style="bold green")
    console.print()
    for line in next_steps(home, Path.cwd()).splitlines():
        console.print(line)


def next_steps(home: Path, folder: Path) -> str:
    """Commands for a shell in the folder that go on with what the demo has stored."""
    program = Path(sys.executable).with_name("footnote")
    footnote = f"FOOTNOTE_HOME={_shown(home, folder)} {_shown(program, folder)}"
    return f"""Go on with these documents:
  {footnote} ask --tenant {TENANT} 'How is an expense claim handed in?'
  {footnote} up
Start with your own:
  {_shown(program, folder)} up
Remove what the demo has stored:
  rm -r {_shown(home, folder)}"""


def _shown(path: Path, folder: Path) -> str:
    """The path as a word of a shell, relative where it is below the folder."""
    return shlex.quote(str(path.relative_to(folder) if path.is_relative_to(folder) else path))


def _create_key(home: Path) -> str:
    """The key of a new tenant below this home that may do everything and ask for everybody."""

    async def act(database: Database) -> str:
        async with database.system() as system:
            tenant = await create_tenant(system, TENANT)
            key = await create_key(system, tenant.id, scopes=SCOPES, principals=[], expires_at=None)
            return key.key

    return on_database(Settings(home=home, database_url=None, _env_file=None), act)


def upload_samples(client: Client, entries: Sequence[ManifestEntry]) -> None:
    """Uploads the files and waits until all of them can be found; DemoFailed otherwise."""
    id_by_external_id: dict[str, str] = {}
    job_ids: list[str] = []
    for entry in track(entries, "Uploading ", console=progress_console):
        fields: dict[str, object] = {
            "external_id": entry.external_id,
            "title": entry.title,
            "collection": entry.collection,
            "principals": list(entry.principals),
            "metadata": dict(entry.metadata),
        }
        if entry.effective_at is not None:
            fields["effective_at"] = entry.effective_at.isoformat()
        if entry.expires_at is not None:
            fields["expires_at"] = entry.expires_at.isoformat()
        if entry.supersedes is not None:
            fields["supersedes"] = id_by_external_id[entry.supersedes]
        accepted = client.upload(document_path(entry), fields)
        id_by_external_id[entry.external_id] = accepted.document_id
        if accepted.job_id is not None:
            job_ids.append(accepted.job_id)
    deadline = monotonic() + INGEST_TIMEOUT_SECONDS
    for job_id in track(job_ids, "Ingesting ", console=progress_console):
        job = client.wait_for_job(job_id, until=deadline)
        if job.status != "succeeded":
            why = f": {job.error.message} [{job.error.code}]" if job.error else ""
            raise DemoFailed(f"A job is {job.status}, not succeeded{why}")
    console.print(f"{len(entries)} documents can be found.")


def ask_samples(client: Client, questions: Sequence[SampleQuestion]) -> list[str]:
    """Asks and prints; gives the questions whose answers were not as expected."""
    failures = []
    for question in questions:
        principals = ", ".join(question.asker.principals)
        console.print()
        console.print(question.question, style="bold")
        console.print(f"asked by {question.asker.name} ({principals})", style="dim")
        answer = client.ask(question.question, question.asker.principals)
        show_answer(console, answer)
        fault = find_fault(question, answer)
        if fault is not None:
            console.print(styled(("not as expected:", "red"), f" {fault}"))
            failures.append(question.question)
    return failures


def find_fault(question: SampleQuestion, answer: Answer) -> str | None:
    """The answer's first fault; None when it is right, complete, and nothing but what was asked."""
    if answer.status != question.expect_status:
        return f"the status should be {question.expect_status!r}"
    if question.expect_status == "unsupported" and (answer.answer or answer.citations):
        return "an unsupported answer says something"
    return next(_faults_of_content(question, answer), None)


def _faults_of_content(question: SampleQuestion, answer: Answer) -> Iterator[str]:
    quotes = [" ".join(citation.quote.split()) for citation in answer.citations]
    text = f"{answer.answer} {' '.join(quotes)}"
    if question.must_not_contain and question.must_not_contain.lower() in text.lower():
        yield f"it contains {question.must_not_contain!r}"
    wanted = question.expect_in_quotes
    for expected in wanted:
        if not any(expected in quote for quote in quotes):
            yield f"no quote contains {expected!r}"
    for quote in quotes:
        if not any(expected in quote for expected in wanted):
            yield f"the quote {quote!r} is beside the question"
    # A model may write 83,750 for 83750.
    if (question.expect_in_answer or "") not in re.sub(r"(?<=\d),(?=\d)", "", answer.answer):
        yield f"it does not say {question.expect_in_answer!r}"
    headings = _headings()
    for line in answer.answer.splitlines():
        if line.partition(" [")[0].strip(" #:") in headings:
            yield f"the heading {line!r} is no sentence of an answer"


def _headings() -> frozenset[str]:
    """The titles and headings of the sample documents."""
    headings = [
        block.text for sample in SAMPLES for block in sample.blocks if isinstance(block, Heading)
    ]
    return frozenset([*headings, *(sample.entry.title for sample in SAMPLES)])


@contextmanager
def _service(home: Path) -> Iterator[str]:
    """The URL of a `footnote up` that is ready, stopped at the end of the block.

    DemoFailed when it does not start in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log_path = home / "service.log"
    console.print("Starting Footnote with an embedded Postgres.", style="bold")
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "footnote", "up", "--port", str(port)],
            env=_environment(home),
            # Not in the caller's folder: the .env there is that of another service.
            cwd=home,
            stdout=log,
            stderr=log,
            # Ctrl-C in a terminal is for us, who then stop it: once.
            start_new_session=True,
        )
    try:
        deadline = monotonic() + START_TIMEOUT_SECONDS
        is_ready = False
        with progress_console.status("Starting"):
            while not is_ready and process.poll() is None and monotonic() < deadline:
                with suppress(httpx.TransportError):
                    is_ready = httpx.get(f"{url}/readyz", timeout=2).status_code == httpx.codes.OK
                if not is_ready:
                    sleep(0.2)
        if not is_ready:
            raise DemoFailed(f"The service did not start; its log is {log_path}.")
        yield url
    finally:
        process.terminate()
        process.wait()


def _environment(home: Path) -> dict[str, str]:
    """The caller's variables for a service that keeps everything below this home."""
    variables = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251  # handed on, not read
        if name not in {"FOOTNOTE_DATABASE_URL", "FOOTNOTE_FILE_STORE_URL"}
    }
    variables["FOOTNOTE_HOME"] = str(home)
    temporary = home / "tmp"
    temporary.mkdir()
    variables["TMPDIR"] = str(temporary)
    return variables
