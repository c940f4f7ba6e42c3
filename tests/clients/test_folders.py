"""Folders: what is uploaded of them, and what one bad file does to the others."""

import os
from pathlib import Path

import pytest

from footnote_client import FolderProgress
from footnote_client.contract import FileFields
from footnote_client.errors import ConnectionFailed, DocumentEmpty, UnsupportedMediaType
from footnote_client.folders import find_files
from tests.clients.conftest import Connect, new_person, url_of
from tests.clients.test_retries import ACCEPTED
from tests.fakes.scripted_service import CUT, Reply, Sent, reply, scripted
from tests.service import Service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files to upload, and much that is none."""
    root = tmp_path / "folder"
    (root / "sub").mkdir(parents=True)
    (root / "a.md").write_text("Parental leave is 24 weeks.")
    (root / "sub" / "b c.md").write_text("The meal allowance is EUR 46.")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "secret.md").write_text("A secret.")
    (root / "sub" / ".DS_Store").write_bytes(b"\x00")
    (root / "circle").symlink_to(root)
    (root / "sub" / "out.md").symlink_to("/etc/hostname")
    (root / "dangling.md").symlink_to("nowhere")
    os.mkfifo(root / "pipe.md")
    return root


def test_links_hidden_files_and_pipes_are_left_out(folder: Path) -> None:
    assert [file.name for file in find_files(folder)] == ["a.md", "sub/b c.md"]


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert find_files(tmp_path) == []


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_what_is_no_folder_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("text")

    with pytest.raises(NotADirectoryError, match=name):
        find_files(tmp_path / name)


async def test_a_second_run_stores_only_what_changed_or_is_missing(
    connect: Connect, service: Service, folder: Path
) -> None:
    person = await new_person(service)
    progress: list[FolderProgress] = []

    async with connect(url_of(service), person.key) as client:
        first = await client.upload_folder(
            folder, collection="wiki", principals=["tenant:*"], on_progress=progress.append
        )
        for file in first.uploaded:
            await service.run_job(person.tenant_id, file.job.id)
        (folder / "a.md").write_text("Parental leave is 26 weeks.")
        (folder / "new.md").write_text("Lunch is at noon.")
        second = await client.upload_folder(folder, collection="wiki", principals=["tenant:*"])
        documents = await client.listed(collection="wiki")

    assert [file.name for file in first.uploaded] == ["a.md", "sub/b c.md"]
    assert [(each.done, each.total) for each in progress] == [(1, 2), (2, 2)]
    assert progress[-1].done_bytes == progress[-1].total_bytes == 27 + 29
    assert [file.name for file in second.uploaded] == ["a.md", "new.md"]
    assert [file.name for file in second.unchanged] == ["sub/b c.md"]
    assert first.failed == second.failed == ()
    # The second upload of the first one's id is a version of the same document.
    assert {each.external_id for each in documents} == {"a.md", "sub/b c.md", "new.md"}
    assert second.files[0].document.id == first.files[0].document.id


async def test_each_file_may_have_its_own_fields_or_be_left_out(
    connect: Connect, service: Service, folder: Path
) -> None:
    person = await new_person(service, "user:ana")

    def fields_of(name: str) -> FileFields | None:
        return {"principals": ["user:ana"], "title": "Ours"} if name == "a.md" else None

    async with connect(url_of(service), person.key) as client:
        result = await client.upload_folder(
            folder, fields_of=fields_of, principals=["tenant:*"], metadata={"team": "hr"}
        )

    (file,) = result.files
    assert file.document.principals == ("user:ana",)
    assert (file.document.title, file.document.metadata) == ("Ours", {"team": "hr"})


async def test_a_file_that_fails_stops_no_other(
    connect: Connect, service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await new_person(service)
    (folder / "empty.md").write_text("")
    (folder / "image.bin").write_bytes(bytes(range(256)))
    (folder / os.fsdecode(b"\xff.md")).write_text("A name that is no text.")
    closed = folder / "closed.md"
    closed.write_text("Nobody reads this.")
    opened = Path.open

    def refuse_one(path: Path, mode: str = "r") -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode)

    # Permissions mean nothing to the superuser, whom tests may run as.
    monkeypatch.setattr(Path, "open", refuse_one)
    async with connect(url_of(service), person.key) as client:
        result = await client.upload_folder(folder)

    assert [file.name for file in result.uploaded] == ["a.md", "sub/b c.md"]
    assert {os.fsencode(file.name): type(file.error) for file in result.failed} == {
        b"closed.md": PermissionError,
        b"empty.md": DocumentEmpty,
        b"image.bin": UnsupportedMediaType,
        b"\xff.md": UnicodeEncodeError,
    }


async def test_a_folder_that_cannot_be_read_is_among_what_failed(
    connect: Connect, service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await new_person(service)
    scandir = os.scandir

    def refuse_one(path: str) -> object:
        if os.fspath(path) == str(folder / "sub"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse_one)
    async with connect(url_of(service), person.key) as client:
        result = await client.upload_folder(folder)

    assert [file.name for file in result.uploaded] == ["a.md"]
    assert [(file.name, type(file.error)) for file in result.failed] == [("sub", PermissionError)]


async def test_a_service_that_goes_away_is_told_for_each_file(
    connect: Connect, folder: Path
) -> None:
    def answers_one(sent: Sent) -> Reply:
        return reply(ACCEPTED, 202) if b"weeks" in sent.body else CUT

    async with scripted(answers_one) as service, connect(service.url) as client:
        result = await client.upload_folder(folder, parallel=1)

    assert [file.name for file in result.uploaded] == ["a.md"]
    assert [type(file.error) for file in result.failed] == [ConnectionFailed]


async def test_an_error_of_the_callback_ends_the_upload(connect: Connect, folder: Path) -> None:
    def fail(_progress: FolderProgress) -> None:
        raise RuntimeError("the screen is gone")

    async with (
        scripted(lambda _sent: reply(ACCEPTED, 202)) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(RuntimeError, match="the screen is gone"):
            await client.upload_folder(folder, on_progress=fail, parallel=1)


async def test_nothing_is_sent_for_an_empty_folder(connect: Connect, tmp_path: Path) -> None:
    async with scripted([]) as service, connect(service.url) as client:
        result = await client.upload_folder(tmp_path)

    assert (result.files, service.sent) == ((), [])


@pytest.mark.parametrize(
    "rule", [".footnote-rules.toml", "sub/b c.md.footnote.toml", "a.md.footnote.json"]
)
@pytest.mark.parametrize("is_link", [False, True], ids=["file", "link"])
async def test_a_rule_of_who_may_read_is_not_passed_over(
    connect: Connect,
    folder: Path,
    rule: str,
    is_link: bool,  # noqa: FBT001  # a case
) -> None:
    if is_link:
        (folder / rule).symlink_to("nowhere")
    else:
        (folder / rule).write_text('principals = ["group:hr"]')

    async with (
        scripted(lambda _sent: reply(ACCEPTED, 202)) as service,
        connect(service.url) as client,
    ):
        with pytest.raises(ValueError, match="says who may read"):
            await client.upload_folder(folder, principals=None)
        assert service.sent == []
        result = await client.upload_folder(folder, principals=["group:hr"])

    assert [file.name for file in result.files] == ["a.md", "sub/b c.md"]


async def test_what_is_wrong_for_all_files_is_an_error(connect: Connect, folder: Path) -> None:
    async with scripted([]) as service, connect(service.url) as client:
        with pytest.raises(ValueError, match="no principal"):
            await client.upload_folder(folder, act_as=["user:ana,group:hr"])

    assert service.sent == []


async def test_no_upload_at_a_time_is_refused(connect: Connect, folder: Path) -> None:
    async with connect("http://127.0.0.1:1") as client:
        with pytest.raises(ValueError, match=r"workers|one upload"):
            await client.upload_folder(folder, parallel=0)
