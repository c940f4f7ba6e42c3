"""Each request of the contract, described once for both clients."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO, Final, Generic, Literal, Self, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx

from footnote_client.answers import Answer, Feedback, GroundingResponse
from footnote_client.contract import (
    AnswerOptions,
    Document,
    DocumentAccepted,
    DocumentChanges,
    DocumentDeleted,
    DocumentListing,
    DocumentPage,
    Job,
    Receipt,
    SearchOptions,
    SearchResponse,
    UploadFields,
)
from footnote_client.decoding import decode

T = TypeVar("T")

ACTING_HEADER: Final = "Footnote-Principals"
EVENT_STREAM: Final = "text/event-stream"

PAGE_SIZE: Final = 200
"""Documents of one request, the most that the service gives."""

PING_SECONDS: Final = 15.0
"""A stream is never silent for longer, by the contract."""


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One request, and what its response is read as.

    `is_repeatable`: sent again after a broken connection or a stop it does no harm, although the
    first one may have been done. `wait_seconds`: the response may be silent for so long on purpose.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, object] | None = None
    form: Mapping[str, str] | None = None
    file: tuple[str, bytes | BinaryIO] | None = None
    is_repeatable: bool = True
    is_streamed: bool = False
    wait_seconds: float = 0

    def acting_as(self, principals: Sequence[str] | None) -> Self:
        """The call made for these principals; ValueError for what would name others."""
        if principals is None:
            return self
        if isinstance(principals, str) or not principals:
            raise ValueError("act_as is a list of at least one principal, such as ['user:ana'].")
        for principal in principals:
            # A comma in a user's name would make the rest of it a principal of its own.
            if not principal or "," in principal or not principal.isprintable():
                raise ValueError(f"{principal!r} is no principal: write 'kind:name'.")
        return replace(self, headers={**self.headers, ACTING_HEADER: ",".join(principals)})


def upload(
    filename: str,
    content: bytes | BinaryIO,
    fields: UploadFields,
    *,
    idempotency_key: str | None,
) -> Call[DocumentAccepted]:
    """Stores a file."""
    form = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in _sendable(fields).items()
    }
    return Call(
        method="POST",
        path="/v1/documents",
        read=_as(DocumentAccepted),
        headers=_once(idempotency_key),
        form=form,
        file=(filename, content),
    )


def upload_text(
    text: str,
    fields: UploadFields,
    *,
    idempotency_key: str | None,
) -> Call[DocumentAccepted]:
    """Stores a text."""
    return Call(
        method="POST",
        path="/v1/documents",
        read=_as(DocumentAccepted),
        headers=_once(idempotency_key),
        json={"text": text, **_sendable(fields)},
    )


def get_document(document_id: str) -> Call[Document]:
    """One document, with its ETag."""
    return Call(method="GET", path=_document(document_id), read=_tagged)


def list_documents(listing: DocumentListing, cursor: str | None) -> Call[DocumentPage]:
    """The page of documents behind the cursor."""
    query = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in _sendable({**listing, "cursor": cursor, "limit": PAGE_SIZE}).items()
    }
    return Call(method="GET", path="/v1/documents", read=_as(DocumentPage), query=query)


def update_document(
    document_id: str, changes: DocumentChanges, *, if_match: str | None
) -> Call[Document]:
    """Changes a document, if it still has that ETag."""
    return Call(
        method="PATCH",
        path=_document(document_id),
        read=_tagged,
        headers={"If-Match": if_match} if if_match else {},
        json=_sendable(changes, keep_none=True),
        # Done once, a change is refused the second time: the ETag is another one by then.
        is_repeatable=if_match is None,
    )


def delete_document(document_id: str) -> Call[Receipt]:
    """Deletes a document."""
    return Call(method="DELETE", path=_document(document_id), read=_receipt)


def get_receipt(document_id: str) -> Call[Receipt]:
    """The receipt of a deleted document."""
    return Call(method="GET", path=f"{_document(document_id)}/receipt", read=_receipt)


def get_job(job_id: str, *, wait_seconds: float) -> Call[Job]:
    """A job, when it has ended or after that time."""
    return Call(
        method="GET",
        path=f"/v1/jobs/{_segment(job_id)}",
        read=_as(Job),
        query={"wait": f"{wait_seconds:.1f}"},
        wait_seconds=wait_seconds,
    )


def search(query: str, options: SearchOptions) -> Call[SearchResponse]:
    """Passages for a query."""
    return Call(
        method="POST",
        path="/v1/search",
        read=_as(SearchResponse),
        json={"query": query, **_sendable(options)},
    )


def ask(
    question: str,
    options: AnswerOptions,
    *,
    idempotency_key: str | None,
) -> Call[Answer]:
    """An answer to a question."""
    return Call(
        method="POST",
        path="/v1/answers",
        read=_as(Answer),
        headers=_once(idempotency_key),
        json={"question": question, **_sendable(options)},
    )


def streamed(asked: Call[Answer]) -> Call[httpx.Response]:
    """The same question, answered by events."""
    return Call(
        method=asked.method,
        path=asked.path,
        read=_open,
        headers={**asked.headers, "Accept": EVENT_STREAM},
        json={**(asked.json or {}), "stream": True},
        is_streamed=True,
        wait_seconds=PING_SECONDS,
    )


def resumed(asked: Call[Answer], answer_id: str, after: int) -> Call[httpx.Response]:
    """The events of that answer behind that number, for who asked."""
    acting = {name: asked.headers[name] for name in asked.headers if name == ACTING_HEADER}
    return Call(
        method="GET",
        path=f"/v1/answers/{_segment(answer_id)}",
        read=_open,
        headers={**acting, "Accept": EVENT_STREAM, "Last-Event-ID": str(after)},
        is_streamed=True,
        wait_seconds=PING_SECONDS,
    )


def get_answer(answer_id: str) -> Call[Answer]:
    """A stored answer."""
    return Call(method="GET", path=f"/v1/answers/{_segment(answer_id)}", read=_as(Answer))


def feedback(
    answer_id: str, rating: Literal[-1, 1], *, reason_code: str | None, comment: str | None
) -> Call[Feedback]:
    """Stores what the caller thinks of an answer."""
    return Call(
        method="POST",
        path=f"/v1/answers/{_segment(answer_id)}/feedback",
        read=_as(Feedback),
        headers=_once(None),
        json=_sendable({"rating": rating, "reason_code": reason_code, "comment": comment}),
    )


def check_grounding(
    sources: Mapping[str, str], *, answer: str | None, claims: Sequence[str] | None
) -> Call[GroundingResponse]:
    """Holds an answer or claims against texts."""
    listed = [{"id": name, "text": text} for name, text in sources.items()]
    return Call(
        method="POST",
        path="/v1/grounding:check",
        read=_as(GroundingResponse),
        json=_sendable({"answer": answer, "claims": claims, "sources": listed}),
    )


# --- What the requests share ---------------------------------------------------------------------


def _once(idempotency_key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": idempotency_key or str(uuid4())}


def _sendable(options: Mapping[str, object], *, keep_none: bool = False) -> dict[str, object]:
    """The options as JSON values; None stands for what is left out, unless it is kept."""
    sent: dict[str, object] = {}
    for name, value in options.items():
        if name in {"principals", "collections"} and isinstance(value, str):
            raise TypeError(f"{name} is a list of names, not a text.")
        if value is not None or keep_none:
            sent[name] = value.isoformat() if isinstance(value, datetime) else value
    return sent


def _segment(name: str) -> str:
    """The id as a part of a path; ValueError for what would lead to another one."""
    if name in {"", ".", ".."}:
        raise ValueError(f"{name!r} is no id.")
    return quote(name, safe="")


def _document(document_id: str) -> str:
    return f"/v1/documents/{_segment(document_id)}"


def _as(kind: type[T]) -> Callable[[httpx.Response], T]:
    return lambda response: decode(kind, response.json())


def _tagged(response: httpx.Response) -> Document:
    return replace(decode(Document, response.json()), etag=response.headers.get("ETag"))


def _receipt(response: httpx.Response) -> Receipt:
    return decode(DocumentDeleted, response.json()).receipt


def _open(response: httpx.Response) -> httpx.Response:
    return response
