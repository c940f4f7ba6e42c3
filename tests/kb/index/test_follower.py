"""The lexical index follows Postgres; what it has not taken up yet never shows in a search."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from kb.errors import IndexNotReady
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.lexical_indexes import MAX_FRESH_CHUNKS, WRITER_POLL_SECONDS, LexicalIndexes
from kb.index.lexical.view import LexicalQuery
from kb.postgres.database import Viewer
from kb.settings import Settings
from kb.store.chunks import IndexedChunk, read_passages
from tests.service import Person, Service
from tests.tenancy.library import ALL, ANA, HR, Library, publish_at_once

MODES = ("hybrid", "lexical", "vector")
KILLED_WHILE_WRITING = """
import sys, threading
from pathlib import Path
from uuid import UUID
from kb.index.lexical.index import TenantIndex
from kb.store.chunks import IndexedChunk

def chunks():
    for number in range(1, 5000):
        yield IndexedChunk(chunk_id=number, document_id=UUID(int=number),
                           principals=("tenant:*",), text="half written lantern", language=None)
    print("writing", flush=True)
    threading.Event().wait()

index = TenantIndex(Path(sys.argv[1]))
index.apply(since=0, generation=10**6, replaced_documents=[], chunks=chunks())
"""


@pytest.fixture
async def library(service: Service, settings: Settings) -> Library:
    tenant_id = await service.new_tenant()
    return Library(
        service=service,
        ana=await service.person(tenant_id, ANA),
        folder=settings.home_path / "lexical" / str(tenant_id),
    )


@contextmanager
def another_writer(folder: Path) -> Iterator[None]:
    """As long as this runs, somebody else has the index's writing lock."""
    with TenantIndex(folder)._writing():
        yield


async def test_an_index_whose_folder_is_deleted_is_built_again(library: Library) -> None:
    document_id = await library.ana.upload("The lantern is green.")
    assert await library.found("lantern") == {document_id}

    shutil.rmtree(library.folder)

    assert await library.found("lantern") == {document_id}
    assert library.index_generation() == await library.generation()


async def test_a_folder_that_is_deleted_amid_changes_is_built_as_things_are(
    library: Library,
) -> None:
    gone = await library.ana.upload("The lantern is green.")
    kept = await library.ana.upload("The lantern is red.")
    assert await library.found("lantern") == {gone, kept}

    shutil.rmtree(library.folder)
    await library.ana.request("DELETE", f"/v1/documents/{gone}")
    new = await library.ana.upload("The lantern is blue.")

    assert await library.found("lantern") == {kept, new}


async def test_what_was_published_before_a_crash_is_found_and_what_it_replaced_is_not(
    library: Library,
) -> None:
    document_id = await library.ana.upload("The lantern is green.", external_id="a")
    assert await library.found("lantern") == {document_id}
    indexed = library.index_generation()

    await library.ana.upload("The teapot is green.", external_id="a")

    # Nobody has taken the change up: the index on disk still has the lantern.
    assert library.index_generation() == indexed < await library.generation()
    assert await library.found("lantern") == set()
    assert await library.found("teapot") == {document_id}
    assert library.index_generation() == indexed


async def test_an_index_that_cannot_be_written_does_not_make_a_search_wrong(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await library.ana.upload("The lantern is green.", external_id="a")
    assert await library.found("lantern") == {document_id}
    await library.ana.upload("The teapot is green.", external_id="a")

    def crash(*_: object, **__: object) -> None:
        raise IndexNotReady

    monkeypatch.setattr(TenantIndex, "apply", crash)

    with pytest.raises(IndexNotReady):
        await library.lexical.catch_up(library.ana.tenant_id)

    assert await library.found("lantern") == set()
    assert await library.found("teapot") == {document_id}
    monkeypatch.undo()
    assert await library.lexical.catch_up(library.ana.tenant_id) == await library.generation()
    assert await library.found("teapot") == {document_id}


async def test_a_process_killed_while_it_writes_leaves_a_usable_index(library: Library) -> None:
    document_id = await library.ana.upload("The lantern is green.")
    assert await library.found("lantern") == {document_id}
    writing = [sys.executable, "-c", KILLED_WHILE_WRITING, str(library.folder)]
    with subprocess.Popen(writing, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603, ASYNC220  # our own command
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "writing\n"
        second = await library.ana.upload("The lantern is red.")

        assert await library.found("lantern") == {document_id, second}
        process.kill()

    assert await library.found("lantern") == {document_id, second}
    assert await library.lexical.catch_up(library.ana.tenant_id) == await library.generation()
    assert await library.found("lantern") == {document_id, second}
    assert library.index_generation() == await library.generation()


@pytest.mark.parametrize("mode", MODES)
async def test_a_deleted_document_is_gone_from_the_next_search(library: Library, mode: str) -> None:
    kept = await library.ana.upload("The lantern is green.")
    gone = await library.ana.upload("The lantern is red.")
    assert await library.found("lantern", mode) == {kept, gone}

    await library.ana.request("DELETE", f"/v1/documents/{gone}")

    assert await library.found("lantern", mode) == {kept}


@pytest.mark.parametrize("mode", MODES)
async def test_new_readers_find_a_document_and_former_ones_do_not(
    library: Library, mode: str
) -> None:
    hr = await library.service.person(library.ana.tenant_id, HR)
    document_id = await hr.upload("The lantern is green.", principals=[ANA, HR])
    assert await library.found("lantern", mode) == {document_id}
    path = f"/v1/documents/{document_id}"

    await hr.request("PATCH", path, json={"principals": [HR]})

    assert await library.found("lantern", mode) == set()
    found = (await hr.search("lantern", mode=mode)).json()["data"]
    assert [hit["document"]["id"] for hit in found] == [document_id]
    await hr.request("PATCH", path, json={"principals": [ANA]})
    assert await library.found("lantern", mode) == {document_id}
    assert (await hr.search("lantern", mode=mode)).json()["data"] == []


@pytest.mark.parametrize("mode", MODES)
async def test_the_next_search_reads_what_was_uploaded_again(library: Library, mode: str) -> None:
    await library.ana.upload("The lantern is green.", external_id="a")
    assert await library.found("lantern", mode)

    await library.ana.upload("The lantern is violet.", external_id="a")

    hits = (await library.ana.search("lantern violet", mode=mode)).json()["data"]
    assert [(hit["text"], hit["document"]["version"]) for hit in hits] == [
        ("The lantern is violet.", 2)
    ]


async def test_the_next_answer_knows_of_every_change(library: Library) -> None:
    hr = await library.service.person(library.ana.tenant_id, HR)
    document_id = await hr.upload("The lantern is green.", external_id="a", principals=[ANA])
    question = "Which colour is the lantern?"
    assert (await quoted(library.ana, question)) == ["The lantern is green."]

    await hr.upload("The lantern is violet.", external_id="a", principals=[ANA])
    assert (await quoted(library.ana, question)) == ["The lantern is violet."]

    await hr.request("PATCH", f"/v1/documents/{document_id}", json={"principals": [HR]})
    assert (await quoted(library.ana, question)) == []
    assert (await quoted(hr, question)) == ["The lantern is violet."]

    await hr.request("DELETE", f"/v1/documents/{document_id}")
    assert (await quoted(hr, question)) == []


async def quoted(person: Person, question: str) -> list[str]:
    answer = (await person.ask(question)).json()
    return [citation["quote"] for citation in answer["citations"]]


@pytest.mark.parametrize(
    ("chunk_count", "is_caught_up"),
    [(MAX_FRESH_CHUNKS, False), (MAX_FRESH_CHUNKS + 1, True), (MAX_FRESH_CHUNKS + 50, True)],
)
async def test_few_fresh_chunks_are_scored_as_they_are_and_many_are_indexed_first(
    library: Library, chunk_count: int, *, is_caught_up: bool
) -> None:
    first = await library.ana.upload("The lantern is green.")
    assert await library.found("lantern") == {first}
    indexed = library.index_generation()

    second = await publish_at_once(library, [f"lantern {number}" for number in range(chunk_count)])

    # The document of one sentence is longer than those of two words, and still found.
    assert await library.found(f"green {chunk_count - 1}") == {first, second}
    expected = await library.generation() if is_caught_up else indexed
    assert library.index_generation() == expected


async def test_fresh_chunks_score_as_they_will_in_the_index(library: Library) -> None:
    await publish_at_once(library, [f"lantern {'word ' * n}" for n in range(1, 30)])
    assert await library.search_with(library.lexical, "lantern")
    await publish_at_once(library, ["lantern lantern", "lantern and a few more words"])

    fresh = await library.search_with(library.lexical, "lantern")

    await library.lexical.catch_up(library.ana.tenant_id)
    settled = await library.search_with(library.lexical, "lantern")
    assert [hit.chunk_id for hit in fresh] == [hit.chunk_id for hit in settled]
    # Two chunks more among thirty: idf and the average length move a little.
    ratios = [one.score / other.score for one, other in zip(fresh, settled, strict=True)]
    assert 0.9 < min(ratios) <= max(ratios) < 1.1


async def test_many_fresh_chunks_of_others_do_not_delay_a_search(library: Library) -> None:
    mine = await library.ana.upload("The lantern is green.")
    assert await library.found("lantern") == {mine}
    indexed = library.index_generation()

    await publish_at_once(library, ["lantern"] * (MAX_FRESH_CHUNKS + 1), principals=(HR,))

    assert await library.found("lantern") == {mine}
    assert library.index_generation() == indexed


async def test_an_index_ahead_of_a_restored_database_is_built_again(library: Library) -> None:
    document_id = await library.ana.upload("The lantern is green.")
    assert await library.found("lantern") == {document_id}
    lost = IndexedChunk(
        chunk_id=2**60, document_id=uuid4(), principals=(ALL,), text="lantern", language=None
    )
    generation = await library.generation()
    TenantIndex(library.folder).rebuild(generation=generation + 7, chunks=[lost])

    assert await library.found("lantern") == {document_id}

    assert library.index_generation() == generation
    hits = await library.search_with(library.lexical, "lantern")
    assert 2**60 not in {hit.chunk_id for hit in hits}


async def test_two_processes_with_one_folder_see_each_others_work(library: Library) -> None:
    database = library.service.resources.database
    one = LexicalIndexes(database, library.folder.parent)
    other = LexicalIndexes(database, library.folder.parent)
    tenant_id = library.ana.tenant_id
    await publish_at_once(library, ["lantern one"])
    await library.search_with(one, "lantern")

    assert len(await library.search_with(other, "lantern")) == 1
    await publish_at_once(library, ["lantern two"])
    assert await one.catch_up(tenant_id) == await library.generation()
    assert len(await library.search_with(other, "lantern")) == 2
    shutil.rmtree(library.folder)
    assert len(await library.search_with(other, "lantern")) == 2
    assert len(await library.search_with(one, "lantern")) == 2
    assert await one.catch_up(tenant_id) == await library.generation()


async def test_two_processes_that_start_together_both_answer(library: Library) -> None:
    database = library.service.resources.database
    await publish_at_once(library, [f"lantern {number}" for number in range(200)])

    found = await asyncio.gather(
        *(
            library.search_with(LexicalIndexes(database, library.folder.parent), "lantern")
            for _ in range(4)
        )
    )

    assert [len(hits) for hits in found] == [50] * 4


async def test_a_search_waits_for_another_process_that_builds_the_index(library: Library) -> None:
    document_id = await library.ana.upload("The lantern is green.")

    with another_writer(library.folder):
        searching = asyncio.create_task(library.found("lantern"))
        done, _ = await asyncio.wait([searching], timeout=2 * WRITER_POLL_SECONDS)
        assert not done

    assert await searching == {document_id}


async def test_a_search_does_not_wait_for_ever(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.index.lexical.lexical_indexes.WRITER_PATIENCE_SECONDS", 0)
    document_id = await library.ana.upload("The lantern is green.")

    with another_writer(library.folder):
        response = await library.ana.search("lantern", mode="lexical")
        found = (await library.ana.search("lantern", mode="hybrid", explain=True)).json()

    assert (response.status_code, response.json()["code"]) == (503, "index_not_ready")
    assert "retry-after" in response.headers
    assert [hit["document"]["id"] for hit in found["data"]] == [document_id]
    assert found["explanation"]["missing"] == ["lexical"]


async def test_catching_up_all_leaves_the_busy_ones_to_their_writer(library: Library) -> None:
    document_id = await library.ana.upload("The lantern is green.")
    assert await library.found("lantern") == {document_id}
    await library.ana.upload("The lantern is red.")
    indexed = library.index_generation()

    with another_writer(library.folder):
        await library.lexical.catch_up_open()
        assert library.index_generation() == indexed

    await library.lexical.catch_up_open()
    assert library.index_generation() == await library.generation()


async def test_who_saw_everything_does_not_see_what_the_index_has_taken_up_since(
    library: Library,
) -> None:
    await library.ana.upload("The lantern is green.")
    seen = await library.generation()
    await publish_at_once(library, ["lantern " * 9], principals=(HR,))
    await library.lexical.catch_up(library.ana.tenant_id)
    query = LexicalQuery(
        terms=["lantern"],
        limit=1,
        document_ids=None,
        excluded_document_ids=(),
    )

    database = library.service.resources.database
    viewer = Viewer(principals=(ANA, ALL))
    async with database.tenant(library.ana.tenant_id, viewer=viewer) as scope:
        view = await library.lexical.view(scope, generation=seen)
        found = await view.search(query)
        passages = await read_passages(scope, [hit.chunk_id for hit in found.hits])

    assert [passage.text for passage in passages.values()] == ["The lantern is green."]


async def test_a_word_of_deleted_documents_is_not_rarer_than_none(library: Library) -> None:
    document_ids = [await library.ana.upload(f"The lantern {n} is green.") for n in range(4)]
    await library.lexical.catch_up(library.ana.tenant_id)
    for document_id in document_ids[1:]:
        await library.ana.request("DELETE", f"/v1/documents/{document_id}")
    await library.lexical.catch_up(library.ana.tenant_id)

    query = LexicalQuery(
        terms=["lantern", "teapot"], limit=1, document_ids=None, excluded_document_ids=()
    )
    database = library.service.resources.database
    viewer = Viewer(principals=(ANA, ALL))
    async with database.tenant(library.ana.tenant_id, viewer=viewer) as scope:
        view = await library.lexical.view(scope, generation=await library.generation())
        found = await view.search(query)

    # N = n = 1: ln(1 + .5 / 1.5).
    assert found.idf_by_term == {"lantern": pytest.approx(0.287682)}
