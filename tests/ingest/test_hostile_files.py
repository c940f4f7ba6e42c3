"""Files that were made to hurt: each ends with a code, and nobody beside it pays."""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator

import pytest

from ingest.worker import run_job
from kb.errors import UnsupportedMediaType
from kb.media_types import sniff
from kb.settings import Settings
from kb.store.jobs import Job
from tests.footnote.own_database import OwnDatabase, own_database
from tests.footnote.stored import stored_document
from tests.ingest.files.hostile import (
    FILES,
    lying_docx,
    lying_odt,
    many_members,
)

MAX_GROWTH_BYTES = 500_000_000
"""Of the worker, over all files; each of them alone would take gigabytes."""

INNOCENT = b"# One\n\nThe first part.\n\n# Two\n\nThe second part.\n"

READ = {"wide.html", "list.eml", "words.eml", "far.xlsx"}
"""They are read after all, because our own readers have learned to."""

CODES = {"document_too_complex", "document_corrupt", "document_unreadable"}


@pytest.fixture(scope="module")
async def own(settings: Settings, database_url: str) -> AsyncIterator[OwnDatabase]:
    async with own_database(database_url, f"file://{settings.home_path}/hostile") as own:
        yield own


def peak_bytes() -> int:
    """The most memory this process has ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def run(own: OwnDatabase, job: Job | None) -> Job:
    """The job at its end, after one attempt."""
    assert job is not None
    await run_job(own.tools, own.tenant_id, job.id, is_last_attempt=False)
    return await own.job(job.id)


@pytest.mark.parametrize("name", FILES)
async def test_a_hostile_file_ends_with_a_code_at_its_first_try_and_alone(
    own: OwnDatabase, name: str
) -> None:
    content = FILES[name]()
    hostile = await own.upload(content, filename=name)
    innocents = [await own.upload(INNOCENT + b"%d" % number) for number in range(3)]
    before = peak_bytes()

    job, *others = await asyncio.gather(
        run(own, hostile.job), *(run(own, innocent.job) for innocent in innocents)
    )

    assert [(other.status, other.attempts) for other in others] == [("succeeded", 1)] * 3
    assert peak_bytes() - before < MAX_GROWTH_BYTES
    assert job.attempts == 1
    if name in READ:
        assert job.status == "succeeded"
        return
    assert job.error is not None
    assert job.error["code"] in CODES
    assert not job.error["retryable"]
    document = await stored_document(own.tools.database, own.tenant_id, str(hostile.document.id))
    assert (document.status, document.versions) == ("failed", [])


@pytest.mark.parametrize(
    ("content", "name"), [(lying_odt(), "a.odt"), (lying_docx(), "a.docx")], ids=["odt", "docx"]
)
def test_looking_at_an_archive_unpacks_next_to_nothing(content: bytes, name: str) -> None:
    before = peak_bytes()

    sniff(content, filename=name, declared=None)

    assert peak_bytes() - before < 10_000_000


def test_an_archive_of_a_million_files_is_refused_unread() -> None:
    with pytest.raises(UnsupportedMediaType, match="too many files"):
        sniff(many_members(), filename=None, declared=None)
