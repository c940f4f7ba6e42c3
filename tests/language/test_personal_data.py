"""Personal data that has a form: what is found, what is not, and what masking keeps."""

import pytest

from language.personal_data import MASK, labelled, masked, personal_spans


def found(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in personal_spans(text)]


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        ("Write to ana.lopez+hr@acme-corp.co.uk.", "email", "ana.lopez+hr@acme-corp.co.uk"),
        ("Pay to DE89 3704 0044 0532 0130 00 now", "iban", "DE89 3704 0044 0532 0130 00"),
        ("gb82west12345698765432", "iban", "gb82west12345698765432"),
        ("Card 4111-1111-1111-1111 expired", "credit_card", "4111-1111-1111-1111"),
        ("Amex 378282246310005.", "credit_card", "378282246310005"),
        ("His SSN is 219-09-9999.", "us_ssn", "219-09-9999"),
        ("SSN: 219099999", "us_ssn", "219099999"),
        ("from 93.184.216.34, twice", "ip", "93.184.216.34"),
        ("at 2606:2800:220:1:248:1893:25c8:1946", "ip", "2606:2800:220:1:248:1893:25c8:1946"),
        ("Call +49 30 901820 today", "phone", "+49 30 901820"),
        ("(206) 555-0132", "phone", "(206) 555-0132"),
        ("206-555-0132 x12", "phone", "206-555-0132 x12"),
        ("My phone is 555 0132", "phone", "555 0132"),
        ("0660 565 36 45", "phone", "0660 565 36 45"),
    ],
)
def test_personal_data_is_found_whole(text: str, kind: str, data: str) -> None:
    assert found(text) == [(kind, data)]


@pytest.mark.parametrize(
    "text",
    [
        "The order has number 4111 1111 1111 1112.",  # the checksum is wrong
        "DE88 3704 0044 0532 0130 00",
        "000-12-3456 and 666-12-3456",
        "The server listens on 127.0.0.1 and 192.168.0.7.",
        "Release 1.2.3 of 2026-11-21 costs $1,234,567.89.",
        "Between 2019-2020 there were 10 000 000 visitors.",
        "ISBN 978-3-16-148410-0",
        "Section 3.1.4 on page 271828",
        "Part 0332991 weighs 12.5 kg",
        "a@b and @handle",
    ],
)
def test_other_numbers_are_not(text: str) -> None:
    assert found(text) == []


def test_masked_text_keeps_every_offset() -> None:
    text = "Ask ana@acme.example or +49 30 901820 about leave of 30 days."

    covered = masked(text)

    assert len(covered.text) == len(text)
    assert [span.kind for span in covered.spans] == ["email", "phone"]
    for span in covered.spans:
        assert covered.text[span.start : span.end] == MASK * (span.end - span.start)
    assert covered.text.endswith(" about leave of 30 days.")
    assert covered.text.startswith("Ask ")


def test_text_without_personal_data_is_the_same() -> None:
    assert masked("Leave is 30 days.").text == "Leave is 30 days."
    assert masked("Leave is 30 days.").spans == ()


def test_labels_name_the_kind() -> None:
    assert labelled("Mail ana@acme.example!") == "Mail [email]!"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1" * 63 + "a", "1" * 63 + "a"),
        (" ".join(["1" * 40 + "a"] * 3), " ".join(["1" * 40 + "a"] * 3)),
        ("1 " * 5_000, "1 " * 5_000),
        ("(1)" * 3_000, "(1)" * 3_000),
        ("a@b.example " * 1_000, "[email] " * 1_000),
        ("+49 30 901820, " * 700, "[phone], " * 700),
    ],
    ids=["long number", "long numbers", "digits", "brackets", "addresses", "telephones"],
)
def test_a_hostile_text_is_read_to_its_end(text: str, shown: str) -> None:
    assert labelled(text) == shown
