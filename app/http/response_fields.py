"""The kinds of field that several responses share, each with its description and an example."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from app.http.schemas import Count, Time

DOCUMENT_ID: Final = "01a1fbb9-9f66-791d-953e-dcb46c49a8a0"
JOB_ID: Final = "01a1fbb9-9f69-7c44-8a51-6d0f2b9f3e17"
ANSWER_ID: Final = "01a1fbba-37c2-7f0b-b1de-5f7a0c2e9d64"
REQUEST_ID: Final = "01a1fbba-37bf-7d1e-9c56-2b6a8e4f7a10"
SHA256: Final = "5be36fffa6c6ea7a1c1e8a5f3c7d2b9e4f60718293a4b5c6d7e8f9012a3b4c5d"
ETAG: Final = '"5f2c1b0a9e8d7c6b5a4f3e2d1c0b9a88"'
TIME: Final = "2026-03-01T09:00:00Z"
LATER: Final = "2026-03-01T09:00:04Z"
QUOTE: Final = "Parental leave is 16 weeks at full pay."
QUESTION: Final = "How long is parental leave?"

DocumentIdField = Annotated[UUID, Field(description="The document's id.", examples=[DOCUMENT_ID])]
ExternalIdField = Annotated[
    str | None,
    Field(description="The document's id where it comes from.", examples=["handbook/leave.md"]),
]
TitleField = Annotated[
    str | None, Field(description="The document's title.", examples=["Employee handbook"])
]
FilenameField = Annotated[
    str | None,
    Field(
        description="The uploaded file's name, without folders; null for a text.",
        examples=["leave.md"],
    ),
]
SourceUriField = Annotated[
    str | None,
    Field(
        description="The address that the document can be opened at.",
        examples=["https://intranet.example.org/handbook/leave"],
    ),
]
CollectionField = Annotated[
    str, Field(description="The collection that the document is in.", examples=["default"])
]
VersionField = Annotated[
    Count, Field(description="The document's version, counted from 1.", examples=[2])
]
Sha256Field = Annotated[
    str, Field(description="SHA-256 of the uploaded bytes, in hexadecimal.", examples=[SHA256])
]
SizeField = Annotated[Count, Field(description="Size of the uploaded bytes.", examples=[18_204])]
MediaTypeField = Annotated[
    str, Field(description="The type that the bytes are read as.", examples=["text/markdown"])
]
PrincipalsField = Annotated[
    list[str],
    Field(
        description="Who may read it; `tenant:*` stands for every member of the tenant.",
        examples=[["group:hr", "user:ana"]],
    ),
]
EffectiveAtField = Annotated[
    Time | None,
    Field(description="From then on it is in force; null: always.", examples=[TIME]),
]
ExpiresAtField = Annotated[
    Time | None,
    Field(description="From then on it is out of force; null: never.", examples=[None]),
]
CreatedAtField = Annotated[Time, Field(description="When it was created.", examples=[TIME])]
UpdatedAtField = Annotated[Time, Field(description="When it changed last.", examples=[LATER])]
ChunkIdField = Annotated[int, Field(description="The chunk's id.", examples=[4711])]
ChunkTextField = Annotated[str, Field(description="The chunk's text.", examples=[QUOTE])]
RequestIdField = Annotated[
    str,
    Field(
        description="The id of the request, as in its header `X-Request-Id` and in the log.",
        examples=[REQUEST_ID],
    ),
]
GenerationField = Annotated[
    Count,
    Field(
        description="Grows with every change of what the caller may read; equal generations mean "
        "equal knowledge.",
        examples=[128],
    ),
]
ErrorCodeField = Annotated[
    str,
    Field(description="The stable code of the error.", examples=["document_corrupt"]),
]
ErrorMessageField = Annotated[
    str,
    Field(
        description="What went wrong, for people.",
        examples=["The file is damaged and cannot be read."],
    ),
]
UnchangedField = Annotated[Count, Field(description="Left as they were.", examples=[77])]
NewField = Annotated[Count, Field(description="Found for the first time.", examples=[1])]
ChangedField = Annotated[
    Count, Field(description="Read again because they had changed.", examples=[2])
]
RenamedField = Annotated[Count, Field(description="Found under another name.", examples=[0])]
VanishedField = Annotated[
    Count, Field(description="Deleted because they had vanished.", examples=[0])
]
HeldField = Annotated[
    Count, Field(description="Vanished, and waiting for confirmation.", examples=[0])
]
