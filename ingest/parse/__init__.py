"""Bytes to text with offsets: `parse` reads a file of a known media type."""

from ingest.parse.document import Block, BlockKind, ParsedDocument
from ingest.parse.language import detect_language
from ingest.parse.reader import parse

__all__ = ["Block", "BlockKind", "ParsedDocument", "detect_language", "parse"]
