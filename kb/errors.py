"""Every error Footnote raises on purpose, and the stable code each one shows to callers.

KnowledgeBaseError
├── InvalidInput                    the request itself is wrong
│   ├── InvalidFilter
│   ├── InvalidCursor
│   ├── InvalidPrincipal
│   ├── ReceiptInvalid
│   ├── OutboundRefused
│   ├── SourceUriRefused
│   ├── SourceRulesInvalid
│   └── IdempotencyKeyReused
├── NotAllowed
│   ├── CredentialMissing
│   ├── CredentialInvalid
│   ├── ScopeMissing
│   └── ActingForOthersNotAllowed
├── NotFound
│   ├── DocumentNotFound
│   ├── DocumentDeleted
│   ├── JobNotFound
│   ├── AnswerNotFound
│   ├── VersionNotFound
│   ├── ReindexRunNotFound
│   ├── CredentialNotFound
│   ├── SourceNotFound
│   ├── SpaceNotFound
│   ├── WebhookNotFound
│   ├── DeliveryNotFound
│   └── TenantNotFound
├── Conflict
│   ├── AlreadyExists
│   ├── DocumentOfAnother
│   ├── JobOfAnother
│   ├── JobFinished
│   ├── RevisionMismatch
│   ├── NothingHeld
│   ├── SpaceInUse
│   ├── SpaceIncomplete
│   └── StillRunning
├── LimitExceeded
│   ├── UploadTooLarge
│   ├── TextTooLong
│   ├── RequestBudgetExceeded
│   ├── WorkTooCostly
│   ├── OutboundTooLarge
│   ├── SourceTooLarge
│   └── RateLimited
│       └── BudgetExhausted
├── DocumentUnreadable              an upload that will never become chunks
│   ├── UnsupportedMediaType
│   ├── DocumentEmpty
│   ├── DocumentEncrypted
│   ├── DocumentCorrupt
│   ├── DocumentTooComplex
│   ├── UploadCanceled
│   └── ProcessingFailed
├── Misconfigured                   an operator must act
│   ├── HomeUnusable
│   ├── AddressUnusable
│   ├── AlreadyRuns
│   ├── DatabaseUnfit
│   ├── RowSecurityNotEnforced
│   ├── SchemaOutOfDate
│   └── ModelUnavailable
└── DependencyFailed                transient: the worker retries it, the API says 503
    ├── DatabaseUnavailable
    ├── DiskFull
    ├── TransactionConflict
    ├── SpaceChanged
    ├── FileStoreUnavailable
    ├── SourceUnavailable
    ├── SourceBusy
    ├── IndexNotReady
    ├── OutboundFailed
    │   └── OutboundTimedOut
    ├── AnswerAbandoned
    ├── EvidenceDeleted
    ├── Overloaded
    ├── Stopping
    └── LlmUnavailable
        ├── LlmTimedOut
        └── ModerationUnavailable
LlmOutputInvalid stands alone: the model answered, but not in the agreed shape.

`code` is the contract; the message is for people and names no document text, key or path.
"""

from typing import ClassVar


class KnowledgeBaseError(Exception):
    """Something went wrong inside Footnote; the log has the details under the request id."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str | None = None) -> None:
        """Uses the class docstring when no more specific message is given."""
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])

    @property
    def message(self) -> str:
        """The text shown to people."""
        return str(self.args[0])


class InvalidInput(KnowledgeBaseError):
    """The request is not valid."""

    code = "invalid_request"


class InvalidFilter(InvalidInput):
    """The filter uses an unknown field or operator."""

    code = "invalid_filter"


class InvalidCursor(InvalidInput):
    """The cursor does not come from an earlier page of this list."""

    code = "invalid_cursor"


class InvalidPrincipal(InvalidInput):
    """A principal is written `kind:name`, for example 'user:ana' or 'group:finance'."""

    code = "invalid_principal"


class ReceiptInvalid(InvalidInput):
    """The text is no receipt that the key signed."""

    code = "receipt_invalid"


class OutboundRefused(InvalidInput):
    """The URL is not one that Footnote calls: its address is not public, or it is malformed."""

    code = "outbound_refused"


class SourceUriRefused(InvalidInput):
    """This address cannot be a source, or may not be one here."""

    code = "source_uri_refused"


class SourceRulesInvalid(InvalidInput):
    """The source's rule file is malformed or has vanished; nobody may read more than before."""

    code = "source_rules_invalid"


class IdempotencyKeyReused(InvalidInput):
    """This Idempotency-Key was used before with a different request."""

    code = "idempotency_key_reused"


class NotAllowed(KnowledgeBaseError):
    """The credential does not allow this."""

    code = "forbidden"


class CredentialMissing(NotAllowed):
    """Send an API key in the header 'Authorization: Bearer <key>'."""

    code = "credential_missing"


class CredentialInvalid(NotAllowed):
    """The API key is unknown, expired or revoked."""

    code = "credential_invalid"


class ScopeMissing(NotAllowed):
    """The API key lacks the scope that this route needs."""

    code = "scope_missing"


class ActingForOthersNotAllowed(NotAllowed):
    """Only a key with the scope 'act_as' may send the header 'Footnote-Principals'."""

    code = "act_as_not_allowed"


class NotFound(KnowledgeBaseError):
    """There is no such thing, or you may not see it."""

    code = "not_found"


class DocumentNotFound(NotFound):
    """There is no such document, or you may not see it."""

    code = "document_not_found"


class DocumentDeleted(NotFound):
    """The document that the first request with this Idempotency-Key stored was deleted since."""

    code = "document_deleted"


class JobNotFound(NotFound):
    """There is no such job, or you may not see it."""

    code = "job_not_found"


class AnswerNotFound(NotFound):
    """There is no such answer, or you may not see it."""

    code = "answer_not_found"


class VersionNotFound(NotFound):
    """The document has no content yet."""

    code = "version_not_found"


class ReindexRunNotFound(NotFound):
    """There is no such run of the re-index."""

    code = "reindex_run_not_found"


class CredentialNotFound(NotFound):
    """There is no such key."""

    code = "credential_not_found"


class SpaceNotFound(NotFound):
    """There is no such embedding space."""

    code = "space_not_found"


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    code = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """There is no such delivery: they are kept for 30 days."""

    code = "delivery_not_found"


class TenantNotFound(NotFound):
    """There is no tenant of that name."""

    code = "tenant_not_found"


class SourceNotFound(NotFound):
    """There is no source of that name."""

    code = "source_not_found"


class Conflict(KnowledgeBaseError):
    """The request does not fit the present state of what it changes."""

    code = "conflict"


class AlreadyExists(Conflict):
    """A thing with that name or external_id exists already."""

    code = "already_exists"


class DocumentOfAnother(Conflict):
    """Somebody else uploaded the version that is served, and this key may not change it."""

    code = "document_of_another"


class JobOfAnother(Conflict):
    """Somebody else began this job, and this key may not change it."""

    code = "job_of_another"


class JobFinished(Conflict):
    """The job has ended, and cannot be canceled or run again."""

    code = "job_finished"


class RevisionMismatch(Conflict):
    """The document has changed since you read it: the If-Match header names an older revision."""

    code = "revision_mismatch"


class NothingHeld(Conflict):
    """The source has no deletions that wait for confirmation."""

    code = "nothing_held"


class SpaceInUse(Conflict):
    """The embedding space is the one that searches use."""

    code = "space_in_use"


class SpaceIncomplete(Conflict):
    """Some chunks have no vector in the embedding space yet."""

    code = "space_incomplete"


class StillRunning(Conflict):
    """The first request with this Idempotency-Key is still running."""

    code = "still_running"


class LimitExceeded(KnowledgeBaseError):
    """A configured limit is exceeded."""

    code = "limit_exceeded"


class UploadTooLarge(LimitExceeded):
    """The upload is larger than this service accepts."""

    code = "upload_too_large"


class TextTooLong(LimitExceeded):
    """A text field is longer than this service accepts."""

    code = "text_too_long"


class RateLimited(LimitExceeded):
    """Too many requests with this key; wait and try again."""

    code = "rate_limited"

    def __init__(self, message: str | None = None, *, retry_after_seconds: int) -> None:
        """`retry_after_seconds` goes to the Retry-After header."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class BudgetExhausted(RateLimited):
    """The tenant's budget for language models is used up for today."""

    code = "budget_exhausted"


class RequestBudgetExceeded(LimitExceeded):
    """The answer would cost more than one request may."""

    code = "request_budget_exceeded"


class WorkTooCostly(LimitExceeded):
    """The request needs more processor time, time or memory than one request may use."""

    code = "work_too_costly"


class OutboundTooLarge(LimitExceeded):
    """A server answered with more than Footnote reads."""

    code = "outbound_too_large"


class SourceTooLarge(LimitExceeded):
    """The source lists more than one source may."""

    code = "source_too_large"


class DocumentUnreadable(KnowledgeBaseError):
    """The document cannot be turned into text."""

    code = "document_unreadable"


class UnsupportedMediaType(DocumentUnreadable):
    """The file is of a type that Footnote does not read."""

    code = "unsupported_media_type"


class DocumentEmpty(DocumentUnreadable):
    """The document contains no text."""

    code = "document_empty"


class DocumentEncrypted(DocumentUnreadable):
    """The document is encrypted: remove the password and upload it again."""

    code = "document_encrypted"


class DocumentCorrupt(DocumentUnreadable):
    """The document is damaged and cannot be read."""

    code = "document_corrupt"


class DocumentTooComplex(DocumentUnreadable):
    """Reading the document takes more than this service accepts: memory, time or text."""

    code = "document_too_complex"


class UploadCanceled(DocumentUnreadable):
    """The job that was to read this upload was canceled."""

    code = "upload_canceled"


class ProcessingFailed(DocumentUnreadable):
    """The document could not be processed, although several attempts were made."""

    code = "processing_failed"


class Misconfigured(KnowledgeBaseError):
    """The service is not set up correctly."""

    code = "misconfigured"


class HomeUnusable(Misconfigured):
    """The home folder cannot be used: set FOOTNOTE_HOME to a folder that can be written."""

    code = "home_unusable"


class AddressUnusable(Misconfigured):
    """The address to listen on cannot be used: choose another with --host or --port."""

    code = "address_unusable"


class AlreadyRuns(Misconfigured):
    """`footnote up` runs already for this home."""

    code = "already_runs"


class DatabaseUnfit(Misconfigured):
    """The database refuses Footnote's login, or lacks what Footnote needs."""

    code = "database_unfit"


class RowSecurityNotEnforced(Misconfigured):
    """Row-level security has no effect in this database, so the process refuses to serve."""

    code = "row_security_not_enforced"


class SchemaOutOfDate(Misconfigured):
    """The database schema is not the one this release needs: run 'footnote db upgrade'."""

    code = "schema_out_of_date"


class ModelUnavailable(Misconfigured):
    """The embedding model cannot be loaded."""

    code = "model_unavailable"


class DependencyFailed(KnowledgeBaseError):
    """Something Footnote depends on is not available at the moment."""

    code = "dependency_failed"


class DatabaseUnavailable(DependencyFailed):
    """The database cannot be reached at the moment."""

    code = "database_unavailable"


class DiskFull(DependencyFailed):
    """A disk has no space left; nothing was stored."""

    code = "disk_full"


class TransactionConflict(DependencyFailed):
    """Other requests changed the same rows at the same time; nothing was changed, try again."""

    code = "transaction_conflict"

    def __init__(self, message: str | None = None, *, has_waited: bool = False) -> None:
        """`has_waited`: it waited for a lock as long as it may; trying again will hardly help."""
        super().__init__(message)
        self.has_waited = has_waited


class SpaceChanged(DependencyFailed):
    """Another embedding space was activated meanwhile, of a model that this worker has to load."""

    code = "space_changed"


class FileStoreUnavailable(DependencyFailed):
    """The file store cannot be reached at the moment."""

    code = "file_store_unavailable"


class SourceUnavailable(DependencyFailed):
    """The source could not be listed to its end, so nothing was changed."""

    code = "source_unavailable"


class SourceBusy(DependencyFailed):
    """Another run synchronises this source at the moment."""

    code = "source_busy"


class IndexNotReady(DependencyFailed):
    """The lexical index is being rebuilt."""

    code = "index_not_ready"


class OutboundFailed(DependencyFailed):
    """A server that Footnote calls on somebody's behalf cannot be reached at the moment."""

    code = "outbound_failed"


class OutboundTimedOut(OutboundFailed):
    """A server that Footnote calls on somebody's behalf did not answer in time."""

    code = "outbound_timed_out"


class AnswerAbandoned(DependencyFailed):
    """The answer was abandoned because nobody followed it or its process stopped; ask again."""

    code = "answer_abandoned"


class EvidenceDeleted(DependencyFailed):
    """A document that the answer quotes was deleted while the answer was made; ask again."""

    code = "evidence_deleted"


class Overloaded(DependencyFailed):
    """Too many requests are in work or waiting already; try again a little later."""

    code = "overloaded"


class Stopping(DependencyFailed):
    """The service is stopping and did not finish the request; send it again."""

    code = "stopping"


class LlmUnavailable(DependencyFailed):
    """The language model cannot be reached at the moment."""

    code = "llm_unavailable"

    def __init__(
        self, message: str | None = None, *, retry_after_seconds: float | None = None
    ) -> None:
        """`retry_after_seconds` is the delay that the model's server asked for, or None."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class LlmTimedOut(LlmUnavailable):
    """The language model did not answer in time."""

    code = "llm_timed_out"


class ModerationUnavailable(LlmUnavailable):
    """The moderation that every text must pass cannot be asked at the moment."""

    code = "moderation_unavailable"


class LlmOutputInvalid(KnowledgeBaseError):
    """The language model's output does not have the agreed shape."""

    code = "llm_output_invalid"
