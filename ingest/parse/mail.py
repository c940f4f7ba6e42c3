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
"""Raised by the standard library's parser for malformed headers; its documents name none."""


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


def read_mail(content: bytes, *, read_attachment: Reader) -> Reading:
    """The head, the message and every attachment that can be read, each below its file name.

    Raises DocumentCorrupt.
    """
    try:
        message = message_from_bytes(content, policy=_POLICY)
        body = message.get_body(preferencelist=("plain", "html"))
        body_part = _part(body) if body else None
        headers = {name: _header(message, name) for name in _HEADERS if name in message}
        attachments = list(map(_part, message.iter_attachments()))
    except _PARSER_FAILURES as error:
        raise DocumentCorrupt from error
    head = "\n".join(f"{name}: {value}" for name, value in headers.items())
    drafts = [Draft(kind="paragraph", text=head)]
    if body_part is not None:
        text, _ = decode(body_part.content, declared=body_part.charset)
        drafts += read_html(text).drafts if body_part.media_type == HTML else text_drafts(text)
    warnings: list[str] = []
    for part in attachments:
        drafts += _attachment(part, read_attachment, warnings)
    return Reading(
        drafts=tuple(drafts),
        title=headers.get("Subject"),
        parser="email",
        parser_version=python_version(),
        warnings=tuple(warnings),
    )


def _header(message: EmailMessage, name: str) -> str:
    """The header as text; as it was sent, where it cannot be parsed."""
    try:
        return str(message[name])
    except _PARSER_FAILURES:
        return next(str(value) for key, value in message.raw_items() if key.lower() == name.lower())


def _part(part: MIMEPart) -> _Part:
    """The name, type and bytes of a part; a forwarded message as the bytes of a file."""
    content = b""
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            content = inner[0].as_bytes()
    else:
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
    return _Part(
        name=part.get_filename(),
        media_type=part.get_content_type(),
        charset=part.get_content_charset(),
        content=content,
    )


def _attachment(part: _Part, read: Reader, warnings: list[str]) -> Iterator[Draft]:
    """The file's name and its blocks below it; only a warning when it cannot be read."""
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
