"""Bytes to text with offsets: `parse` reads a file of a known media type."""

from ingest.parse.document import Block, BlockKind, ParsedDocument
from ingest.parse.language import detect_language
from ingest.parse.reader import READABLE_TYPES, parse, parser_of

__all__ = [
    "READABLE_TYPES",
    "Block",
    "BlockKind",
    "ParsedDocument",
    "detect_language",
    "parse",
    "parser_of",
]
