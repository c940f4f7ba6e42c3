"""What can go wrong, as classes: one for each code of the service, below the one of its status.

FootnoteError
├── ConnectionFailed                no response came
├── ResponseInvalid                 what came is no response of Footnote
├── JobFailed                       a job ended without success
├── WaitTimedOut                    a job did not end in time
├── RequestRefused                  400 to 499: a class for each status
└── ServiceFailed                   500 to 599: a class for each status

A code that this version does not know has the class of its status, and keeps its `code`.
"""

from http import HTTPStatus
from typing import ClassVar

from footnote_client.contract import FieldProblem, Job, Problem


class FootnoteError(Exception):
    """Something went wrong. What is not known of it is None.

    `code` is stable and says what it was, `detail` is for people, `request_id` names the entry in
    the service's log, `retry_after` is in seconds, `errors` has the faulty fields.
    """

    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    errors: tuple[FieldProblem, ...] = ()

    by_code: ClassVar[dict[str, type["FootnoteError"]]] = {}
    by_status: ClassVar[dict[int, type["FootnoteError"]]] = {}

    def __init_subclass__(cls, *, status: int | None = None, code: str | None = None) -> None:
        """Enters the class for a status, a code or both."""
        if status is not None:
            FootnoteError.by_status[status] = cls
        if code is not None:
            FootnoteError.by_code[code] = cls

    def __init__(self, detail: str, *, problem: Problem | None = None) -> None:
        """`problem` is the body of a response, where there was one."""
        super().__init__(detail)
        self.detail = detail
        if problem is not None:
            self.status, self.code = problem.status, problem.code
            self.request_id, self.retry_after = problem.request_id, problem.retry_after
            self.errors = problem.errors or ()

    def __str__(self) -> str:
        """The detail, the faulty fields, the code and the request's id."""
        text = " ".join(
            [
                self.detail,
                *(f"{'.'.join(map(str, each.loc))}: {each.msg}." for each in self.errors),
            ]
        )
        known = [
            f"{name} {value}"
            for name, value in (("code", self.code), ("request", self.request_id))
            if value
        ]
        return f"{text} ({', '.join(known)})" if known else text


class ConnectionFailed(FootnoteError):
    """No whole response came: the service cannot be reached, or the connection broke."""


class ResponseInvalid(FootnoteError):
    """The response is not one of Footnote: look at the URL, and at proxies on the way."""


class JobFailed(FootnoteError):
    """The job failed or was canceled; `code` is its error's, `job` has the rest."""

    def __init__(self, job: Job) -> None:
        """`job` has ended."""
        super().__init__(job.error.message if job.error else f"The job {job.id} was {job.status}.")
        self.code = job.error.code if job.error else job.status
        self.job = job

    def __reduce__(self) -> tuple[type["JobFailed"], tuple[Job]]:
        """Lets the error pass between processes."""
        return type(self), (self.job,)


class WaitTimedOut(FootnoteError, TimeoutError):
    """The job had not ended when the time was over; it goes on. `job` is its last state."""

    def __init__(self, job: Job) -> None:
        """`job` has not ended."""
        super().__init__(f"The job {job.id} is still {job.status}.")
        self.job = job

    def __reduce__(self) -> tuple[type["WaitTimedOut"], tuple[Job]]:
        """Lets the error pass between processes."""
        return type(self), (self.job,)


class RequestRefused(FootnoteError):
    """The service refused the request; sent again it is refused again, unless it says when."""


class ServiceFailed(FootnoteError):
    """The service could not do what was asked."""


class BadRequest(RequestRefused, status=400, code="bad_request"):
    """The request is malformed."""


class NotAuthenticated(RequestRefused, status=401):
    """The credential is missing, unknown, expired or revoked."""


class CredentialInvalid(NotAuthenticated, code="credential_invalid"):
    """The API key is unknown, expired or revoked."""


class CredentialMissing(NotAuthenticated, code="credential_missing"):
    """The request has no credential."""


class NotAllowed(RequestRefused, status=403, code="forbidden"):
    """The credential does not allow this."""


class ActingForOthersNotAllowed(NotAllowed, code="act_as_not_allowed"):
    """The key may not name the principals to act for: it lacks the scope `act_as`."""


class ScopeMissing(NotAllowed, code="scope_missing"):
    """The API key lacks the scope that this route needs."""


class NotFound(RequestRefused, status=404, code="not_found"):
    """There is no such thing, or the caller may not see it."""


class AnswerNotFound(NotFound, code="answer_not_found"):
    """There is no such answer, or the caller may not see it."""


class CredentialNotFound(NotFound, code="credential_not_found"):
    """There is no such key."""


class DeliveryNotFound(NotFound, code="delivery_not_found"):
    """There is no such delivery: they are kept for 30 days."""


class DocumentNotFound(NotFound, code="document_not_found"):
    """There is no such document, or the caller may not see it."""


class JobNotFound(NotFound, code="job_not_found"):
    """There is no such job, or the caller may not see it."""


class ReindexRunNotFound(NotFound, code="reindex_run_not_found"):
    """There is no such run of the re-index."""


class SourceNotFound(NotFound, code="source_not_found"):
    """There is no source of that name."""


class SpaceNotFound(NotFound, code="space_not_found"):
    """There is no such embedding space."""


class TenantNotFound(NotFound, code="tenant_not_found"):
    """There is no tenant of that name."""


class VersionNotFound(NotFound, code="version_not_found"):
    """The document has no content yet."""


class WebhookNotFound(NotFound, code="webhook_not_found"):
    """There is no such webhook."""


class MethodNotAllowed(RequestRefused, status=405, code="method_not_allowed"):
    """The route does not take that method."""


class RequestTooSlow(RequestRefused, status=408, code="request_too_slow"):
    """The request did not arrive in time."""


class Conflict(RequestRefused, status=409, code="conflict"):
    """The request does not fit the present state of what it changes."""


class AlreadyExists(Conflict, code="already_exists"):
    """A thing with that name or external_id exists already."""


class DocumentOfAnother(Conflict, code="document_of_another"):
    """Somebody else uploaded the version that is served, and this key may not change it."""


class JobFinished(Conflict, code="job_finished"):
    """The job has ended, and cannot be canceled or run again."""


class JobOfAnother(Conflict, code="job_of_another"):
    """Somebody else began this job, and this key may not change it."""


class NothingHeld(Conflict, code="nothing_held"):
    """The source has no deletions that wait for confirmation."""


class SpaceInUse(Conflict, code="space_in_use"):
    """The embedding space is the one that searches use."""


class SpaceIncomplete(Conflict, code="space_incomplete"):
    """Some chunks have no vector in the embedding space yet."""


class StillRunning(Conflict, code="still_running"):
    """The first request with this Idempotency-Key is still running."""


class Gone(RequestRefused, status=410):
    """There was such a thing, and it was deleted."""


class DocumentDeleted(Gone, code="document_deleted"):
    """The document that the first request with this Idempotency-Key stored was deleted since."""


class PreconditionFailed(RequestRefused, status=412):
    """What was to be changed has changed since it was read."""


class RevisionMismatch(PreconditionFailed, code="revision_mismatch"):
    """The document has changed since the revision that `if_match` names."""


class ContentTooLarge(RequestRefused, status=413):
    """The request is larger than the service accepts."""


class UploadTooLarge(ContentTooLarge, code="upload_too_large"):
    """The upload is larger than this service accepts."""


class UnsupportedMediaType(RequestRefused, status=415, code="unsupported_media_type"):
    """The file is of a type that Footnote does not read."""


class InvalidRequest(RequestRefused, status=422, code="invalid_request"):
    """The request is not valid; `errors` says where."""


class DocumentCorrupt(InvalidRequest, code="document_corrupt"):
    """The document is damaged and cannot be read."""


class DocumentEmpty(InvalidRequest, code="document_empty"):
    """The document contains no text."""


class DocumentEncrypted(InvalidRequest, code="document_encrypted"):
    """The document is encrypted."""


class DocumentTooComplex(InvalidRequest, code="document_too_complex"):
    """Reading the document takes more than this service accepts: memory, time or text."""


class DocumentUnreadable(InvalidRequest, code="document_unreadable"):
    """The document cannot be turned into text."""


class IdempotencyKeyReused(InvalidRequest, code="idempotency_key_reused"):
    """This Idempotency-Key was used before with a different request."""


class InvalidCursor(InvalidRequest, code="invalid_cursor"):
    """The cursor does not come from an earlier page of this list."""


class InvalidFilter(InvalidRequest, code="invalid_filter"):
    """The filter uses an unknown field or operator."""


class InvalidPrincipal(InvalidRequest, code="invalid_principal"):
    """A principal is malformed: it is written `kind:name`."""


class LimitExceeded(InvalidRequest, code="limit_exceeded"):
    """A configured limit is exceeded."""


class OutboundRefused(InvalidRequest, code="outbound_refused"):
    """The URL is not one that Footnote calls: its address is not public, or it is malformed."""


class OutboundTooLarge(InvalidRequest, code="outbound_too_large"):
    """A server answered with more than Footnote reads."""


class ProcessingFailed(InvalidRequest, code="processing_failed"):
    """The document could not be processed, although several attempts were made."""


class ReceiptInvalid(InvalidRequest, code="receipt_invalid"):
    """The text is no receipt that the key signed."""


class RequestBudgetExceeded(InvalidRequest, code="request_budget_exceeded"):
    """The answer would cost more than one request may."""


class SourceRulesInvalid(InvalidRequest, code="source_rules_invalid"):
    """The source's rule file is malformed or has vanished; nobody may read more than before."""


class SourceTooLarge(InvalidRequest, code="source_too_large"):
    """The source lists more than one source may."""


class SourceUriRefused(InvalidRequest, code="source_uri_refused"):
    """This address cannot be a source, or may not be one here."""


class TextTooLong(InvalidRequest, code="text_too_long"):
    """A text field is longer than this service accepts."""


class UploadCanceled(InvalidRequest, code="upload_canceled"):
    """The job that was to read this upload was canceled."""


class WorkTooCostly(InvalidRequest, code="work_too_costly"):
    """The request needs more processor time, time or memory than one request may use."""


class RateLimited(RequestRefused, status=429, code="rate_limited"):
    """Too many requests with this key."""


class BudgetExhausted(RateLimited, code="budget_exhausted"):
    """The tenant's budget for language models is used up for today."""


class HeadersTooLarge(RequestRefused, status=431, code="headers_too_large"):
    """The headers are larger than the server reads."""


class InternalError(ServiceFailed, status=500, code="internal_error"):
    """Something went wrong in the service; its log has the details."""


class AddressUnusable(InternalError, code="address_unusable"):
    """The service cannot listen on its address."""


class AlreadyRuns(InternalError, code="already_runs"):
    """Another process runs the service already."""


class DatabaseUnfit(InternalError, code="database_unfit"):
    """The database server lacks what the service needs."""


class HomeUnusable(InternalError, code="home_unusable"):
    """The folder of the service cannot be used."""


class Misconfigured(InternalError, code="misconfigured"):
    """The service is not set up correctly."""


class ModelUnavailable(InternalError, code="model_unavailable"):
    """The embedding model cannot be loaded."""


class RowSecurityNotEnforced(InternalError, code="row_security_not_enforced"):
    """Row security has no effect in the service's database."""


class SchemaOutOfDate(InternalError, code="schema_out_of_date"):
    """The database's schema is not the one that the service needs."""


class BadGateway(ServiceFailed, status=502):
    """Something behind the service gave an unusable response."""


class LlmOutputInvalid(BadGateway, code="llm_output_invalid"):
    """The language model's output does not have the agreed shape."""


class Unavailable(ServiceFailed, status=503, code="dependency_failed"):
    """Something the service depends on is not available."""


class AnswerAbandoned(Unavailable, code="answer_abandoned"):
    """The answer was abandoned because nobody followed it or its process stopped."""


class DatabaseUnavailable(Unavailable, code="database_unavailable"):
    """The database cannot be reached."""


class DiskFull(Unavailable, code="disk_full"):
    """A disk of the service has no space left; nothing was stored."""


class EvidenceDeleted(Unavailable, code="evidence_deleted"):
    """A document that the answer quotes was deleted while the answer was made."""


class FileStoreUnavailable(Unavailable, code="file_store_unavailable"):
    """The file store cannot be reached."""


class IndexNotReady(Unavailable, code="index_not_ready"):
    """The lexical index is being rebuilt."""


class LlmTimedOut(Unavailable, code="llm_timed_out"):
    """The language model did not answer in time."""


class LlmUnavailable(Unavailable, code="llm_unavailable"):
    """The language model cannot be reached."""


class ModerationUnavailable(Unavailable, code="moderation_unavailable"):
    """The moderation that every text must pass cannot be asked."""


class OutboundFailed(Unavailable, code="outbound_failed"):
    """A server that Footnote calls on somebody's behalf cannot be reached."""


class OutboundTimedOut(Unavailable, code="outbound_timed_out"):
    """A server that Footnote calls on somebody's behalf did not answer in time."""


class Overloaded(Unavailable, code="overloaded"):
    """Too many requests are in work or waiting already."""


class SourceBusy(Unavailable, code="source_busy"):
    """Another run synchronises this source."""


class SourceUnavailable(Unavailable, code="source_unavailable"):
    """The source could not be listed to its end, so nothing was changed."""


class SpaceChanged(Unavailable, code="space_changed"):
    """Another embedding space was activated meanwhile, of a model that this worker has to load."""


class Stopping(Unavailable, code="stopping"):
    """The service is stopping and did not finish the request."""


class TooManyConnections(Unavailable, code="too_many_connections"):
    """The server has no room for another connection."""


class TransactionConflict(Unavailable, code="transaction_conflict"):
    """Other requests changed the same rows; nothing was changed."""


def error_of(problem: Problem) -> FootnoteError:
    """The error of that code, else of that status, else refused or failed."""
    kind = FootnoteError.by_code.get(problem.code) or FootnoteError.by_status.get(problem.status)
    if kind is None:
        kind = (
            ServiceFailed if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else RequestRefused
        )
    return kind(problem.detail, problem=problem)
