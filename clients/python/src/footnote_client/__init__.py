"""Footnote from Python: `Client` for code that waits, `AsyncClient` for asyncio."""

from footnote_client.answers import (
    Answer,
    Citation,
    Claim,
    Feedback,
    GroundingResponse,
    VerifiedClaim,
)
from footnote_client.async_client import AsyncClaimStream, AsyncClient
from footnote_client.client import ClaimStream, Client
from footnote_client.contract import (
    Document,
    DocumentAccepted,
    Job,
    Location,
    Receipt,
    SearchHit,
    SearchResponse,
)
from footnote_client.errors import (
    ConnectionFailed,
    FootnoteError,
    JobFailed,
    RequestRefused,
    ResponseInvalid,
    ServiceFailed,
    WaitTimedOut,
)
from footnote_client.folders import FileResult, FolderProgress, FolderResult
from footnote_client.sending import Retries
from footnote_client.version import VERSION

__all__ = [
    "VERSION",
    "Answer",
    "AsyncClaimStream",
    "AsyncClient",
    "Citation",
    "Claim",
    "ClaimStream",
    "Client",
    "ConnectionFailed",
    "Document",
    "DocumentAccepted",
    "Feedback",
    "FileResult",
    "FolderProgress",
    "FolderResult",
    "FootnoteError",
    "GroundingResponse",
    "Job",
    "JobFailed",
    "Location",
    "Receipt",
    "RequestRefused",
    "ResponseInvalid",
    "Retries",
    "SearchHit",
    "SearchResponse",
    "ServiceFailed",
    "VerifiedClaim",
    "WaitTimedOut",
]
