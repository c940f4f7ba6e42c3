"""The parser that a document is stored with, and its version."""

from importlib.metadata import version

from ingest.parse import parse
from ingest.parse.reader import REVISION_BY_TYPE
from kb.media_types import MARKDOWN, SUPPORTED_TYPES


def test_every_type_that_is_read_has_a_revision() -> None:
    assert set(REVISION_BY_TYPE) == SUPPORTED_TYPES


def test_the_revision_stands_behind_the_version_of_the_library() -> None:
    parsed = parse(b"# One\n\nText.\n", MARKDOWN)

    assert parsed.parser == "markdown-it-py"
    assert parsed.parser_version == f"{version(parsed.parser)}+{REVISION_BY_TYPE[MARKDOWN]}"
