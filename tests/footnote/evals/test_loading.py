"""A data set becomes a tenant, once."""

from pathlib import Path
from uuid import uuid4

from footnote.evals.datasets import Dataset
from footnote.evals.loading import LoadedDataset, load, tenant_name
from ingest.ingestion import Ingestion
from kb.store.documents import Listing, list_documents
from kb.store.uploads import Uploads
from tests.footnote.evals.small_set import CORPUS, write_small_set


async def load_small(
    tools: Ingestion, folder: Path, progress: list[tuple[int, int]]
) -> LoadedDataset:
    """What loading the folder gave; appends what it said of its progress."""
    return await load(
        Dataset(name="small", folder=folder),
        tools,
        Uploads(database=tools.database, files=tools.files, max_bytes=10**6),
        concurrency=2,
        on_progress=lambda done, total: progress.append((done, total)),
    )


def corpus_of_its_own() -> list[dict[str, object]]:
    """A set that no other test has loaded."""
    return [*CORPUS, {"doc_id": "own", "title": "Own", "text": f"Only here: {uuid4()}."}]


async def test_every_document_can_be_found_under_its_id(
    ingestion: Ingestion, tmp_path: Path
) -> None:
    folder = write_small_set(tmp_path, corpus_of_its_own())
    progress: list[tuple[int, int]] = []

    loaded = await load_small(ingestion, folder, progress)

    assert (loaded.documents, loaded.unread_documents) == (5, 0)
    assert loaded.seconds is not None
    assert progress == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    async with ingestion.database.tenant(loaded.tenant_id, viewer=None) as scope:
        documents = await list_documents(scope, Listing(), after=None, limit=10)
    stored = {each.fields.external_id: each for each in documents}
    assert set(stored) == {"loans.md", "fines", "hours", "cats", "own"}
    assert stored["loans.md"].content.media_type == "text/markdown"
    assert stored["loans.md"].fields.title == "Loans"
    assert stored["cats"].fields.title is None


async def test_what_is_complete_is_used_again(ingestion: Ingestion, tmp_path: Path) -> None:
    folder = write_small_set(tmp_path, corpus_of_its_own())
    first = await load_small(ingestion, folder, [])
    progress: list[tuple[int, int]] = []

    again = await load_small(ingestion, folder, progress)

    assert again.tenant_id == first.tenant_id
    assert again.seconds is None
    assert progress == []


async def test_what_cannot_be_read_is_counted(ingestion: Ingestion, tmp_path: Path) -> None:
    corpus = [*corpus_of_its_own(), {"doc_id": "empty", "title": "Empty", "text": ""}]
    folder = write_small_set(tmp_path, corpus)

    loaded = await load_small(ingestion, folder, [])

    assert (loaded.documents, loaded.unread_documents) == (5, 1)


def test_other_documents_get_another_tenant(ingestion: Ingestion, tmp_path: Path) -> None:
    dataset = Dataset(name="small", folder=write_small_set(tmp_path))
    before = tenant_name(dataset, ingestion.space)

    write_small_set(tmp_path, CORPUS[:2])

    assert before.startswith("evaluation small ")
    assert tenant_name(dataset, ingestion.space) != before
