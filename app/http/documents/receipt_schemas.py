"""Receipts of deleted documents, and the keys that check them."""

from typing import Final, Literal

from pydantic import Field

from app.http.response_fields import (
    LATER,
    TIME,
    DocumentIdField,
    GenerationField,
    Sha256Field,
)
from app.http.schemas import Count, ResponseModel, Time
from kb.receipts import Remaining
from kb.store.deletions import DeletionReason

PUBLIC_KEY: Final = {
    "kty": "OKP",
    "crv": "Ed25519",
    "alg": "EdDSA",
    "use": "sig",
    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
"""An example: the public key of RFC 8037, appendix A.2, under its thumbprint."""


class Purge(ResponseModel):
    """How far the copies outside of the tables are purged: on disk and in memory, at every node.

    `nodes` confirmed it; `absent_nodes` were silent for a week. Both are 0 while it runs.
    """

    status: Literal["running", "complete"] = Field(
        description="Whether copies are left.", examples=["complete"]
    )
    completed_at: Time | None = Field(
        description="When none was left; null while it runs.", examples=[LATER]
    )
    nodes: Count = Field(description="Nodes that confirmed it.", examples=[2])
    absent_nodes: Count = Field(
        description="Nodes that were silent for a week and are not waited for.", examples=[0]
    )


class Receipt(ResponseModel):
    """The numbers of things that a deletion removed, the generation without them, and the purge.

    `signature` is of all other fields, as canonical JSON, by the key `key_id`.
    """

    type: Literal["footnote.document_deletion.1"] = Field(
        description="What the receipt is of.", examples=["footnote.document_deletion.1"]
    )
    document_id: DocumentIdField
    content_sha256: Sha256Field
    reason: DeletionReason = Field(
        description="Somebody deleted it, or its collection keeps it no longer.",
        examples=["request"],
    )
    deleted_at: Time = Field(description="From then on nobody finds or reads it.", examples=[TIME])
    documents: Count = Field(description="Documents deleted.", examples=[1])
    versions: Count = Field(description="Versions deleted.", examples=[2])
    chunks: Count = Field(description="Chunks deleted.", examples=[31])
    vectors: Count = Field(description="Vectors deleted.", examples=[31])
    answers: Count = Field(
        description="Answers deleted that the deleter could have got.", examples=[3]
    )
    jobs: Count = Field(description="Jobs deleted that the deleter could see.", examples=[2])
    files: Count = Field(description="Files deleted that the deleter could get.", examples=[1])
    generation: GenerationField
    purge: Purge = Field(description="How far the copies outside of the tables are purged.")
    remaining: list[Remaining] = Field(
        description="What is left; the reference explains each code.",
        examples=[["audit_event", "backups"]],
    )
    key_id: str = Field(
        description="The `kid` of the key that signed it.", examples=[PUBLIC_KEY["kid"]]
    )
    signature: str = Field(
        description="Ed25519 over all other fields as canonical JSON (RFC 8785), in base64url.",
        examples=["u8yQ2n0D8m1yq7Q0Gf4n3y3T0l6zqj9b0kq5m4dQ1Wc"],
    )


class PublicKey(ResponseModel):
    """A key that checks receipts, as RFC 8037 writes it."""

    kty: str = Field(description="The type of key.", examples=[PUBLIC_KEY["kty"]])
    crv: str = Field(description="The curve.", examples=[PUBLIC_KEY["crv"]])
    alg: str = Field(description="The algorithm.", examples=[PUBLIC_KEY["alg"]])
    use: str = Field(description="It is for signatures.", examples=[PUBLIC_KEY["use"]])
    kid: str = Field(description="The key's id, as in receipts.", examples=[PUBLIC_KEY["kid"]])
    x: str = Field(description="The key itself, in base64url.", examples=[PUBLIC_KEY["x"]])


class PublicKeys(ResponseModel):
    """The keys that have signed receipts, the newest first."""

    keys: list[PublicKey] = Field(description="The keys, the newest first.")


class DocumentDeleted(ResponseModel):
    """The answer to a deletion."""

    receipt: Receipt = Field(description="The signed receipt.")
