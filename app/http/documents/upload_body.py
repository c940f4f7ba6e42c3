"""The two bodies of an upload: a form with a file, or JSON with a text."""

import hashlib
from dataclasses import dataclass

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from app.http.documents.form_schemas import DocumentForm, described_body
from app.http.documents.schemas import DocumentCreate, UploadFields
from app.http.problems import invalid_fields
from kb.errors import InvalidInput
from kb.ids import DocumentId
from kb.store.documents import DocumentFields
from kb.store.uploads import Upload
from language.text import is_text

MAX_FORM_FIELDS = 600
"""Principals may be sent one by one."""

MAX_FILENAME_LENGTH = 1_000
"""Four times what file systems allow, since clients send paths."""

OPENAPI_BODY = described_body(json=DocumentCreate, form=DocumentForm)


@dataclass(frozen=True, kw_only=True)
class ReceivedUpload:
    """A well-formed request to store something."""

    upload: Upload
    fields: UploadFields

    def digest_fields(self) -> dict[str, object]:
        """The fields by which two requests are the same."""
        return {
            **self.fields.model_dump(mode="json", exclude={"text"}),
            "filename": self.upload.filename,
            "sha256": hashlib.sha256(self.upload.content).hexdigest(),
        }


async def read_upload(request: Request) -> ReceivedUpload:
    """The upload in the body; InvalidInput or ValidationError when it is malformed."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media_type == "application/json":
            body = DocumentCreate.model_validate_json(await request.body())
            return received_text(body)
        if media_type != "multipart/form-data":
            raise InvalidInput(
                "Send multipart/form-data with a 'file', or application/json with a 'text'."
            )
        async with request.form(max_files=1, max_fields=MAX_FORM_FIELDS) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidInput("The form needs a part 'file' with a file name.")
            texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
            if len(texts) + 1 != len(form.multi_items()):
                raise InvalidInput("The form may hold one file, named 'file'.")
            return await received_file(UploadFields.from_form(texts), file)
    except ValidationError as error:
        raise invalid_fields(error) from error


def received_text(body: DocumentCreate) -> ReceivedUpload:
    """The upload of a text in JSON."""
    return _received(body, body.text.encode(), filename=None, declared="text/plain")


async def received_file(fields: UploadFields, file: UploadFile) -> ReceivedUpload:
    """The upload of a form's file; InvalidInput for a name that cannot be stored."""
    # What a name means to a file system is ignored: it is only stored and shown.
    filename = file.filename or None
    if filename and not (len(filename) <= MAX_FILENAME_LENGTH and is_text(filename)):
        raise InvalidInput(
            f"A file name has at most {MAX_FILENAME_LENGTH} characters, none of them NUL."
        )
    content = await file.read()
    return _received(fields, content, filename=filename, declared=file.content_type)


def _received(
    fields: UploadFields, content: bytes, *, filename: str | None, declared: str | None
) -> ReceivedUpload:
    upload = Upload(
        content=content,
        filename=filename,
        declared_media_type=declared,
        collection=fields.collection,
        mode=fields.mode,
        fields=DocumentFields(
            external_id=fields.external_id,
            title=fields.title,
            source_uri=fields.source_uri,
            language=fields.language,
            metadata=dict(fields.metadata),
            principals=tuple(fields.principals),
            effective_at=fields.effective_at,
            expires_at=fields.expires_at,
            supersedes=DocumentId(fields.supersedes) if fields.supersedes else None,
        ),
    )
    return ReceivedUpload(upload=upload, fields=fields)
