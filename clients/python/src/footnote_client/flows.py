"""What takes several requests, as steps that both clients perform."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from time import monotonic
from typing import BinaryIO, Final, TypeAlias

from footnote_client import calls
from footnote_client.contract import DocumentAccepted, Job, Receipt, UploadFields
from footnote_client.errors import DocumentNotFound, JobFailed, WaitTimedOut
from footnote_client.sending import Sender, Steps

File: TypeAlias = "str | PathLike[str] | bytes | BinaryIO"
"""A path, the bytes themselves, or a file that is open for reading bytes."""

WAIT_SECONDS: Final = 30.0
"""The longest that one request waits for a job: shorter than proxies wait for a response."""

FINISHED: Final = frozenset({"succeeded", "completed_with_errors", "failed", "canceled"})
UNSUCCESSFUL: Final = frozenset({"failed", "canceled"})


def upload(
    sender: Sender,
    file: File,
    filename: str | None,
    fields: UploadFields,
    *,
    act_as: Sequence[str] | None,
    idempotency_key: str | None = None,
) -> Steps[DocumentAccepted]:
    """A stored file; OSError when it cannot be read, ValueError when it has no name."""
    with _opened(file) as (own_name, content):
        name = filename or own_name
        if not name:
            raise ValueError("Give a filename: its ending tells formats of text apart.")
        call = calls.upload(name, content, fields, idempotency_key=idempotency_key)
        return (yield from sender.send(call.acting_as(act_as)))


def wait(
    sender: Sender,
    job: Job | str | None,
    *,
    timeout_seconds: float,
    act_as: Sequence[str] | None,
    clock: Callable[[], float] = monotonic,
) -> Steps[Job | None]:
    """The job once it has ended; JobFailed, or WaitTimedOut when it has not. None without one."""
    if job is None:
        return None
    job_id = job if isinstance(job, str) else job.id
    deadline = clock() + timeout_seconds
    while True:
        left = max(0.0, deadline - clock())
        call = calls.get_job(job_id, wait_seconds=min(left, WAIT_SECONDS))
        state = yield from sender.send(call.acting_as(act_as))
        if state.status in UNSUCCESSFUL:
            raise JobFailed(state)
        if state.status in FINISHED:
            return state
        if clock() >= deadline:
            raise WaitTimedOut(state)


def delete(sender: Sender, document_id: str, *, act_as: Sequence[str] | None) -> Steps[Receipt]:
    """The receipt of the deletion, also when it was done before.

    The first request may have deleted the document although its response was lost; then the next
    one finds no document.
    """
    try:
        return (yield from sender.send(calls.delete_document(document_id).acting_as(act_as)))
    except DocumentNotFound as error:
        try:
            return (yield from sender.send(calls.get_receipt(document_id).acting_as(act_as)))
        except DocumentNotFound:
            raise error from None


@contextmanager
def _opened(file: File) -> Iterator[tuple[str | None, bytes | BinaryIO]]:
    """The file's name, if it has one, and its content, which can be sent more than once."""
    match file:
        case bytes():
            yield None, file
        case str() | PathLike():
            path = Path(file)
            with path.open("rb") as opened:
                yield path.name, opened
        case _:
            name = getattr(file, "name", None)
            filename = Path(name).name if isinstance(name, str) else None
            yield filename, file if file.seekable() else file.read()
