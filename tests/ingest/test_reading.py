"""Where a file is read: short plain text in the worker, all else in a child."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from ingest.reading import SHORT_TEXT_BYTES, read_document, read_file, reading_children
from kb.child_processes import ChildProcesses
from kb.errors import DocumentEmpty
from kb.media_types import CSV, HTML, MARKDOWN, PLAIN_TEXT


@pytest.fixture
def children() -> Iterator[ChildProcesses]:
    with closing(reading_children()) as children:
        yield children


@pytest.fixture
def no_children(children: ChildProcesses) -> ChildProcesses:
    """Whoever asks for one gets an error."""
    children.close()
    return children


async def test_short_plain_text_needs_no_child(no_children: ChildProcesses) -> None:
    content = "Köln liegt am Rhein.\n\n1  2\n".encode()

    read = await read_file(no_children, content, PLAIN_TEXT)

    assert read == read_document(content, PLAIN_TEXT)


async def test_plain_text_without_words_is_refused_without_a_child(
    no_children: ChildProcesses,
) -> None:
    with pytest.raises(DocumentEmpty):
        await read_file(no_children, b" \n" * 100, PLAIN_TEXT)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"a " * (SHORT_TEXT_BYTES // 2) + b"b", PLAIN_TEXT),
        (b"# One", MARKDOWN),
        (b"<p>One", HTML),
        (b"a,b\n1,2\n", CSV),
    ],
    ids=["longer text", "markdown", "html", "csv"],
)
async def test_all_else_is_read_in_a_child(
    no_children: ChildProcesses, content: bytes, media_type: str
) -> None:
    with pytest.raises(RuntimeError, match="shutdown"):
        await read_file(no_children, content, media_type)
