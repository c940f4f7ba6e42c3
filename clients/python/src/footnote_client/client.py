"""The client for code that waits."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from os import PathLike
from typing import Any, Final, Literal, Self, TypeAlias, TypeVar, Unpack, overload

import httpx

from footnote_client import calls, flows, folders
from footnote_client.answers import Answer, Feedback, GroundingResponse, VerifiedClaim
from footnote_client.calls import Call
from footnote_client.contract import (
    AnswerOptions,
    Document,
    DocumentAccepted,
    DocumentChanges,
    DocumentListing,
    FileFields,
    Job,
    Receipt,
    SearchOptions,
    SearchResponse,
    UploadFields,
)
from footnote_client.events import AnswerReader
from footnote_client.folders import DEFAULT_PARALLEL, FieldsOf, FolderResult, OnProgress, Tally
from footnote_client.sending import Pause, Retries, Run, Steps, new_sender

T = TypeVar("T")

OpenStream: TypeAlias = Callable[[Call[httpx.Response]], httpx.Response]

DEFAULT_TIMEOUT: Final = httpx.Timeout(120, connect=10)
"""A language model may take a minute for an answer."""

DEFAULT_WAIT_SECONDS: Final = 600.0


class Client:
    """A client for the service at one URL, with one key; threads may share it.

    Every method raises FootnoteError, of the class of what went wrong. `act_as` names the
    principals that a request is made for; the key needs the scope `act_as` for it.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retries: Retries | None = None,
        timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
        http: httpx.Client | None = None,
    ) -> None:
        """`http` is for proxies and certificates of your own, and stays yours to close."""
        self._sender = new_sender(url, key, retries)
        self._http = http or httpx.Client(timeout=timeout)
        self._owns_http = http is None

    def __repr__(self) -> str:
        """The class and the URL."""
        return f"Client({self._sender.url!r})"

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            self._http.close()

    # --- Documents -------------------------------------------------------------------------------

    def upload(
        self,
        file: flows.File,
        *,
        filename: str | None = None,
        act_as: Sequence[str] | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[UploadFields],
    ) -> DocumentAccepted:
        """The stored file and the job that reads it; no job when nothing has changed.

        `file` is a path, the bytes, or a file that is open for reading bytes; what has no name
        needs a `filename`. OSError when it cannot be read.
        """
        return self._run(
            flows.upload(
                self._sender,
                file,
                filename,
                fields,
                act_as=act_as,
                idempotency_key=idempotency_key,
            )
        )

    def upload_text(
        self,
        text: str,
        *,
        act_as: Sequence[str] | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[UploadFields],
    ) -> DocumentAccepted:
        """The stored text and the job that reads it; no job when nothing has changed."""
        call = calls.upload_text(text, fields, idempotency_key=idempotency_key)
        return self._send(call, act_as)

    def upload_folder(
        self,
        folder: str | PathLike[str],
        *,
        fields_of: FieldsOf | None = None,
        on_progress: OnProgress | None = None,
        parallel: int = DEFAULT_PARALLEL,
        act_as: Sequence[str] | None = None,
        **fields: Unpack[FileFields],
    ) -> FolderResult:
        """What became of each file below the folder; one that fails stops no other.

        The path below the folder is the document's `external_id`: another run stores only what
        changed or is missing. Names that begin with a dot and symbolic links are left out.
        `fields_of` gives a file fields of its own, or None to leave it out. OSError when the folder
        cannot be read, ValueError when a file in it says who may read others and nothing here does.
        """
        planned = folders.plan(folder, fields, fields_of)
        tally = Tally([file for file, _ in planned], on_progress)
        with ThreadPoolExecutor(max_workers=parallel) as pool:
            uploads = [
                pool.submit(self._run, folders.upload(self._sender, file, sent, act_as=act_as))
                for file, sent in planned
            ]
            try:
                for upload in as_completed(uploads):
                    tally.add(upload.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return tally.result()

    @overload
    def wait(
        self, job: Job | str, *, timeout_seconds: float = ..., act_as: Sequence[str] | None = ...
    ) -> Job: ...
    @overload
    def wait(
        self, job: None, *, timeout_seconds: float = ..., act_as: Sequence[str] | None = ...
    ) -> None: ...
    def wait(
        self,
        job: Job | str | None,
        *,
        timeout_seconds: float = DEFAULT_WAIT_SECONDS,
        act_as: Sequence[str] | None = None,
    ) -> Job | None:
        """The job once it has ended with success; None without a job.

        JobFailed when it failed or was canceled, WaitTimedOut when it has not ended in time.
        """
        steps = flows.wait(self._sender, job, timeout_seconds=timeout_seconds, act_as=act_as)
        return self._run(steps)

    def get_document(self, document_id: str, *, act_as: Sequence[str] | None = None) -> Document:
        """The document, with its `etag`."""
        return self._send(calls.get_document(document_id), act_as)

    def list_documents(
        self, *, act_as: Sequence[str] | None = None, **listing: Unpack[DocumentListing]
    ) -> Iterator[Document]:
        """All documents that fit, in the order of their upload; pages are read as needed."""
        cursor, has_more = None, True
        while has_more:
            page = self._send(calls.list_documents(listing, cursor), act_as)
            yield from page.data
            cursor, has_more = page.next_cursor, page.has_more

    def update_document(
        self,
        document_id: str,
        *,
        if_match: str | None = None,
        act_as: Sequence[str] | None = None,
        **changes: Unpack[DocumentChanges],
    ) -> Document:
        """The changed document; what is not named stays.

        RevisionMismatch when it has changed since `if_match` was its `etag`.
        """
        call = calls.update_document(document_id, changes, if_match=if_match)
        return self._send(call, act_as)

    def delete_document(self, document_id: str, *, act_as: Sequence[str] | None = None) -> Receipt:
        """The receipt of the deletion; when it was deleted before, that one's."""
        return self._run(flows.delete(self._sender, document_id, act_as=act_as))

    # --- Search and answers ----------------------------------------------------------------------

    def search(
        self,
        query: str,
        *,
        act_as: Sequence[str] | None = None,
        **options: Unpack[SearchOptions],
    ) -> SearchResponse:
        """The best passages, best first."""
        return self._send(calls.search(query, options), act_as)

    def ask(
        self,
        question: str,
        *,
        act_as: Sequence[str] | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Answer:
        """The answer, each of whose sentences is proved by a quote; look at its `status`."""
        call = calls.ask(question, options, idempotency_key=idempotency_key)
        return self._send(call, act_as)

    def stream(
        self,
        question: str,
        *,
        act_as: Sequence[str] | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[AnswerOptions],
    ) -> "ClaimStream":
        """The claims of an answer as they are proved; `answer()` of it is the whole one."""
        call = calls.ask(question, options, idempotency_key=idempotency_key)
        return ClaimStream(self._send, AnswerReader(self._sender, call.acting_as(act_as)))

    def get_answer(self, answer_id: str, *, act_as: Sequence[str] | None = None) -> Answer:
        """The stored answer."""
        return self._send(calls.get_answer(answer_id), act_as)

    def feedback(
        self,
        answer_id: str,
        rating: Literal[-1, 1],
        *,
        reason_code: str | None = None,
        comment: str | None = None,
        act_as: Sequence[str] | None = None,
    ) -> Feedback:
        """What is stored of what the caller thinks of an answer: 1 for good, -1 for bad."""
        call = calls.feedback(answer_id, rating, reason_code=reason_code, comment=comment)
        return self._send(call, act_as)

    def check_grounding(
        self,
        sources: Mapping[str, str],
        *,
        answer: str | None = None,
        claims: Sequence[str] | None = None,
        act_as: Sequence[str] | None = None,
    ) -> GroundingResponse:
        """Which sentences of the answer, or which claims, the sources support: texts by name."""
        call = calls.check_grounding(sources, answer=answer, claims=claims)
        return self._send(call, act_as)

    # --- Sending ---------------------------------------------------------------------------------

    def _send(self, call: Call[T], act_as: Sequence[str] | None = None) -> T:
        return self._run(self._sender.send(call.acting_as(act_as)))

    def _run(self, steps: Steps[T]) -> T:
        """The outcome of the steps, performed here."""
        # Closed whatever happens: they may hold a file open.
        with closing(steps):
            run = Run(steps)
            while (step := run.step) is not None:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    run.go_on(None)
                    continue
                try:
                    response = self._perform(step)
                except Exception as error:  # noqa: BLE001  # for the steps to decide about
                    run.fail(error)
                else:
                    run.go_on(response)
            return run.outcome

    def _perform(self, call: Call[Any]) -> httpx.Response:
        request = self._sender.build(self._http, call)
        response = self._http.send(request, stream=call.is_streamed)
        if not response.is_success:
            response.read()
        return response


class ClaimStream:
    """The claims of an answer as they are proved: loop over it, then take `answer()`.

    Leave its `with` block, or close it, to stop before the end.
    """

    def __init__(self, open_call: OpenStream, reader: AnswerReader) -> None:
        """Nothing is asked before the first claim is wanted."""
        self._open = open_call
        self._reader = reader
        self._claims = self._read()

    def __iter__(self) -> Iterator[VerifiedClaim]:
        """Each claim, once."""
        return self._claims

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Stops; the service gives the answer up when nobody else follows it."""
        self._claims.close()

    def answer(self) -> Answer:
        """The whole answer, when it has come; claims that nobody looped over are passed by."""
        for _claim in self._claims:
            pass
        return self._reader.whole_answer()

    def _read(self) -> Generator[VerifiedClaim, None, None]:
        while self._reader.answer is None:
            response, cause = self._open(self._reader.next_call()), None
            try:
                with closing(response):
                    self._reader.begin(response)
                    for part in response.iter_bytes():
                        yield from self._reader.read(part)
            except httpx.RequestError as error:
                cause = error
            if self._reader.answer is None:
                time.sleep(self._reader.after_break(cause).seconds)
