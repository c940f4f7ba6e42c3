"""A digest of all that an answer depends on: answers with one fingerprint are interchangeable."""

import hashlib
import json
from collections.abc import Collection

from app.answering.question.question import Question
from app.answering.release import Release
from kb.ids import TenantId


def fingerprint_answer(
    tenant_id: TenantId,
    principals: Collection[str],
    *,
    generation: int,
    release: Release,
    question: Question,
) -> str:
    """The sha256, in hex, of who asks what, of which state of the documents, with which release.

    Two answers that differ in any of these have different fingerprints; the order of principals and
    collections says nothing. `generation` is that of the documents that the principals may read.
    A question without `as_of` is about the time when it is asked, which is no part of this: while
    the generation stays the same, a document can still take effect or expire.
    """
    asked = {
        "text": question.text,
        "history": [[turn.role, turn.content] for turn in question.history],
        "collections": sorted(question.collections) if question.collections else None,
        # Frozen dataclasses of tuples: their repr names the kind and the order of every part.
        "filter": repr(question.filter),
        "as_of": question.as_of.isoformat() if question.as_of else None,
        "top_k": question.top_k,
        "max_context_tokens": question.max_context_tokens,
        "max_output_tokens": question.max_output_tokens,
    }
    parts = {
        "tenant": str(tenant_id),
        "principals": sorted(set(principals)),
        "generation": generation,
        "release": release.record(),
        "question": asked,
    }
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
