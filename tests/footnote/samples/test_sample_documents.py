"""The committed documents are complete, reproducible, and for the right people."""

from pathlib import Path
from zipfile import ZipFile

import kreuzberg
import pytest
from pypdf import PdfReader

from footnote.samples.build import build_documents, build_manifest
from footnote.samples.manifest import (
    DOCUMENTS_FOLDER,
    EVERYBODY,
    FINANCE,
    HR,
    MANIFEST_PATH,
    ManifestEntry,
    document_path,
    read_manifest,
)

ALL_SUFFIXES = {".csv", ".docx", ".html", ".md", ".pdf", ".pptx", ".txt", ".xlsx"}
OFFICE_SUFFIXES = {".docx", ".pptx", ".xlsx"}
LARGEST_FILE_BYTES = 60_000
FILES = [entry.file for entry in read_manifest()]
OFFICE_FILES = [file for file in FILES if Path(file).suffix in OFFICE_SUFFIXES]


@pytest.fixture(scope="module")
def text_by_file() -> dict[str, str]:
    """The text of each committed document with runs of white space as one space."""
    return {file: " ".join(extract_text(DOCUMENTS_FOLDER / file).split()) for file in FILES}


@pytest.fixture(scope="module")
def rebuilt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    build_documents(folder)
    return folder


def extract_text(path: Path) -> str:
    config = kreuzberg.ExtractionConfig(use_cache=False, output_format="plain")
    return str(kreuzberg.extract_file_sync(path, config=config).content)


def content_by_member(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def entries_readable_only_by(*principals: str) -> list[ManifestEntry]:
    return [entry for entry in read_manifest() if set(entry.principals) == set(principals)]


def test_manifest_names_exactly_the_committed_files() -> None:
    committed = [path.name for path in DOCUMENTS_FOLDER.iterdir()]

    assert sorted(FILES) == sorted(committed)


def test_committed_manifest_is_what_the_build_writes() -> None:
    assert MANIFEST_PATH.read_bytes() == build_manifest()


def test_there_are_at_least_fifteen_documents_in_all_eight_formats() -> None:
    assert len(FILES) >= 15
    assert {Path(file).suffix for file in FILES} == ALL_SUFFIXES


def test_external_ids_are_unique() -> None:
    external_ids = [entry.external_id for entry in read_manifest()]

    assert len(set(external_ids)) == len(external_ids)


@pytest.mark.parametrize("file", FILES)
def test_rebuilt_document_says_what_the_committed_one_says(file: str, rebuilt_folder: Path) -> None:
    assert extract_text(rebuilt_folder / file) == extract_text(DOCUMENTS_FOLDER / file)


@pytest.mark.parametrize("file", OFFICE_FILES)
def test_rebuilt_office_file_holds_the_same_bytes(file: str, rebuilt_folder: Path) -> None:
    rebuilt = content_by_member(rebuilt_folder / file)

    assert rebuilt == content_by_member(DOCUMENTS_FOLDER / file)


@pytest.mark.parametrize("file", FILES)
def test_document_is_small_and_has_a_hundred_words(file: str, text_by_file: dict[str, str]) -> None:
    assert (DOCUMENTS_FOLDER / file).stat().st_size < LARGEST_FILE_BYTES
    assert 100 <= len(text_by_file[file].split()) <= 900


def test_documents_are_for_everybody_for_hr_for_finance_or_for_both_groups() -> None:
    everybody = entries_readable_only_by(EVERYBODY)
    hr = entries_readable_only_by(HR)
    finance = entries_readable_only_by(FINANCE)
    both = entries_readable_only_by(HR, FINANCE)

    assert min(len(everybody), len(hr), len(finance), len(both)) >= 1
    assert len(everybody) + len(hr) + len(finance) + len(both) == len(FILES)


def test_superseded_policy_comes_first_and_expires_when_its_successor_begins() -> None:
    entries = read_manifest()
    [successor] = [entry for entry in entries if entry.supersedes]
    [replaced] = [entry for entry in entries if entry.external_id == successor.supersedes]

    assert entries.index(replaced) < entries.index(successor)
    assert replaced.expires_at == successor.effective_at
    assert successor.expires_at is None


def test_two_current_documents_contradict_each_other(text_by_file: dict[str, str]) -> None:
    claim = "The warranty period of the TQ-42/b river gauge is {} months from delivery."

    assert claim.format(36) in text_by_file["datasheet-tq-42b.html"]
    assert claim.format(24) in text_by_file["terms-of-sale.txt"]


def test_exactly_one_document_gives_orders_to_its_reader(text_by_file: dict[str, str]) -> None:
    poisoned = [file for file, text in text_by_file.items() if "ignore your rules" in text]

    assert poisoned == ["supplier-review-hollis.html"]


def test_handbook_has_its_facts_after_the_first_page() -> None:
    [handbook] = [entry for entry in read_manifest() if entry.external_id == "TQ-HB-01"]
    pages = [page.extract_text() for page in PdfReader(document_path(handbook)).pages]

    assert len(pages) == 5
    assert ["18 weeks of parental leave" in page for page in pages].index(True) == 2


def test_handbook_sets_headings_in_larger_type_than_text() -> None:
    sizes: dict[str, float] = {}

    def note_size(
        text: str, _user: list[float], _matrix: list[float], _font: object, size: float
    ) -> None:
        sizes.setdefault(text.strip(), size)

    PdfReader(DOCUMENTS_FOLDER / "employee-handbook.pdf").pages[2].extract_text(
        visitor_text=note_size
    )
    body = next(size for text, size in sizes.items() if text.startswith("Every full-time"))

    assert sizes["2 Leave"] > sizes["2.1 Annual leave"] > body
