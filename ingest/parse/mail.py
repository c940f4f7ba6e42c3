"""Reads e-mail: who wrote to whom about what, the message, and the files that came with it.

The standard library reads it: kreuzberg 4.10 glues the cells and paragraphs of HTML messages.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import EmailMessage, Message, MIMEPart
from email.policy import EmailPolicy
from platform import python_version
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from ingest.parse.attachments import ATTACHMENT_NOT_READ
from ingest.parse.decoding import decode
from ingest.parse.document import Draft, Reading
from ingest.parse.markup import read_html
from ingest.parse.plain_text import text_drafts
from kb.errors import DocumentCorrupt, DocumentUnreadable
from kb.media_types import HTML, sniff

Reader = Callable[[bytes, str], Reading]

_HEADERS: Final = ("Subject", "From", "To", "Cc", "Date")
_MAX_PARSED_CHARACTERS: Final = 10_000
"""Of a header: hundreds of addresses. Parsing takes the square of the length: 3.8 s for 20,000
quotation marks."""
_PARSER_FAILURES: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What the standard library's parser raises for malformed headers; its documents name none."""


if TYPE_CHECKING:
    _EmailPolicy = EmailPolicy[EmailMessage]
else:
    # At run time it has no parameter.
    _EmailPolicy = EmailPolicy


class _Bounded(_EmailPolicy):
    """Leaves long headers as they were sent; of those that describe a part it reads the start."""

    @override
    def header_fetch_parse(self, name: str, value: str) -> str:
        if len(value) > _MAX_PARSED_CHARACTERS:
            if not name.lower().startswith("content-"):
                return " ".join(value.split())
            value = value[:_MAX_PARSED_CHARACTERS]
        parsed: str = super().header_fetch_parse(name, value)
        return parsed


_POLICY: Final = _Bounded()


@dataclass(frozen=True, kw_only=True)
class _Part:
    name: str | None
    media_type: str
    charset: str | None
    content: bytes


@dataclass(frozen=True, kw_only=True)
class _Mail:
    headers: dict[str, str]
    body: _Part | None
    attachments: tuple[_Part, ...]


def read_mail(content: bytes, *, read_attachment: Reader) -> Reading:
    """The head, the message and every attachment that can be read, each below its file name.

    Raises DocumentCorrupt.
    """
    try:
        mail = _mail(message_from_bytes(content, policy=_POLICY))
    except _PARSER_FAILURES as error:
        raise DocumentCorrupt from error
    head = "\n".join(f"{name}: {value}" for name, value in mail.headers.items())
    warnings: list[str] = []
    drafts = [Draft(kind="paragraph", text=head), *_body(mail)]
    for part in mail.attachments:
        drafts += _attachment(part, read_attachment, warnings)
    return Reading(
        drafts=tuple(drafts),
        title=mail.headers.get("Subject"),
        parser="email",
        parser_version=python_version(),
        warnings=tuple(warnings),
    )


def _mail(message: EmailMessage) -> _Mail:
    body = message.get_body(preferencelist=("plain", "html"))
    return _Mail(
        headers={name: _header(message, name) for name in _HEADERS if name in message},
        body=_part(body) if body else None,
        attachments=tuple(map(_part, message.iter_attachments())),
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name])
    except _PARSER_FAILURES:
        return next(str(value) for key, value in message.raw_items() if key.lower() == name.lower())


def _part(part: MIMEPart) -> _Part:
    return _Part(
        name=part.get_filename(),
        media_type=part.get_content_type(),
        charset=part.get_content_charset(),
        content=_bytes(part),
    )


def _bytes(part: MIMEPart) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            return inner[0].as_bytes()
        return b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _body(mail: _Mail) -> Iterator[Draft]:
    if mail.body is None:
        return
    text, _ = decode(mail.body.content, declared=mail.body.charset)
    if mail.body.media_type == HTML:
        yield from read_html(text).drafts
    else:
        yield from text_drafts(text)


def _attachment(part: _Part, read: Reader, warnings: list[str]) -> Iterator[Draft]:
    name = part.name or "attachment"
    try:
        media_type = sniff(part.content, filename=part.name, declared=part.media_type)
        reading = read(part.content, media_type)
    except DocumentUnreadable:
        warnings.append(f"{ATTACHMENT_NOT_READ}: {name}")
        return
    warnings += reading.warnings
    yield Draft(kind="heading", text=name, section=(name,))
    yield from (replace(draft, section=(name, *draft.section)) for draft in reading.drafts)
