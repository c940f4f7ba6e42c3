"""The meanings of statuses, reasons and scopes, as the reference page gives them."""

from collections.abc import Mapping
from typing import Final, assert_never

from app.answering.outcome import AnswerReason, AnswerStatus
from kb.receipts import Remaining
from kb.store.choices import Scope


def status_meaning(status: AnswerStatus) -> str:
    """The meaning of a status: what such an answer has and lacks."""
    match status:
        case "answered":
            meaning = "Every claim is proved."
        case "partially_supported":
            meaning = (
                "Some claims were removed because nothing proved them, or a part of the model's "
                "output could not be read."
            )
        case "unsupported":
            meaning = "Nothing proves an answer; `reason` says why."
        case "conflicting":
            meaning = (
                "Two documents in force disagree. Both are cited; `conflicts[].newer` names the "
                "newer one."
            )
        case "needs_clarification":
            meaning = (
                "Two documents answer for two cases that the question leaves open, or the model "
                "asks back; see `clarifying_question`."
            )
        case "escalate":
            meaning = (
                "The tenant's policy wants a person to answer: a topic, a collection, or too many "
                "questions in a row without an answer; see `handover`."
            )
        case "blocked":
            meaning = "A guardrail refused the question; `reason` says which."
        case _:
            assert_never(status)
    return meaning


def reason_meaning(reason: AnswerReason) -> str:
    """The meaning of a reason for saying nothing, or not all that was asked."""
    match reason:
        case "no_results":
            meaning = "Unsupported: the search found nothing that the asker may read."
        case "low_relevance":
            meaning = (
                "Unsupported: the passages are unlikely to hold an answer "
                "(`FOOTNOTE_ANSWER_EVIDENCE_FLOOR`)."
            )
        case "insufficient_evidence":
            meaning = "Unsupported: the passages do not answer this question."
        case "verification_failed":
            meaning = "Unsupported: claims were drafted, and none of them could be proved."
        case "stale_evidence":
            meaning = "Unsupported: only documents that are out of force would have answered."
        case "out_of_scope":
            meaning = "Blocked: the tenant's policy excludes the subject of the question."
        case "policy":
            meaning = "Blocked or escalated: the tenant's policy or its moderation decided so."
        case "injection_detected":
            meaning = "Blocked: the question tries to instruct the model."
        case _:
            assert_never(reason)
    return meaning


RECEIPT_FIELDS: Final[Mapping[str, str]] = {
    "type": "`footnote.document_deletion.1` or `footnote.tenant_deletion.1`.",
    "document_id, content_sha256": "The document, and the hash of the bytes that were served.",
    "tenant_id, tenant_name": "Of a tenant's receipt.",
    "reason": "`request`: somebody deleted it. `retention`: its collection keeps it no longer.",
    "deleted_at": "From then on nobody finds or reads it.",
    "documents, versions, chunks, vectors": "Rows deleted.",
    "answers, jobs, files": "Those deleted that the deleter could have got; of others nothing is "
    "said, though they are deleted as well.",
    "generation": "The deleter's generation without the document.",
    "rows, queued, files": "Of a tenant: rows by table, jobs in the queue, stored files.",
    "purge.status": "`running`, then `complete`: no process of the API has a copy left, on its "
    "disk or in its caches.",
    "purge.completed_at": "When that was so.",
    "purge.nodes": "Nodes (home folders) that confirmed it.",
    "purge.absent_nodes": "Nodes that were silent for a week and are not waited for.",
    "remaining": "Codes of what is left, below.",
    "key_id, signature": "Ed25519 over all other fields and `key_id`, as canonical JSON "
    "(RFC 8785); base64url.",
}
"""The meanings of a receipt's fields."""


def remaining_meaning(code: Remaining) -> str:
    """What a deletion leaves, and until when."""
    match code:
        case "audit_event":
            meaning = "The record of the deletion: who, when, the id and the hash; no text."
        case "document_id":
            meaning = (
                "The id, in the log of changes that indexes follow, in the events for webhooks and "
                "the reports of re-index runs while these are kept, and in logs; with hashes of "
                "its chunks in the database's statistics, until it analyses their table again."
            )
        case "database_pages":
            meaning = "Unused space of the database's files, until vacuum and new rows take it."
        case "database_log":
            meaning = "The database's write-ahead log, until it is recycled."
        case "backups":
            meaning = "Backups, replicas and snapshots that were made before."
        case "sent_copies":
            meaning = "What was sent before: to callers, and to language models for answers."
        case "source_items":
            meaning = (
                "Of a document from a source: the id, the hash and the path of its file, while the "
                "source has that; so it is not uploaded again."
            )
        case _:
            assert_never(code)
    return meaning


def scope_meaning(scope: Scope) -> str:
    """The requests that a key with this scope may make."""
    match scope:
        case "documents:write":
            meaning = "Upload, change and delete documents; follow the jobs of these uploads."
        case "documents:read":
            meaning = "List and read documents, their versions and their jobs."
        case "search":
            meaning = "Search for passages."
        case "answers":
            meaning = "Ask questions, also by chat; read answers; check claims against texts."
        case "feedback":
            meaning = "Rate answers that its principals may read."
        case "admin":
            meaning = (
                "Change and delete what others uploaded; manage sources, webhooks and the time for "
                "which collections keep documents; read receipts of deletions that the key could "
                "read about."
            )
        case "act_as":
            meaning = "Name the principals to ask for, in the header `Footnote-Principals`."
        case _:
            assert_never(scope)
    return meaning
