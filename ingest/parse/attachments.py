"""Files inside files: their text below their name, or a warning that it was not read."""

import re
from collections.abc import Iterator
from typing import Final

from ingest.parse.document import Draft, Outline
from ingest.parse.extraction import Extraction
from ingest.parse.outline import node_drafts, words

ATTACHMENT_NOT_READ: Final = "attachment_not_read"

_FAILURE: Final = re.compile(r"Failed to extract embedded '(.+?)'")
"""The wording of kreuzberg 4.10."""


def attachment_drafts(extraction: Extraction) -> Iterator[Draft]:
    """The name of each attachment that has text, and its text."""
    for file in extraction.attachments:
        if words(file.nodes):
            yield Draft(kind="heading", text=file.name, section=(file.name,))
            yield from node_drafts(file.nodes, Outline((file.name,)))


def attachment_warnings(extraction: Extraction) -> list[str]:
    """One for each attachment without text."""
    silent = [file.name for file in extraction.attachments if not words(file.nodes)]
    failed = [name for message in extraction.warnings for name in _FAILURE.findall(message)]
    return [f"{ATTACHMENT_NOT_READ}: {name}" for name in silent + failed]
