"""What is gone: deleted in small numbers, held in large ones, confirmed exactly as it was held."""

import shutil
import zipfile
from pathlib import Path

import pytest

from ingest.sources.sync import remove_with_documents
from kb.errors import SourceBusy, SourceNotFound, SourceUnavailable
from kb.ids import new_uuid
from kb.store.source_items import confirm_held_items
from kb.store.source_runs import RUN_LEASE, begin_source_run
from tests.ingest.sources.library import NOW, Library


async def ten_files(library: Library) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(10)})
    await library.add()
    await library.sync()


def remove(library: Library, *numbers: int) -> None:
    for number in numbers:
        (library.folder / f"{number}.md").unlink()


async def confirm(library: Library) -> int:
    source = await library.source()
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        return await confirm_held_items(scope, source.id, now=NOW)


async def test_a_fifth_is_deleted_and_more_is_held(library: Library) -> None:
    await ten_files(library)
    remove(library, 0, 1)
    fifth = await library.sync()
    remove(library, 2, 3)

    quarter = await library.sync()

    assert (fifth.deleted, fifth.held) == (2, 0)
    assert (quarter.deleted, quarter.held) == (0, 2)
    assert quarter.held_source == {
        "name": "docs",
        "listed": 6,
        "known": 8,
        "reason": "2 of 8 files are gone, which is more than 20%.",
    }
    assert (await library.source()).held == quarter.held_source
    assert len(await library.documents()) == 8


async def test_a_source_that_lists_nothing_is_held_whatever_its_share(library: Library) -> None:
    library.write({"a.md": "A."})
    await library.add(max_vanish_share=1.0)
    await library.sync()
    (library.folder / "a.md").unlink()

    report = await library.sync()
    again = await library.sync()

    assert (report.seen, report.deleted, report.held) == (0, 0, 1)
    assert (again.deleted, again.held) == (0, 1)
    assert len(await library.documents()) == 1


async def test_a_folder_that_is_gone_is_no_empty_listing(library: Library) -> None:
    await ten_files(library)
    shutil.rmtree(library.folder)

    with pytest.raises(SourceUnavailable):
        await library.sync()

    assert len(await library.documents()) == 10
    assert {each.item.state for each in (await library.items()).values()} == {"present"}


async def test_an_archive_that_its_library_stumbles_over_is_no_empty_listing(
    library: Library, tmp_path: Path
) -> None:
    place = tmp_path / "docs.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("a.md", "A.")
    await library.add(f"zip+{place.as_uri()}")
    await library.sync()
    content = bytearray(place.read_bytes())
    lengths = content.rindex(b"PK\x01\x02") + 28
    # The member has no name, and what was its name is a comment on it.
    content[lengths : lengths + 6] = bytes((0, 0, 0, 0, 4, 0))
    place.write_bytes(content)

    with pytest.raises(SourceUnavailable, match="not known"):
        await library.sync()

    run = (await library.source()).last_run
    assert run is not None
    assert (run["status"], len(await library.documents())) == ("failed", 1)


async def test_what_was_held_stays_held_though_the_share_is_small_by_now(
    library: Library,
) -> None:
    await ten_files(library)
    remove(library, 0, 1, 2)
    await library.sync()
    library.write({f"more{number}.md": f"More {number}." for number in range(20)})
    await library.sync()
    remove(library, 3)

    report = await library.sync()

    assert (report.deleted, report.held) == (1, 3)
    assert len(await library.documents()) == 29


async def test_a_confirmation_deletes_what_was_held_then_and_nothing_else(
    library: Library,
) -> None:
    await ten_files(library)
    remove(library, 0, 1, 2)
    await library.sync()
    library.write({"1.md": "Note number 1."})
    remove(library, 3, 4, 5, 6, 7)

    confirmed = await confirm(library)
    report = await library.sync()

    assert confirmed == 3
    assert (report.deleted, report.held) == (2, 5)
    assert set(await library.documents()) == {f"{number}.md" for number in range(10)} - {
        "0.md",
        "2.md",
    }


async def test_a_confirmation_does_nothing_when_everything_is_back(library: Library) -> None:
    await ten_files(library)
    remove(library, 0, 1, 2)
    await library.sync()
    library.write({f"{number}.md": f"Note number {number}." for number in range(3)})
    await confirm(library)

    report = await library.sync()
    remove(library, 0, 1, 2)
    later = await library.sync()

    assert (report.deleted, report.held, report.unchanged) == (0, 0, 10)
    assert (await library.documents()).keys() == {f"{number}.md" for number in range(10)}
    assert (later.deleted, later.held) == (0, 3)


async def test_a_confirmation_waits_for_a_listing_that_succeeds(library: Library) -> None:
    await ten_files(library)
    remove(library, 0, 1, 2)
    await library.sync()
    await confirm(library)
    aside = library.folder.with_name("aside")
    library.folder.rename(aside)

    with pytest.raises(SourceUnavailable):
        await library.sync()
    before = len(await library.documents())
    aside.rename(library.folder)
    report = await library.sync()

    assert before == 10
    assert report.deleted == 3


async def test_a_moved_folder_is_no_loss(library: Library) -> None:
    library.write({f"old/{number}.md": f"Note number {number}." for number in range(10)})
    await library.add()
    await library.sync()
    before = {name: each.id for name, each in (await library.documents()).items()}
    (library.folder / "old").rename(library.folder / "new")

    report = await library.sync()

    assert (report.renamed, report.deleted, report.held, report.new) == (10, 0, 0, 0)
    assert {name: each.id for name, each in (await library.documents()).items()} == before


async def test_equal_files_that_move_keep_as_many_documents_as_there_are(
    library: Library,
) -> None:
    library.write({"a.md": "The same.", "b.md": "The same.", "keep.md": "Another."})
    await library.add(max_vanish_share=1.0)
    await library.sync()
    (library.folder / "a.md").rename(library.folder / "c.md")
    (library.folder / "b.md").unlink()

    report = await library.sync()

    assert (report.renamed, report.deleted) == (1, 1)
    assert set(await library.documents()) == {"c.md", "keep.md"}


async def test_one_run_at_a_time_and_a_dead_one_is_taken_over(library: Library) -> None:
    await ten_files(library)
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        await begin_source_run(scope, "docs", new_uuid(), now=NOW)

    with pytest.raises(SourceBusy):
        await library.sync()
    library.clock[0] = NOW + RUN_LEASE
    report = await library.sync()

    assert report.unchanged == 10


async def test_a_removed_source_takes_its_documents_along_when_told_to(library: Library) -> None:
    await ten_files(library)
    await library.own.upload(b"Somebody else wrote this.")

    deleted = await remove_with_documents(library.tools, library.own.tenant_id, "docs")

    assert deleted == 10
    assert set(await library.documents()) == {"note.md"}
    with pytest.raises(SourceNotFound):
        await library.source()


async def test_a_removal_that_waited_leaves_another_source_of_the_name_alone(
    library: Library,
) -> None:
    library.write({"a.md": "Alpha is first."})
    former = await library.add()
    await library.remove()
    await library.add()
    await library.sync_and_ingest()

    with pytest.raises(SourceNotFound):
        await remove_with_documents(
            library.tools, library.own.tenant_id, "docs", source_id=str(former.id)
        )

    assert set(await library.documents()) == {"a.md"}
    assert (await library.source()).id != former.id
