"""What to do about each error, as its page, the reference and the command line say it."""

from collections.abc import Mapping
from typing import Final

from kb import errors
from kb.errors import KnowledgeBaseError

MEANING_BY_SERVER_CODE: Final[Mapping[str, str]] = {
    "bad_request": "The web framework refused the request.",
    "method_not_allowed": "This route does not take that method.",
    "request_too_slow": "The request did not arrive in time.",
    "headers_too_large": "The headers are larger than this server reads.",
    "too_many_connections": "The server has no room for another connection at the moment.",
}
"""Codes of the server and the web framework, which no error of ours has."""

REMEDY_BY_SERVER_CODE: Final[Mapping[str, str]] = {
    "bad_request": "Correct the request.",
    "method_not_allowed": "Look the route up at `/docs`.",
    "request_too_slow": "Send the request again over a faster connection.",
    "headers_too_large": "Send fewer or shorter headers.",
    "too_many_connections": "Try again after `Retry-After`; reuse connections.",
}

REMEDY_BY_ERROR: Final[Mapping[type[KnowledgeBaseError], str]] = {
    KnowledgeBaseError: "Report it; the log has the details under the `request_id`.",
    errors.InvalidInput: "Correct the fields that `errors` or `detail` names.",
    errors.SourceUriRefused: "Correct the address, or let the operator add it to "
    "`FOOTNOTE_SOURCE_URI_PREFIXES` or add the source with `footnote source add`.",
    errors.SourceRulesInvalid: "Put the rule file right, or change the source's own readers.",
    errors.IdempotencyKeyReused: "Use a new key for each new request.",
    errors.ReceiptInvalid: "Get the receipt and the keys again from the service that issued it.",
    errors.OutboundRefused: "Name a public address, or have the operator allow its network with "
    "`FOOTNOTE_OUTBOUND_PRIVATE_NETWORKS`.",
    errors.NotAllowed: "Use a key that may do this.",
    errors.CredentialMissing: "Send the header.",
    errors.CredentialInvalid: "Create a new key with `footnote key create`.",
    errors.ScopeMissing: "Use a key with the scope that `detail` names.",
    errors.ActingForOthersNotAllowed: "Leave the header out, or create a key with `--act-as`.",
    errors.NotFound: "Check the id, and the principals you ask with.",
    errors.DocumentDeleted: "Send a new request, with a new key, to store it once more.",
    errors.VersionNotFound: "Wait for its job to succeed.",
    errors.ReindexRunNotFound: "List the runs with GET /v1/reindex/runs.",
    errors.CredentialNotFound: "Check the prefix and the tenant.",
    errors.SpaceNotFound: "Look the name up with `footnote space list`.",
    errors.TenantNotFound: "Check the name, or create the tenant.",
    errors.SourceNotFound: "Check the name, or add the source.",
    errors.Conflict: "Read the document or the job again and decide anew.",
    errors.AlreadyExists: "Choose another name, or update the one that exists.",
    errors.DocumentOfAnother: "Ask its uploader, or use a key with the scope `admin`.",
    errors.JobOfAnother: "Ask who began it, or use a key with the scope `admin`.",
    errors.JobFinished: "Look at its document: upload it again, or delete it.",
    errors.RevisionMismatch: "Read the document again and repeat the change with its new `ETag`.",
    errors.NothingHeld: "Look at the source: a later run may have found everything again.",
    errors.SpaceInUse: "Activate another space first.",
    errors.SpaceIncomplete: "Wait for the backfill, or activate with `--force`.",
    errors.StillRunning: "Repeat the request a little later.",
    errors.LimitExceeded: "Ask for less, or raise the setting that limits it.",
    errors.UploadTooLarge: "Split the file, or raise `FOOTNOTE_MAX_UPLOAD_BYTES` or "
    "`FOOTNOTE_MAX_BODY_BYTES`.",
    errors.TextTooLong: "Shorten the text.",
    errors.RateLimited: "Wait for `Retry-After`.",
    errors.BudgetExhausted: "Wait for midnight UTC, or raise the tenant's budget.",
    errors.RequestBudgetExceeded: "Ask for a shorter answer, or raise `dollars_per_request`.",
    errors.WorkTooCostly: "Send a smaller request.",
    errors.OutboundTooLarge: "Let the server answer with less.",
    errors.SourceTooLarge: "Divide it into several sources, or exclude what is not needed.",
    errors.DocumentUnreadable: "Save the document in another format and upload it again.",
    errors.UnsupportedMediaType: "Convert the file to a format that Footnote reads.",
    errors.DocumentEmpty: "Upload a file with text; scans need text recognition first.",
    errors.DocumentEncrypted: "Remove the password and upload it again.",
    errors.DocumentCorrupt: "Repair the file and upload it again.",
    errors.DocumentTooComplex: "Split the document and upload the parts.",
    errors.UploadCanceled: "Retry the job, or upload the document again.",
    errors.ProcessingFailed: "Upload it again; look the job up in the worker's log.",
    errors.Misconfigured: "The operator reads the log and runs `footnote doctor`.",
    errors.HomeUnusable: "The operator sets `FOOTNOTE_HOME` to a folder that can be written.",
    errors.AddressUnusable: "The operator chooses another `--host` or `--port`.",
    errors.AlreadyRuns: "The operator uses the one that runs, or stops it first.",
    errors.DatabaseUnfit: "The operator corrects `FOOTNOTE_DATABASE_URL`, or gives the database "
    "what the log says it lacks.",
    errors.RowSecurityNotEnforced: "The operator gives Footnote a login that is no superuser.",
    errors.SchemaOutOfDate: "The operator runs `footnote db upgrade`.",
    errors.DependencyFailed: "Try again after `Retry-After`.",
    errors.DiskFull: "Try again after `Retry-After`; the operator frees space.",
    errors.Overloaded: "Try again after `Retry-After`; when it lasts, the operator finds in the "
    "log what ran short.",
    errors.OutboundFailed: "Check that the URL answers from where Footnote runs.",
    errors.SourceUnavailable: "See that the worker reaches the place and may list all of it.",
    errors.SourceBusy: "Wait for the other run to end.",
    errors.AnswerAbandoned: "Ask again, and read the stream to its end.",
    errors.EvidenceDeleted: "Ask again: the answer is made without the document.",
    errors.Stopping: "Send the request again after `Retry-After`, with its `Idempotency-Key`.",
    errors.LlmOutputInvalid: "Ask again; if it happens often, use another model.",
}
"""Remedies by error; each holds for the subclasses that have none of their own."""


def remedy(kind: type[KnowledgeBaseError]) -> str:
    """The remedy of the nearest class in the table."""
    return next(REMEDY_BY_ERROR[each] for each in kind.__mro__ if each in REMEDY_BY_ERROR)


def remedy_of_code(code: str) -> str:
    """The remedy of the error with that code; a code of no error has the root's."""
    waiting: list[type[KnowledgeBaseError]] = [KnowledgeBaseError]
    while waiting:
        kind = waiting.pop()
        if kind.code == code:
            return remedy(kind)
        waiting += kind.__subclasses__()
    return remedy(KnowledgeBaseError)
