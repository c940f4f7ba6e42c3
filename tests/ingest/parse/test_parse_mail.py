"""E-mail: head, message and attachments."""

from email.message import EmailMessage

import pytest

from ingest.parse import parse
from kb.media_types import EMAIL
from tests.ingest.files.builders import word_file
from tests.ingest.files.lines import outlined, texts


def message(
    body: str = "Dear all,\n\nleave is 25 days.\n", *, subtype: str = "plain"
) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = "Änderung der Regeln"
    mail["From"] = "Ana <ana@acme.example>"
    mail["To"] = "all@acme.example"
    mail.set_content(body, subtype=subtype, charset="iso-8859-1")
    return mail


def test_head_and_body_are_read() -> None:
    parsed = parse(message().as_bytes(), EMAIL)

    assert parsed.title == "Änderung der Regeln"
    assert texts(parsed) == [
        "Subject: Änderung der Regeln\nFrom: Ana <ana@acme.example>\nTo: all@acme.example",
        "Dear all,",
        "leave is 25 days.",
    ]


def test_an_html_body_keeps_its_structure() -> None:
    body = "<h1>Rules</h1><table><tr><th>Grade</th><th>Days</th></tr><tr><td>A</td><td>25</td></tr>"

    parsed = parse(message(body + "</table>", subtype="html").as_bytes(), EMAIL)

    assert outlined(parsed)[1:] == [
        ("heading", "", "Rules"),
        ("table_row", "Rules", "Grade: A | Days: 25"),
    ]


def test_attachments_are_sections_named_like_their_files() -> None:
    mail = message()
    mail.add_attachment(b"name,pay\nAna,1\n", maintype="text", subtype="csv", filename="pay.csv")
    mail.add_attachment(
        word_file(), maintype="application", subtype="octet-stream", filename="rules.docx"
    )

    parsed = parse(mail.as_bytes(), EMAIL)

    lines = outlined(parsed)
    assert ("heading", "pay.csv", "pay.csv") in lines
    assert ("table_row", "pay.csv", "name: Ana | pay: 1") in lines
    assert ("paragraph", "rules.docx / Leave", "Everyone has 25 days.") in lines


def test_attachments_that_cannot_be_read_are_listed() -> None:
    mail = message()
    mail.add_attachment(b"\x89PNG\0\0", maintype="image", subtype="png", filename="logo.png")

    assert parse(mail.as_bytes(), EMAIL).warnings == ("attachment_not_read: logo.png",)


def test_a_forwarded_message_is_read() -> None:
    mail = message("See below.")
    mail.add_attachment(message("The original."))

    assert "The original." in texts(parse(mail.as_bytes(), EMAIL))


def test_a_chain_of_forwarded_messages_ends_somewhere() -> None:
    mail = message("innermost")
    for depth in range(6):
        outer = message(f"level {depth}")
        outer.add_attachment(mail)
        mail = outer

    parsed = parse(mail.as_bytes(), EMAIL)

    assert "level 5" in parsed.text
    assert "innermost" not in parsed.text
    assert parsed.warnings == ("attachment_not_read: attachment",)


@pytest.mark.parametrize(
    "head",
    [
        b"From: <<<>>>\n",
        b"Date: never\n",
        b"Date: Mon, 1 Jan 99999999999999999999 10:00:00 +0000\n",
        b"Subject: =?utf-8?b?xx\n",
        b"To: \xff\xfe\n",
    ],
)
def test_an_odd_header_does_not_hide_the_message(head: bytes) -> None:
    parsed = parse(head + b"Content-Type: text/plain; charset=nonsense\n\nThe message.\n", EMAIL)

    assert "The message." in parsed.text
