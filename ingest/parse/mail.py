"""Reads e-mail: who wrote to whom about what, the message, and the files that came with it.

The standard library reads it: kreuzberg 4.10 glues the cells and paragraphs of HTML messages.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage, Message, MIMEPart
from platform import python_version
from typing import Final

from ingest.parse.attachments import ATTACHMENT_NOT_READ
from ingest.parse.decoding import decode
from ingest.parse.document import Draft, Reading
from ingest.parse.markup import read_html
from ingest.parse.outline import paragraphs
from kb.errors import DocumentCorrupt, DocumentUnreadable
from kb.media_types import sniff

Reader = Callable[[bytes, str], Reading]

_HEADERS: Final = ("Subject", "From", "To", "Cc", "Date")


def read_mail(content: bytes, *, read_attachment: Reader) -> Reading:
    """The head, the message and every attachment that can be read, each below its file name."""
    message = message_from_bytes(content, policy=policy.default)
    warnings: list[str] = []
    drafts = [Draft(kind="paragraph", text=_head(message)), *_body(message)]
    for part in message.iter_attachments():
        if isinstance(part, MIMEPart):
            drafts += _attachment(part, read_attachment, warnings)
    return Reading(
        drafts=tuple(drafts),
        title=_header(message, "Subject"),
        parser="email",
        parser_version=python_version(),
        warnings=tuple(warnings),
    )


def _head(message: EmailMessage) -> str:
    headers = ((name, _header(message, name)) for name in _HEADERS)
    return "\n".join(f"{name}: {value}" for name, value in headers if value)


def _header(message: EmailMessage, name: str) -> str | None:
    try:
        return str(message[name]) if name in message else None
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        # What the parser of the standard library raises for some malformed addresses and dates.
        raise DocumentCorrupt("A header of the message is damaged.") from error


def _body(message: EmailMessage) -> Iterator[Draft]:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return
    text, _ = decode(_bytes(part), declared=part.get_content_charset())
    if part.get_content_subtype() == "html":
        yield from read_html(text).drafts
    else:
        yield from paragraphs(text)


def _attachment(part: MIMEPart, read: Reader, warnings: list[str]) -> Iterator[Draft]:
    name = part.get_filename() or "attachment"
    content = _bytes(part)
    try:
        media_type = sniff(content, filename=part.get_filename(), declared=part.get_content_type())
        reading = read(content, media_type)
    except DocumentUnreadable:
        warnings.append(f"{ATTACHMENT_NOT_READ}: {name}")
        return
    warnings += reading.warnings
    yield Draft(kind="heading", text=name, section=(name,))
    yield from (replace(draft, section=(name, *draft.section)) for draft in reading.drafts)


def _bytes(part: MIMEPart) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            return inner[0].as_bytes()
        return b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
