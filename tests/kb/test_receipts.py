"""Receipts: signed, checked offline, and worthless once a letter of them is changed."""

import json

import pytest

from kb.errors import InvalidInput, ReceiptInvalid
from kb.receipts import SigningKey, canonical, new_signing_key, public_key, read_jwk, verify_receipt

# RFC 8032, 7.1, test 1.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
RECEIPT: dict[str, object] = {"type": "test", "versions": 2, "purge": {"status": "running"}}


@pytest.fixture
def key() -> SigningKey:
    return new_signing_key()


def test_the_public_key_is_that_of_the_standard() -> None:
    assert SigningKey(private=SECRET).public.raw == PUBLIC


def test_canonical_text_has_one_order_and_no_blanks() -> None:
    assert canonical({"b": [1, None], "a": "\u00fc\n"}) == '{"a":"\u00fc\\n","b":[1,null]}'.encode()


def test_a_receipt_is_valid_however_its_json_is_written(key: SigningKey) -> None:
    signed = json.loads(json.dumps(key.sign(RECEIPT), indent=4, sort_keys=True))

    assert verify_receipt(signed, {key.public.id: key.public}) == key.public


@pytest.mark.parametrize(
    "changed",
    [
        {"versions": 3},
        {"versions": 2.0},
        {"versions": float("nan")},
        {"purge": {"status": "complete"}},
        {"more": 1},
        {"type": "\ud800"},
        {"signature": ""},
        {"signature": "\u00fc"},
        {"signature": "AAAA"},
        {"signature": None},
        {"key_id": "another"},
        {"key_id": ["x"]},
    ],
)
def test_a_changed_receipt_is_refused(key: SigningKey, changed: dict[str, object]) -> None:
    signed = {**key.sign(RECEIPT), **changed}

    with pytest.raises(ReceiptInvalid):
        verify_receipt(signed, {key.public.id: key.public})


def test_each_character_of_the_signature_counts(key: SigningKey) -> None:
    signed = key.sign(RECEIPT)
    # The last of 86 stands for two bits of the signature; a lenient reader skips its other four.
    signature, last = str(signed["signature"])[:-1], str(signed["signature"])[-1]
    others = [each for each in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop-_09" if each != last]

    for other in others:
        with pytest.raises(ReceiptInvalid):
            verify_receipt({**signed, "signature": signature + other}, {key.public.id: key.public})


def test_another_key_of_the_same_name_is_refused(key: SigningKey) -> None:
    signed = key.sign(RECEIPT)

    with pytest.raises(ReceiptInvalid):
        verify_receipt(signed, {key.public.id: new_signing_key().public})


def test_a_key_survives_its_own_json(key: SigningKey) -> None:
    assert read_jwk(json.loads(json.dumps(key.public.jwk()))) == key.public
    assert public_key(key.public.raw) == key.public


@pytest.mark.parametrize(
    "jwk",
    [None, [], {}, {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, {"kty": "RSA", "x": "AAAA"}],
)
def test_what_is_no_key_is_refused(jwk: object) -> None:
    with pytest.raises(InvalidInput):
        read_jwk(jwk)
