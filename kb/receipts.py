"""Signed receipts: canonical JSON under an Ed25519 signature.

Whoever has the public key can check offline that a receipt is Footnote's and says what it said.
Sources: RFC 8785 (canonical JSON; receipts hold no fractions), RFC 8032 (Ed25519), RFC 8037 (JWK).
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kb.errors import InvalidInput, ReceiptInvalid

KEY_BYTES: Final = 32

Remaining = Literal[
    "audit_event",
    "document_id",
    "database_pages",
    "database_log",
    "backups",
    "sent_copies",
    "source_items",
]
"""What a deletion leaves, and every receipt says."""

REMAINING: Final[tuple[Remaining, ...]] = get_args(Remaining)


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """The key that checks receipts; `id` names it in them."""

    id: str
    raw: bytes

    def jwk(self) -> dict[str, str]:
        """The key as RFC 8037 writes it."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": self.id,
            "x": _encoded(self.raw),
        }


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """The key that signs receipts, shared by all processes on one database."""

    private: bytes

    @property
    def public(self) -> PublicKey:
        """What others check its signatures with."""
        raw = Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()
        return public_key(raw)

    def sign(self, receipt: Mapping[str, object]) -> dict[str, object]:
        """The receipt with `key_id` and `signature`."""
        named = {**receipt, "key_id": self.public.id}
        key = Ed25519PrivateKey.from_private_bytes(self.private)
        return {**named, "signature": _encoded(key.sign(canonical(named)))}


def new_signing_key() -> SigningKey:
    """A fresh key from the system's random numbers."""
    return SigningKey(private=Ed25519PrivateKey.generate().private_bytes_raw())


def public_key(raw: bytes) -> PublicKey:
    """The key of these 32 bytes; its id is the start of their hash."""
    return PublicKey(id=hashlib.sha256(raw).hexdigest()[:16], raw=raw)


def read_jwk(jwk: object) -> PublicKey:
    """The key that `PublicKey.jwk` wrote; InvalidInput for anything else."""
    match jwk:
        case {"kty": "OKP", "crv": "Ed25519", "x": str(x)}:
            raw = _decoded(x)
        case _:
            raw = None
    if raw is None or len(raw) != KEY_BYTES:
        raise InvalidInput("This is no Ed25519 key as GET /v1/receipts/keys gives it.")
    return public_key(raw)


def canonical(receipt: Mapping[str, object]) -> bytes:
    """The bytes that are signed: keys in order, no blanks, UTF-8."""
    return json.dumps(
        receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def verify_receipt(receipt: Mapping[str, object], keys: Mapping[str, PublicKey]) -> PublicKey:
    """The key, of those by id, that signed the receipt; ReceiptInvalid for every other text."""
    signature, key_id = receipt.get("signature"), receipt.get("key_id")
    if not isinstance(signature, str) or not isinstance(key_id, str):
        raise ReceiptInvalid("The file is no signed receipt: it lacks 'key_id' or 'signature'.")
    key = keys.get(key_id)
    if key is None:
        raise ReceiptInvalid("The receipt was signed with a key that is not among those given.")
    signed = {name: value for name, value in receipt.items() if name != "signature"}
    try:
        raw = _decoded(signature) or b""
        Ed25519PublicKey.from_public_bytes(key.raw).verify(raw, canonical(signed))
    except (InvalidSignature, ValueError) as error:
        # ValueError: fractions that no JSON has, or halves of surrogate pairs.
        raise ReceiptInvalid("The signature does not belong to this receipt.") from error
    return key


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    """The bytes of base64url without padding; None when it is none.

    None too where the last character has bits that belong to no byte: bytes have one text.
    """
    try:
        raw = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (ValueError, binascii.Error):
        return None
    return raw if _encoded(raw) == text else None
