"""A parsed document as lines that tests can be compared with by eye."""

from ingest.parse import ParsedDocument


def texts(parsed: ParsedDocument) -> list[str]:
    """The text of every block."""
    return [parsed.text[block.char_start : block.char_end] for block in parsed.blocks]


def outlined(parsed: ParsedDocument) -> list[tuple[str, str, str]]:
    """Kind, section and text of every block."""
    pairs = zip(parsed.blocks, texts(parsed), strict=True)
    return [(block.kind, " / ".join(block.section), text) for block, text in pairs]
