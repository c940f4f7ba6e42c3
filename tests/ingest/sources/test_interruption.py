"""A run that is cut off anywhere and begun again; one that was taken for dead; what a run costs."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from sqlalchemy import event
from typing_extensions import override

from ingest.sources.files import SourceFile
from ingest.sources.intake import Intake
from ingest.sources.local_folder import LocalFolder
from ingest.sources.run import READ_AT_ONCE, Place
from ingest.sources.sync import remove_with_documents
from kb.errors import FileStoreUnavailable, SourceBusy
from kb.ids import new_uuid
from kb.store.source_items import Item
from kb.store.source_runs import RUN_LEASE, begin_source_run, end_source_run
from kb.store.uploads import Uploads
from tests.ingest.sources.library import Library

P = ParamSpec("P")
Result = TypeVar("Result")


class Cut(Exception):
    """The process ends here."""


@contextmanager
def counted_statements(library: Library) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    statements: list[str] = []
    engine = library.own.tools.database.engine.sync_engine

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("reads", [0, 1, 3, 5])
async def test_a_run_that_is_cut_off_while_it_reads_is_made_good(
    library: Library, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(6)})
    await library.add()
    read, done = Place.read, 0

    async def cut(self: Place, file: SourceFile) -> bytes:
        nonlocal done
        done += 1
        if done > reads:
            raise Cut
        return await read(self, file)

    with monkeypatch.context() as patch:
        patch.setattr(Place, "read", cut)
        with pytest.raises(Cut):
            await library.sync()
    report = await library.sync()
    again = await library.sync()

    assert report.failed == 0
    assert report.unchanged + report.new == 6
    assert (again.unchanged, again.new) == (6, 0)
    documents = (await library.documents()).values()
    assert len({each.fields.external_id for each in documents}) == len(documents) == 6


async def cut_off_behind_an_upload(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that uploads and ends before it writes down what."""

    async def forget(self: Intake, *items: Item, at_least: int = 0) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(Intake, "_write_down", forget)
        with pytest.raises(Cut):
            await library.sync()


async def test_uploads_that_were_not_written_down_are_found_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(6)})
    await library.add()
    await cut_off_behind_an_upload(library, monkeypatch)
    uploaded = await library.documents()
    library.write({"0.md": "Changed since."})
    report = await library.sync()

    documents = await library.documents()
    assert uploaded
    assert len(documents) == 6
    assert report.failed == 0
    assert {name: documents[name].id for name in uploaded} == {
        name: each.id for name, each in uploaded.items()
    }


async def test_an_upload_that_nobody_wrote_down_goes_when_its_file_is_gone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(9)})
    await library.add(max_vanish_share=1.0)
    await library.sync()
    library.write({"late.md": "Late."})
    await cut_off_behind_an_upload(library, monkeypatch)
    assert "late.md" in await library.documents()
    (library.folder / "late.md").unlink()

    report = await library.sync()

    assert report.deleted == 1
    assert "late.md" not in await library.documents()


async def test_an_outage_of_the_file_store_ends_the_run_and_deletes_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(10)})
    await library.add()
    await library.sync()
    (library.folder / "0.md").unlink()
    library.write({"1.md": "Changed."})

    async def refuse(*arguments: object, **named: object) -> None:
        raise FileStoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(Uploads, "accept", refuse)
        with pytest.raises(FileStoreUnavailable):
            await library.sync()
    before = len(await library.documents())
    report = await library.sync()

    assert before == 10
    assert (report.changed, report.deleted) == (1, 1)


async def test_a_run_that_was_taken_for_dead_writes_nothing_when_it_wakes(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write({"a.md": "Old bytes."})
    source = await library.add()
    is_reading, may_go_on = asyncio.Event(), asyncio.Event()
    read = Place.read

    async def sleep(self: Place, file: SourceFile) -> bytes:
        content = await read(self, file)
        is_reading.set()
        await may_go_on.wait()
        return content

    with monkeypatch.context() as patch:
        patch.setattr(Place, "read", sleep)
        sleeper = asyncio.create_task(library.sync())
        await is_reading.wait()
    library.clock[0] += RUN_LEASE
    library.write({"a.md": "New bytes, longer."})
    report = await library.sync()
    before = await library.documents()
    successor = new_uuid()
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        await begin_source_run(scope, "docs", successor, now=library.clock[0])
    may_go_on.set()
    with pytest.raises(SourceBusy):
        await sleeper

    assert report.new == 1 or report.changed == 1
    assert await library.documents() == before
    async with library.own.tools.database.tenant(library.own.tenant_id, viewer=None) as scope:
        await end_source_run(scope, source.id, successor)
    assert (await library.sync()).unchanged == 1


async def test_nothing_changed_costs_as_many_statements_for_many_files_as_for_few(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write({f"{number}.md": f"Note number {number}." for number in range(5)})
    library.write({".footnote-rules.toml": '[[rules]]\npattern="1*"\nprincipals=["group:a"]'})
    await library.add()
    await library.sync()
    with counted_statements(library) as for_few:
        await library.sync()
    library.write({f"{number}.md": f"Note number {number}." for number in range(60)})
    await library.sync()
    read_paths: list[str] = []
    read = Place.read

    async def note(self: Place, file: SourceFile) -> bytes:
        read_paths.append(file.id)
        return await read(self, file)

    monkeypatch.setattr(Place, "read", note)

    with counted_statements(library) as for_many:
        report = await library.sync()

    assert report.unchanged == 60
    assert read_paths == [".footnote-rules.toml"]
    assert len(for_many) == len(for_few) < 30


@pytest.mark.parametrize("becomes", ["unreadable", "gone"])
async def test_an_upload_that_nobody_wrote_down_loses_its_readers_before_anything_is_read(
    library: Library, monkeypatch: pytest.MonkeyPatch, becomes: str
) -> None:
    library.write({"a.md": "The pay of Ana."})
    await library.add()
    await cut_off_behind_an_upload(library, monkeypatch)
    assert await library.readers() == {"a.md": ("tenant:*",)}
    await library.change(principals=("group:hr",))
    if becomes == "gone":
        (library.folder / "a.md").unlink()

    async def refuse(self: Place, file: SourceFile) -> bytes:
        raise OSError("The disk is broken.")

    monkeypatch.setattr(Place, "read", refuse)
    await library.sync()

    assert await library.readers() == {"a.md": ("group:hr",)}


async def test_an_upload_that_nobody_wrote_down_goes_with_its_source(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write({"a.md": "The pay of Ana."})
    await library.add()
    await cut_off_behind_an_upload(library, monkeypatch)
    assert await library.readers() == {"a.md": ("tenant:*",)}

    await remove_with_documents(library.tools, library.own.tenant_id, "docs")

    assert await library.documents() == {}


class WatchedThreads(ThreadPoolExecutor):
    """Knows the most that was ever asked of it at once, which is what its time is shared by."""

    most = 0
    asked = 0

    @override
    def submit(
        self, work: Callable[P, Result], /, *arguments: P.args, **named: P.kwargs
    ) -> Future[Result]:
        self.asked += 1
        self.most = max(self.most, self.asked)
        future = super().submit(work, *arguments, **named)
        future.add_done_callback(self._answer)
        return future

    def _answer(self, _: object) -> None:
        self.asked -= 1


async def test_the_time_of_a_reading_does_not_run_while_it_waits_for_others(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.md").write_text("A.")
    with (
        closing(LocalFolder(tmp_path, within=None, max_bytes=10)) as folder,
        WatchedThreads(READ_AT_ONCE) as threads,
    ):
        place = Place(folder, threads)
        (file,) = await place.files()

        await asyncio.gather(*(place.read(file) for _ in range(100)))

    assert threads.most <= READ_AT_ONCE
