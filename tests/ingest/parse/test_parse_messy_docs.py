"""Deliberately difficult files that are kept outside the repository; skipped without them."""

import csv
import unicodedata
from pathlib import Path

import pytest

from ingest.normalise import normalise
from ingest.parse import parse
from kb.errors import DocumentEmpty, DocumentEncrypted, DocumentUnreadable
from kb.media_types import sniff

FOLDER = Path(__file__).parents[4] / "shared" / "evaldata" / "messy_docs"
UNREADABLE: dict[str, type[DocumentUnreadable]] = {
    "encrypted_user_password.pdf": DocumentEncrypted,
    "encrypted_word.docx": DocumentEncrypted,
    "scan_rotated_skewed.pdf": DocumentEmpty,
}
NOT_FOUND = {
    "scan_partial_text_layer.pdf": {"定向募集说明书", "2021 年 3 月 31 日"},  # in the picture
    "form_fields.pdf": {"TIKA-1226"},  # in a form field, which kreuzberg does not read
}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the evaluation data (../shared/evaldata) is not there"
)


def manifest() -> dict[str, set[str]]:
    if not FOLDER.is_dir():
        return {}
    with (FOLDER / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {
            row["file"]: {text.strip() for text in row["must_find"].split("||")} for row in rows
        }


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", sorted(manifest().keys() - UNREADABLE.keys()))
def test_what_must_be_found_is_found(name: str) -> None:
    content = read(name)

    parsed = parse(content, sniff(content, filename=name, declared=None))

    missing = {text for text in manifest()[name] if folded(text) not in folded(parsed.text)}
    assert missing == NOT_FOUND.get(name, set())


@pytest.mark.parametrize("name", sorted(manifest().keys() - UNREADABLE.keys()))
def test_the_blocks_are_the_text(name: str) -> None:
    content = read(name)

    parsed = parse(content, sniff(content, filename=name, declared=None))

    joined = "".join(parsed.text[block.char_start : block.char_end] for block in parsed.blocks)
    assert "".join(joined.split()) == "".join(parsed.text.split())
    assert normalise(parsed.text) == parsed.text


@pytest.mark.parametrize(("name", "error"), list(UNREADABLE.items()))
def test_what_cannot_be_read_says_why(name: str, error: type[DocumentUnreadable]) -> None:
    content = read(name)

    with pytest.raises(error):
        parse(content, sniff(content, filename=name, declared=None))


def test_a_page_that_is_mostly_a_picture_is_reported() -> None:
    parsed = parse(read("scan_partial_text_layer.pdf"), "application/pdf")

    assert "looks_scanned" in parsed.warnings


def test_an_inflated_sheet_is_read_at_once() -> None:
    content = read("inflated_range_hidden_sheet.xlsx")

    parsed = parse(content, sniff(content, filename="a.xlsx", declared=None))

    assert len(parsed.blocks) < 100
