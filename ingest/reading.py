"""Reads a file in a process of its own: a file can crash a parser, or keep it busy for ever."""

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never

from ingest.parse import ParsedDocument, detect_language, parse
from kb.child_processes import ChildFailed, ChildLimits, ChildProcesses
from kb.errors import DependencyFailed, DocumentTooComplex, DocumentUnreadable
from kb.media_types import PLAIN_TEXT

LIMITS: Final = ChildLimits(
    # Several files are read at once, on machines that have little more for each.
    memory_bytes=2_000_000_000,
    # A manual of 872 pages is read, split and embedded in a quarter of that.
    processor_time=timedelta(seconds=120),
    # On a machine that has something else to do.
    time=timedelta(seconds=300),
    # Before others are embedded, nothing more is read.
    niceness=5,
)

READ_AT_ONCE: Final = min(os.cpu_count() or 1, 4)
"""Documents of any size, and one light one beside them. Embedding takes longer than reading: more
would only take more memory."""

PRELOADED: Final = ("__main__", "ingest.reading")
"""With them imported a child takes milliseconds to start, whatever the main program is."""

SHORT_TEXT_BYTES: Final = 32_000
"""Plain text up to here is read in a thread of the worker, which takes a millisecond where a child
takes ten. That is safe for plain text alone: our own reader, linear, without recursion. Of 2,500
hostile texts of this length the worst took 0.12 s of processor time."""

MAX_CHARACTERS: Final = 20_000_000
"""Five thousand pages. The text of a document is in the worker's memory several times."""

MAX_BLOCKS: Final = 500_000
"""Rows of a table, for the most part; while it is split, a gigabyte of the worker's memory."""


@dataclass(frozen=True, kw_only=True)
class ReadDocument:
    """The text and the blocks of a file; `language` is None where it cannot be told."""

    parsed: ParsedDocument
    language: str | None


def reading_children() -> ChildProcesses:
    """The processes to read files in; they start with the first file."""
    return ChildProcesses(count=READ_AT_ONCE + 1, limits=LIMITS, preload=PRELOADED)


async def read_file(children: ChildProcesses, content: bytes, media_type: str) -> ReadDocument:
    """The parsed file, read in a child unless it is a short plain text.

    Raises DocumentUnreadable: as `parse`; DocumentTooComplex beyond the limits of the child;
    DependencyFailed when somebody ended the child, which is no fault of the file.
    """
    if media_type == PLAIN_TEXT and len(content) <= SHORT_TEXT_BYTES:
        return await asyncio.to_thread(read_document, content, media_type)
    try:
        return await children.run(read_document, content, media_type)
    except ChildFailed as failure:
        raise _refusal(failure) from failure


def read_document(content: bytes, media_type: str) -> ReadDocument:
    """The parsed file, read in this process; raises as `parse`, and DocumentTooComplex."""
    try:
        parsed = parse(content, media_type)
    except RecursionError as error:
        raise DocumentTooComplex("The document is nested too deeply.") from error
    if len(parsed.text) > MAX_CHARACTERS:
        raise DocumentTooComplex(
            f"The document has more than {MAX_CHARACTERS:,} characters of text: upload it in parts."
        )
    if len(parsed.blocks) > MAX_BLOCKS:
        raise DocumentTooComplex(
            f"The document has more than {MAX_BLOCKS:,} paragraphs and rows: upload it in parts."
        )
    return ReadDocument(parsed=parsed, language=detect_language(parsed.text))


def _refusal(failure: ChildFailed) -> DocumentUnreadable | DependencyFailed:
    reason = failure.reason
    match reason:
        case "memory":
            return DocumentTooComplex(
                f"The document needs more than {LIMITS.memory_bytes / 10**9:g} GB of memory "
                "to be read."
            )
        case "time":
            return DocumentTooComplex(
                f"The document needs more than {LIMITS.processor_time.total_seconds():g} s of "
                f"processor time to be read, or {LIMITS.time.total_seconds():g} s in all."
            )
        case "crash":
            return DocumentUnreadable(
                "The parser ended abnormally: the document is damaged, or too complex."
            )
        case "ended":
            return DependencyFailed("The process that read the document was ended.")
        case _:
            assert_never(reason)
