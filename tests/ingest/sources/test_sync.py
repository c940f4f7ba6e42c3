"""A source follows its files: new, changed, renamed, unchanged, gone."""

import os
from pathlib import Path

from tests.ingest.sources.library import Library


async def test_files_become_documents_and_stay_as_they_are(library: Library) -> None:
    library.write({"a.md": "Alpha is first.", "deep/b.md": "Beta is second."})
    await library.add()

    first = await library.sync_and_ingest()
    second = await library.sync()

    documents = await library.documents()
    assert (first.seen, first.new, first.unchanged, first.failed) == (2, 2, 0, 0)
    assert (second.seen, second.new, second.unchanged, second.changed) == (2, 0, 2, 0)
    assert {name: each.status for name, each in documents.items()} == {
        "a.md": "ready",
        "b.md": "ready",
    }
    assert documents["b.md"].fields.source_uri == (library.folder / "deep/b.md").as_uri()
    assert documents["a.md"].owned_by.name == "source:docs"


async def test_changed_bytes_make_a_version_and_a_new_date_alone_does_not(
    library: Library,
) -> None:
    library.write({"a.md": "Alpha is first.", "b.md": "Beta is second."})
    await library.add()
    await library.sync_and_ingest()
    library.write({"a.md": "Alpha is last now."})
    os.utime(library.folder / "b.md", (1, 1))

    report = await library.sync_and_ingest()
    again = await library.sync()

    documents = await library.documents()
    assert (report.changed, report.unchanged) == (1, 1)
    assert (documents["a.md"].version, documents["b.md"].version) == (2, 1)
    assert (await library.items())["b.md"].item.etag == "1000000000-15"
    assert again.unchanged == 2


async def test_a_moved_file_keeps_its_document(library: Library) -> None:
    library.write({"a.md": "Alpha is first.", "b.md": "Beta is second."})
    await library.add()
    await library.sync_and_ingest()
    before = (await library.documents())["a.md"]
    (library.folder / "sub").mkdir()
    (library.folder / "a.md").rename(library.folder / "sub" / "z.md")

    report = await library.sync()
    again = await library.sync()

    after = (await library.documents())["z.md"]
    assert (report.renamed, report.new, report.deleted, report.held) == (1, 0, 0, 0)
    assert (after.id, after.version, after.upload) == (before.id, 1, 1)
    assert after.fields.source_uri == (library.folder / "sub/z.md").as_uri()
    assert after.fields.external_id == before.fields.external_id
    assert again.unchanged == 2


async def test_a_moved_file_whose_new_name_says_another_type_is_read_as_that(
    library: Library,
) -> None:
    library.write({"pay.txt": "name,pay\nAna,5\nBen,6\n", "b.md": "Beta is second."})
    await library.add()
    await library.sync_and_ingest()
    before = (await library.documents())["pay.txt"]
    (library.folder / "pay.txt").rename(library.folder / "pay.csv")

    report = await library.sync_and_ingest()
    again = await library.sync()

    after = (await library.documents())["pay.csv"]
    assert (report.renamed, report.changed, report.deleted, report.held) == (1, 0, 0, 0)
    assert (after.id, after.version, after.content.media_type) == (before.id, 2, "text/csv")
    assert (await library.items())["pay.csv"].item.document_id == before.id
    assert again.unchanged == 2


async def test_a_moved_file_whose_new_name_says_no_type_that_is_read_stays_as_it_was(
    library: Library,
) -> None:
    library.write({"a.md": "Alpha is first.", "b.md": "Beta is second."})
    await library.add()
    await library.sync_and_ingest()
    before = (await library.documents())["a.md"]
    (library.folder / "a.md").rename(library.folder / "a.xml")

    report = await library.sync_and_ingest()
    again = await library.sync()

    after = (await library.documents())["a.xml"]
    assert (report.failed, report.renamed, report.deleted) == (1, 0, 0)
    assert (after.id, after.version) == (before.id, 1)
    assert (again.failed, again.unchanged) == (1, 1)
    (library.folder / "a.xml").rename(library.folder / "a.md")
    assert (await library.sync()).renamed == 1
    assert (await library.documents())["a.md"].id == before.id


async def test_documents_follow_a_source_whose_address_has_changed(
    library: Library, tmp_path: Path
) -> None:
    library.write({"a.md": "Alpha is first."})
    await library.add()
    await library.sync_and_ingest()
    library.folder.rename(tmp_path / "elsewhere")
    await library.change(uri=(tmp_path / "elsewhere").as_uri())

    report = await library.sync()

    (document,) = (await library.documents()).values()
    assert report.unchanged == 1
    assert document.fields.source_uri == (tmp_path / "elsewhere/a.md").as_uri()
    assert (document.version, document.upload) == (1, 1)


async def test_a_file_at_the_old_place_of_a_moved_one_is_another_document(
    library: Library,
) -> None:
    library.write({"a.md": "Alpha is first."})
    await library.add()
    await library.sync_and_ingest()
    before = (await library.documents())["a.md"].id
    (library.folder / "a.md").rename(library.folder / "z.md")
    await library.sync()
    library.write({"a.md": "Something else."})

    report = await library.sync()

    documents = await library.documents()
    assert (report.new, report.unchanged) == (1, 1)
    assert documents["z.md"].id == before
    assert documents["a.md"].id != before


async def test_a_vanished_file_takes_its_document_along(library: Library) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(6)})
    await library.add()
    await library.sync_and_ingest()
    (library.folder / "3.md").unlink()

    report = await library.sync()
    again = await library.sync()

    assert (report.seen, report.unchanged, report.deleted, report.held) == (5, 5, 1, 0)
    assert "3.md" not in await library.documents()
    tombstone = (await library.items())["3.md"].item
    assert (tombstone.state, tombstone.content_sha256) == ("deleted", None)
    assert (again.deleted, again.unchanged) == (0, 5)


async def test_a_file_that_comes_back_is_a_new_document(library: Library) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(6)})
    await library.add()
    await library.sync_and_ingest()
    before = (await library.documents())["3.md"]
    (library.folder / "3.md").unlink()
    await library.sync()
    library.write({"3.md": "Note number 3."})

    report = await library.sync()

    after = (await library.documents())["3.md"]
    assert report.new == 1
    assert after.id != before.id
    assert after.fields.external_id != before.fields.external_id


async def test_a_document_that_somebody_deleted_stays_deleted_until_its_file_changes(
    library: Library,
) -> None:
    library.write({"a.md": "Alpha is first."})
    await library.add()
    await library.sync_and_ingest()
    await library.delete((await library.documents())["a.md"])

    os.utime(library.folder / "a.md", (1, 1))
    unchanged = await library.sync()
    library.write({"a.md": "Alpha is new."})
    changed = await library.sync()

    assert (unchanged.unchanged, unchanged.new) == (1, 0)
    assert (changed.changed, changed.new) == (1, 0)
    assert "a.md" in await library.documents()


async def test_a_document_that_somebody_deleted_stays_deleted_when_its_file_is_moved(
    library: Library,
) -> None:
    library.write({"a.md": "Alpha is first.", "b.md": "Beta is second."})
    await library.add()
    await library.sync_and_ingest()
    await library.delete((await library.documents())["a.md"])
    (library.folder / "a.md").rename(library.folder / "z.md")

    moved = await library.sync()
    again = await library.sync()
    library.write({"z.md": "Alpha is new."})
    changed = await library.sync()

    assert (moved.renamed, moved.new, again.unchanged) == (1, 0, 2)
    assert (changed.changed, changed.new) == (1, 0)
    assert set(await library.documents()) == {"b.md", "z.md"}


async def test_what_cannot_be_read_is_reported_and_not_read_again(library: Library) -> None:
    library.write({"empty.md": "", "large.md": "x" * 20_000, "odd.bin": b"\x00\x01\x02\xff" * 50})
    await library.add()

    first = await library.sync()
    again = await library.sync()

    codes = {failure["item"]: failure["code"] for failure in first.failures}
    assert codes == {
        "empty.md": "document_empty",
        "large.md": "upload_too_large",
        "odd.bin": "unsupported_media_type",
    }
    assert again.failures == first.failures
    assert (first.failed, again.failed, again.unchanged) == (3, 3, 0)
    assert await library.documents() == {}


async def test_patterns_choose_the_files(library: Library) -> None:
    library.write({"a.md": "A.", "b.txt": "B.", "old/c.md": "C.", ".hidden.md": "D."})
    await library.add(include=("*.md",), exclude=("old/",))

    report = await library.sync()

    assert report.seen == 1
    assert set(await library.documents()) == {"a.md"}
