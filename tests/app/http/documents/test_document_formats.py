"""Every sample document goes in over HTTP and comes out as chunks that say where they stand."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pytest

from app.http.documents.schemas import Chunk, Document
from app.http.search.schemas import SearchResponse
from footnote.samples.manifest import ManifestEntry, document_path, read_manifest
from kb.media_types import CSV, DOCX, HTML, MARKDOWN, PDF, PLAIN_TEXT, PPTX, XLSX
from tests.service import Person, Service

ENTRIES: Final = {entry.file: entry for entry in read_manifest()}

MEDIA_TYPES: Final = {
    "csv": CSV,
    "docx": DOCX,
    "html": HTML,
    "md": MARKDOWN,
    "pdf": PDF,
    "pptx": PPTX,
    "txt": PLAIN_TEXT,
    "xlsx": XLSX,
}
PLACES: Final = {"pdf": "page", "pptx": "slide", "xlsx": "sheet", "csv": "row"}
"""What each format says of where a text stands, besides sections."""

WITH_SECTIONS: Final = {"docx", "html", "md", "pptx"}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Words that one document alone holds, how one asks for them, and where they stand."""

    question: str
    words: str
    place: int | str | None = None
    """The page, slide or sheet."""
    section: str | None = None


FACTS: Final = {
    "employee-handbook.pdf": Fact(
        question="How many weeks of parental leave?", words="18 weeks of parental leave", place=3
    ),
    "travel-policy-2023.docx": Fact(question="meal allowance in issue 3 of 2023", words="EUR 34"),
    "travel-policy-2025.docx": Fact(question="meal allowance in issue 4 of 2025", words="EUR 46"),
    "it-security-rules.md": Fact(
        question="a lost notebook must be reported",
        words="within two hours",
        section="Lost or stolen devices",
    ),
    "datasheet-tq-42b.html": Fact(
        question="current drawn by the TQ-42/b", words="11 mA", section="Power"
    ),
    "terms-of-sale.txt": Fact(question="When do customers pay?", words="within 21 days"),
    "spare-parts-prices.xlsx": Fact(
        question="price of SP-4217", words="87.25", place="River gauges"
    ),
    "heron-l3-release-notes.md": Fact(
        question="store and forward when the network is down", words="90 days", section="New"
    ),
    "reference-instruments.csv": Fact(question="REF-017 next calibration", words="2027-03-19"),
    "calibration-procedure.docx": Fact(
        question="How long is the gauge kept in hall 2?",
        words="at least four hours",
        section="1 Preparation",
    ),
    "supplier-review-hollis.html": Fact(
        question="lead time of Hollis Castings",
        words="six weeks",
        section="Delivery and quality",
    ),
    "safety-committee-2025-02.txt": Fact(
        question="assembly point for the Fenbridge building", words="boat yard"
    ),
    "site-guide-fenbridge.html": Fact(
        question="When is gate A open?", words="05:30 to 22:30", section="Getting in"
    ),
    "all-hands-spring-2025.pptx": Fact(
        question="When does the Heron L4 ship?", words="October 2025", place=3
    ),
    "salary-bands-2025.xlsx": Fact(question="salary band K5", words="83750", place="Bands"),
    "project-sandpiper.docx": Fact(
        question="positions that Project Sandpiper affects", words="14 positions"
    ),
    "headcount-plan-2025.csv": Fact(question="headcount of production", words="CC-110"),
    "budget-2025.xlsx": Fact(
        question="second coating line", words="INV-25-01", place="Investments"
    ),
    "loan-summary.pdf": Fact(
        question="net debt and EBITDA covenant", words="2.75 times EBITDA", place=1
    ),
    "results-q1-2025.pptx": Fact(
        question="revenue in the first quarter of 2025", words="EUR 10.9 million", place=2
    ),
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample document as the API shows it after its ingestion."""

    document: Document
    content: str
    original: bytes
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """All sample documents, and somebody who may read all of them."""

    reader: Person
    by_file: dict[str, Sample]


@pytest.fixture(scope="module")
async def samples(service: Service) -> Samples:
    reader = await service.person(await service.new_tenant(), "group:hr", "group:finance")
    found = await asyncio.gather(*(_ingest(reader, entry) for entry in ENTRIES.values()))
    return Samples(reader=reader, by_file=dict(zip(ENTRIES, found, strict=True)))


async def _ingest(reader: Person, entry: ManifestEntry) -> Sample:
    document_id = await reader.upload(
        document_path(entry).read_bytes(),
        entry.file,
        external_id=entry.external_id,
        principals=list(entry.principals),
    )
    path = f"/v1/documents/{document_id}"
    document, content, original, chunks = await asyncio.gather(
        reader.request("GET", path),
        reader.request("GET", f"{path}/content"),
        reader.request("GET", f"{path}/content", params={"original": "true"}),
        reader.request("GET", f"{path}/chunks", params={"limit": 200}),
    )
    return Sample(
        document=Document.model_validate(document.json()),
        content=content.text,
        original=original.content,
        chunks=tuple(Chunk.model_validate(chunk) for chunk in chunks.json()["data"]),
    )


def suffix(file: str) -> str:
    return file.rpartition(".")[2]


def test_the_samples_are_of_all_formats() -> None:
    assert {suffix(file) for file in ENTRIES} == set(MEDIA_TYPES)
    assert set(FACTS) == set(ENTRIES)


@pytest.mark.parametrize("file", ENTRIES)
def test_a_sample_is_ready_and_known_for_what_it_is(samples: Samples, file: str) -> None:
    document = samples.by_file[file].document

    assert (document.status, document.warnings, document.error) == ("ready", [], None)
    assert document.media_type == MEDIA_TYPES[suffix(file)]
    assert document.version == 1
    assert document.chunk_count == len(samples.by_file[file].chunks) > 0
    assert document.size_bytes == document_path(ENTRIES[file]).stat().st_size


@pytest.mark.parametrize("file", ENTRIES)
def test_a_chunk_is_its_place_in_the_content(samples: Samples, file: str) -> None:
    sample = samples.by_file[file]

    for chunk in sample.chunks:
        location = chunk.location
        assert sample.content[location.char_start : location.char_end] == chunk.text != ""
    assert [chunk.ordinal for chunk in sample.chunks] == list(range(len(sample.chunks)))
    for before, after in pairwise(sample.chunks):
        assert before.location.char_end <= after.location.char_start


@pytest.mark.parametrize("file", ENTRIES)
def test_a_chunk_says_where_it_stands(samples: Samples, file: str) -> None:
    chunks = samples.by_file[file].chunks

    for name in ("page", "slide", "sheet", "row"):
        has_place = [getattr(chunk.location, name) is not None for chunk in chunks]
        if name == PLACES.get(suffix(file)):
            assert all(has_place)
        elif (suffix(file), name) != ("xlsx", "row"):
            assert not any(has_place)
    if suffix(file) in WITH_SECTIONS:
        assert all(chunk.location.section for chunk in chunks)


@pytest.mark.parametrize("file", ENTRIES)
def test_the_uploaded_bytes_come_back(samples: Samples, file: str) -> None:
    assert samples.by_file[file].original == document_path(ENTRIES[file]).read_bytes()


@pytest.mark.parametrize("file", FACTS)
async def test_a_fact_is_found_where_it_stands(samples: Samples, file: str) -> None:
    fact = FACTS[file]

    response = await samples.reader.search(fact.question, top_k=5)

    hits = SearchResponse.model_validate(response.json()).data
    found = [
        hit
        for hit in hits
        if hit.document.external_id == ENTRIES[file].external_id
        and fact.words in " ".join(hit.text.split())
    ]
    assert found, [(hit.document.external_id, hit.text[:60]) for hit in hits]
    location = found[0].location
    if fact.place is not None:
        assert getattr(location, PLACES[suffix(file)]) == fact.place
    if fact.section is not None:
        assert location.section[-1] == fact.section
