"""Many documents in one request: each is taken or refused by itself."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, assert_never

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from app.http.dependencies import ResourcesDep, WritesDocuments
from app.http.documents.form_schemas import DocumentBatchForm, described_body
from app.http.documents.schemas import (
    MAX_BATCH_ITEMS,
    BatchItems,
    BatchResults,
    DocumentBatch,
    DocumentCreate,
    UploadFields,
)
from app.http.documents.store_upload import store_upload
from app.http.documents.upload_body import ReceivedUpload, received_file, received_text
from app.http.idempotency import IdempotencyKey, Remember, do_once, request_digest
from app.http.problem_schemas import Problem
from app.http.problems import invalid_fields, invalid_problem, problem_of, request_id_of
from app.http.request_bounds import MAX_BATCH_MEMBERS, fault_of_json
from app.identity import Caller
from app.resources import Resources
from kb.errors import DependencyFailed, InvalidInput, KnowledgeBaseError, StillRunning
from kb.store.idempotency import STORED_AT_ONCE_ABANDONED_AFTER, StoredResponse

ROUTE: Final = "POST /v1/documents:batch"
FILES: Final = frozenset({"files", "files[]"})
"""The names of the form's files: as it stands in the contract, and as browsers write it."""

MAX_FORM_FIELDS: Final = 10
"""Parts without a file name: one is read, and those that do not belong here are refused by us."""

SERVER_ERRORS: Final = HTTPStatus.INTERNAL_SERVER_ERROR
"""What from here on went wrong was no fault of the document."""

PART_BYTES: Final = 1_000_000
"""Read at once to hash a file."""

MAX_DEPENDENCY_FAILURES: Final = 3
"""So many in a row say that a dependency is gone: waiting for it once for each of the other
documents would take minutes."""

_ITEMS: Final[TypeAdapter[list[JsonValue]]] = TypeAdapter(BatchItems)

OPENAPI_BODY: Final = described_body(json=DocumentBatch, form=DocumentBatchForm)

router = APIRouter(tags=["documents"])

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """One document as it was sent; its fields may be anything. Without a file its text is in them.

    The files lie on disk, apart from small ones: one at a time is read into memory.
    """

    fields: JsonValue
    file: UploadFile | None

    def digest(self) -> str:
        """Tells whether two items are the same."""
        sent: dict[str, object] = {"fields": self.fields}
        if self.file is not None:
            content = hashlib.sha256()
            while part := self.file.file.read(PART_BYTES):
                content.update(part)
            self.file.file.seek(0)
            sent |= {"filename": self.file.filename, "sha256": content.hexdigest()}
        return request_digest(ROUTE, sent)

    async def read(self) -> ReceivedUpload:
        """The upload; RequestValidationError or InvalidInput when it is malformed."""
        try:
            if self.file is None:
                return received_text(DocumentCreate.model_validate(self.fields))
            return await received_file(UploadFields.model_validate(self.fields), self.file)
        except ValidationError as error:
            raise invalid_fields(error) from error


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The request that brought the documents."""

    resources: Resources
    caller: Caller
    key: str | None
    request_id: str

    async def store(self, items: Sequence[BatchItem], digests: Sequence[str]) -> StoredResponse:
        """The result of each item, in order; to be repeated while one of them may end otherwise."""
        results: list[dict[str, object]] = []
        unavailable_in_a_row, is_final = 0, True
        for index, (item, digest) in enumerate(zip(items, digests, strict=True)):
            if unavailable_in_a_row < MAX_DEPENDENCY_FAILURES:
                result = await self._store_one(index, item, digest)
            else:
                result = problem_of(DependencyFailed(), request_id=self.request_id)
            match result:
                case StoredResponse():
                    unavailable_in_a_row = 0
                    results.append({"index": index, "status": result.status_code, **result.body})
                case Problem():
                    is_unavailable = result.status == HTTPStatus.SERVICE_UNAVAILABLE
                    unavailable_in_a_row = unavailable_in_a_row + 1 if is_unavailable else 0
                    if result.status >= SERVER_ERRORS or result.code == StillRunning.code:
                        is_final = False
                    error = result.model_dump(exclude_none=True)
                    results.append({"index": index, "status": result.status, "error": error})
                case _:
                    assert_never(result)
        return StoredResponse(status_code=207, body={"data": results}, is_final=is_final)

    async def _store_one(
        self, index: int, item: BatchItem, digest: str
    ) -> StoredResponse | Problem:
        """The response to a single upload of the item, or the problem it would have had."""
        try:
            received = await item.read()

            async def act(remember: Remember) -> StoredResponse:
                upload = replace(received.upload, priority="bulk")
                return await store_upload(self.resources, self.caller, upload, remember)

            return await do_once(
                self.resources.database,
                self.caller,
                key=self.key,
                digest=digest,
                act=act,
                part=index,
                abandoned_after=STORED_AT_ONCE_ABANDONED_AFTER,
            )
        except RequestValidationError as error:
            return invalid_problem(error, request_id=self.request_id)
        except KnowledgeBaseError as error:
            problem = problem_of(error, request_id=self.request_id)
            if problem.status >= SERVER_ERRORS:
                log.exception("batch.document_failed", index=index, code=error.code)
            return problem
        except Exception:  # one bad document must not spoil the others
            log.exception("batch.document_crashed", index=index, code=KnowledgeBaseError.code)
            return problem_of(KnowledgeBaseError(), request_id=self.request_id)


@router.post(
    "/documents:batch", status_code=207, response_model=BatchResults, openapi_extra=OPENAPI_BODY
)
async def create_batch(
    request: Request,
    resources: ResourcesDep,
    caller: WritesDocuments,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store many documents, one after the other; each has a result of its own.

    One that is refused leaves the others alone. Sent again with the same `Idempotency-Key`, what
    was stored is not stored again, and what could not be stored for a passing reason is.
    """
    batch = Batch(
        resources=resources,
        caller=caller,
        key=idempotency_key,
        request_id=request_id_of(request.scope),
    )
    async with _read_items(request) as items:
        digests = [""] * len(items)
        if idempotency_key is not None:
            digests = [await asyncio.to_thread(item.digest) for item in items]

        async def act(_remember: Remember) -> StoredResponse:
            return await batch.store(items, digests)

        stored = await do_once(
            resources.database,
            caller,
            key=idempotency_key,
            digest=request_digest(ROUTE, {"items": digests}),
            act=act,
            # Its parts are, each for itself: two that run beside each other do no harm.
            abandoned_after=STORED_AT_ONCE_ABANDONED_AFTER,
        )
    return JSONResponse(stored.body, status_code=stored.status_code)


@asynccontextmanager
async def _read_items(request: Request) -> AsyncIterator[list[BatchItem]]:
    """The items in the body, whose files exist until the end of the block.

    RequestValidationError or InvalidInput for what concerns the batch as a whole.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media_type == "application/json":
            body = DocumentBatch.model_validate_json(await request.body())
            yield [BatchItem(fields=fields, file=None) for fields in body.items]
            return
        if media_type != "multipart/form-data":
            raise InvalidInput(
                "Send multipart/form-data with 'files' and 'items', or application/json with "
                "'items'."
            )
        async with request.form(max_files=MAX_BATCH_ITEMS, max_fields=MAX_FORM_FIELDS) as form:
            yield _items_of(form)
    except ValidationError as error:
        raise invalid_fields(error) from error


def _items_of(form: FormData) -> list[BatchItem]:
    files = [
        value
        for name, value in form.multi_items()
        if name in FILES and isinstance(value, UploadFile)
    ]
    texts = [value for value in form.getlist("items") if isinstance(value, str)]
    if len(texts) != 1 or len(files) + 1 != len(form.multi_items()):
        raise InvalidInput(
            "The form needs one field 'items', and a part 'files' with a file name for each of "
            "them; nothing else may be in it."
        )
    fault = fault_of_json(texts[0].encode(), max_members=MAX_BATCH_MEMBERS)
    if fault is not None:
        raise InvalidInput(fault)
    fields = _ITEMS.validate_json(texts[0])
    if len(fields) != len(files):
        raise InvalidInput(
            f"There are {len(files)} files and {len(fields)} 'items': each file needs its own, "
            "in the same order."
        )
    return [BatchItem(fields=each, file=file) for each, file in zip(fields, files, strict=True)]
