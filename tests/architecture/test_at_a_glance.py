"""docs/at-a-glance.md says what the code does."""

import re

import pytest

from ingest.parse.package import MAX_UNPACKED_BYTES
from ingest.reading import MAX_BLOCKS, MAX_CHARACTERS
from kb.media_types import MAX_MEMBERS, TYPE_BY_EXTENSION
from kb.settings import Settings
from tests.architecture.test_documentation import text_of

PAGE = text_of("docs/at-a-glance.md")
DEFAULTS = Settings.model_fields


def test_the_page_names_every_extension_that_is_read_and_no_other() -> None:
    [table] = re.findall(r"^\| format .*?\n\n", PAGE, flags=re.MULTILINE | re.DOTALL)

    assert set(re.findall(r"`(\.\w+)`", table)) == TYPE_BY_EXTENSION.keys()


@pytest.mark.parametrize(
    "row",
    [
        f"{DEFAULTS['max_upload_bytes'].default // 10**6} MB | `FOOTNOTE_MAX_UPLOAD_BYTES`",
        f"{DEFAULTS['max_body_bytes'].default // 10**6} MB | `FOOTNOTE_MAX_BODY_BYTES`",
        f"{MAX_CHARACTERS:,} characters | fixed",
        f"paragraphs and rows of a document | {MAX_BLOCKS:,} | fixed",
        f"{MAX_UNPACKED_BYTES // 1024**2} MiB in {MAX_MEMBERS:,} parts | fixed",
        f"{DEFAULTS['max_question_chars'].default:,} characters | `FOOTNOTE_MAX_QUESTION_CHARS`",
        f"{DEFAULTS['max_top_k'].default} | `FOOTNOTE_MAX_TOP_K`",
    ],
)
def test_the_page_tells_each_limit_as_it_is(row: str) -> None:
    assert f"{row} |" in PAGE
