"""Every kind of place lists all its files, hands out their bytes, and fails when it cannot."""

import os
import shutil
import tracemalloc
import zipfile
from collections.abc import Iterator
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path

import httpx
import paramiko
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from ingest.sources.files import DocumentSource, SourceFile
from ingest.sources.opening import SourceOpener
from kb.errors import (
    DocumentEncrypted,
    Misconfigured,
    OutboundRefused,
    SourceTooLarge,
    SourceUriRefused,
    UploadTooLarge,
)
from kb.ids import SourceId, TenantId, new_uuid
from kb.outbound import BlockingOutboundClient, certificate_context
from kb.public_addresses import PublicAddresses
from kb.store.sources import Source, SourceSettings
from tests.ingest.sources.library import MAX_BYTES, NOW, NoWeb
from tests.ingest.sources.servers import Page, SftpPlace, Site, git, served_folder, served_site

TENANT = TenantId(new_uuid())


def source_at(uri: str, *, is_operators: bool = True) -> Source:
    return Source(
        id=SourceId(new_uuid()),
        name="docs",
        settings=SourceSettings(uri=uri, principals=("tenant:*",)),
        is_operators=is_operators,
        has_rule_file=False,
        last_run=None,
        held=None,
        created_at=NOW,
        updated_at=NOW,
    )


DESCRIPTIONS = [".footnote-rules.toml", "a.md.footnote.toml", "a.md.footnote.json"]

OPENER = SourceOpener(prefixes=(), web=NoWeb(), max_bytes=MAX_BYTES)


def contents(uri: str, opener: SourceOpener = OPENER) -> dict[str, bytes]:
    """The bytes of all files of the place, by path."""
    with opener.open(TENANT, source_at(uri)) as place:
        return {file.id: place.read(file) for file in place.files()}


def etags(uri: str, opener: SourceOpener = OPENER) -> dict[str, str]:
    with opener.open(TENANT, source_at(uri)) as place:
        return {file.id: file.etag for file in place.files()}


def read_one(place: DocumentSource, path: str) -> bytes:
    (file,) = [file for file in place.files() if file.id == path]
    return place.read(file)


# A local folder


def test_a_folder_lists_regular_files_and_follows_no_link(tmp_path: Path) -> None:
    folder, secret = tmp_path / "docs", tmp_path / "secret"
    (folder / "deep").mkdir(parents=True)
    secret.mkdir()
    for path in (folder / "a.md", folder / "deep/b.md", folder / ".hidden", secret / "key.md"):
        path.write_text(path.name)
    (folder / "link.md").symlink_to(secret / "key.md")
    (folder / "linked").symlink_to(secret)
    os.mkfifo(folder / "pipe.md")

    assert contents(folder.as_uri()) == {"a.md": b"a.md", "deep/b.md": b"b.md"}


@pytest.mark.parametrize("replaced", ["deep", "deep/b.md"])
def test_a_link_that_takes_a_files_place_is_not_read(tmp_path: Path, replaced: str) -> None:
    folder, secret = tmp_path / "docs", tmp_path / "secret"
    (folder / "deep").mkdir(parents=True)
    secret.mkdir()
    (folder / "deep/b.md").write_text("harmless")
    (secret / "b.md").write_text("secret")

    with OPENER.open(TENANT, source_at(folder.as_uri())) as place:
        (file,) = place.files()
        (folder / replaced).rename(tmp_path / "aside")
        target = secret if replaced == "deep" else secret / "b.md"
        (folder / replaced).symlink_to(target)

        with pytest.raises(OSError, match=r"Too many levels|Not a directory"):
            place.read(file)


def test_what_is_larger_than_an_upload_may_be_is_not_held_in_memory(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"x" * (MAX_BYTES + 1))

    with (
        OPENER.open(TENANT, source_at(tmp_path.as_uri())) as place,
        pytest.raises(UploadTooLarge),
    ):
        read_one(place, "a.md")


def test_a_tenants_folder_must_not_be_reached_through_a_link(tmp_path: Path) -> None:
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    allowed.mkdir()
    secret.mkdir()
    (secret / "key.md").write_text("secret")
    (allowed / "way").symlink_to(secret)
    opener = SourceOpener(prefixes=(allowed.as_uri(),), web=NoWeb(), max_bytes=MAX_BYTES)
    source = source_at(f"{allowed.as_uri()}/way", is_operators=False)

    with pytest.raises(SourceUriRefused), opener.open(TENANT, source):
        pass
    assert contents(f"{allowed.as_uri()}/way") == {"key.md": b"secret"}


def test_an_open_folder_stays_what_it_was_when_its_parents_are_swapped(tmp_path: Path) -> None:
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    (allowed / "x/docs").mkdir(parents=True)
    (secret / "docs").mkdir(parents=True)
    (allowed / "x/docs/a.md").write_text("harmless")
    (secret / "docs/a.md").write_text("secret")
    opener = SourceOpener(prefixes=(allowed.as_uri(),), web=NoWeb(), max_bytes=MAX_BYTES)
    source = source_at(f"{allowed.as_uri()}/x/docs", is_operators=False)

    with opener.open(TENANT, source) as place:
        (allowed / "x").rename(tmp_path / "aside")
        (allowed / "x").symlink_to(secret)

        assert read_one(place, "a.md") == b"harmless"


def test_a_prefix_that_was_taken_away_ends_a_tenants_source(tmp_path: Path) -> None:
    source = source_at(tmp_path.as_uri(), is_operators=False)

    with pytest.raises(SourceUriRefused), OPENER.open(TENANT, source):
        pass


# A zip file


def zip_of(members: dict[str, bytes]) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


def test_a_zip_file_lists_its_members(tmp_path: Path) -> None:
    members = {"a.md": b"A.", "deep/b.md": b"B.", ".hidden/c.md": b"C.", "deep/": b""}
    (tmp_path / "docs.zip").write_bytes(zip_of(members))
    uri = f"zip+{(tmp_path / 'docs.zip').as_uri()}"

    assert contents(uri) == {"a.md": b"A.", "deep/b.md": b"B."}
    before = etags(uri)
    (tmp_path / "docs.zip").write_bytes(zip_of({**members, "a.md": b"a."}))
    assert {path for path, etag in etags(uri).items() if etag != before[path]} == {"a.md"}


def test_a_bomb_in_a_zip_file_is_not_unpacked(tmp_path: Path) -> None:
    content = zip_of({"bomb.md": b"0" * 5_000_000, "liar.md": b"1" * 5_000_000})
    # The directory at the end says that the second one has a hundred bytes.
    at = content.rindex(b"liar.md") - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    content = content[: at + 24] + (100).to_bytes(4, "little") + content[at + 28 :]
    (tmp_path / "docs.zip").write_bytes(content)

    with OPENER.open(TENANT, source_at(f"zip+{(tmp_path / 'docs.zip').as_uri()}")) as place:
        with pytest.raises(UploadTooLarge):
            read_one(place, "bomb.md")
        with pytest.raises(OSError, match="damaged"):
            read_one(place, "liar.md")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_could_not_be_unpacked_bit_by_bit_is_not_read(
    tmp_path: Path, method: int
) -> None:
    with zipfile.ZipFile(tmp_path / "docs.zip", "w", method) as archive:
        archive.writestr("bomb.md", b"0" * 30_000_000)
    content = (tmp_path / "docs.zip").read_bytes()
    # It says that it has a hundred bytes.
    at = content.rindex(b"bomb.md") - 46
    lying = content[: at + 24] + (100).to_bytes(4, "little") + content[at + 28 :]
    (tmp_path / "docs.zip").write_bytes(lying)

    tracemalloc.start()
    try:
        with (
            OPENER.open(TENANT, source_at(f"zip+{(tmp_path / 'docs.zip').as_uri()}")) as place,
            pytest.raises(OSError, match="another method"),
        ):
            read_one(place, "bomb.md")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_member_whose_name_is_malformed_is_damaged_and_no_more(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "docs.zip", "w") as archive:
        archive.writestr("ü.md", b"A.")
    content = bytearray((tmp_path / "docs.zip").read_bytes())
    content[30] = 0xFF  # of the name that stands before the bytes
    (tmp_path / "docs.zip").write_bytes(content)

    with (
        OPENER.open(TENANT, source_at(f"zip+{(tmp_path / 'docs.zip').as_uri()}")) as place,
        pytest.raises(OSError, match="damaged"),
    ):
        read_one(place, "ü.md")


def test_links_and_encrypted_members_of_a_zip_file_are_not_read(tmp_path: Path) -> None:
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.md", b"A.")
    content = bytearray(written.getvalue())
    at = content.rindex(b"a.md") - 46
    content[at + 8] |= 1
    (tmp_path / "docs.zip").write_bytes(content)

    with OPENER.open(TENANT, source_at(f"zip+{(tmp_path / 'docs.zip').as_uri()}")) as place:
        assert [file.id for file in place.files()] == ["a.md"]
        with pytest.raises(DocumentEncrypted):
            read_one(place, "a.md")


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_link_among_the_rights_of_a_zip_file_does_not_pass_for_none(
    tmp_path: Path, name: str
) -> None:
    with zipfile.ZipFile(tmp_path / "docs.zip", "w") as archive:
        link = zipfile.ZipInfo(name)
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "elsewhere")

    assert contents(f"zip+{(tmp_path / 'docs.zip').as_uri()}") == {name: b"elsewhere"}


def test_a_directory_of_millions_in_a_zip_file_is_not_held_in_memory(tmp_path: Path) -> None:
    (tmp_path / "docs.zip").write_bytes((b"PK\x01\x02" + b"\0" * 42) * 600_000)
    source = source_at(f"zip+{(tmp_path / 'docs.zip').as_uri()}")

    with pytest.raises(SourceTooLarge), OPENER.open(TENANT, source):
        pass


@pytest.mark.parametrize("content", [b"", b"PK", b"<html>not a zip</html>" * 100])
def test_what_is_no_zip_file_is_no_empty_listing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "docs.zip").write_bytes(content)
    source = source_at(f"zip+{(tmp_path / 'docs.zip').as_uri()}")

    with pytest.raises(OSError, match="no zip file"), OPENER.open(TENANT, source):
        pass


# A Git repository


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_link_among_the_rights_of_a_repository_does_not_pass_for_none(
    repository: Path, name: str
) -> None:
    (repository / name).symlink_to("elsewhere")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "third")

    assert contents(f"git+{repository.as_uri()}")[name] == b"elsewhere"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "deep").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "a.md").write_text("A.")
    (folder / "deep/ü b.md").write_text("B.")
    (folder / "link.md").symlink_to("/etc/passwd")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "tag", "v1")
    (folder / "a.md").write_text("A2.")
    git(folder, "commit", "--quiet", "-am", "second")
    return folder


def test_a_commit_lists_its_regular_files(repository: Path) -> None:
    uri = f"git+{repository.as_uri()}"

    assert contents(f"{uri}@main") == {"a.md": b"A2.", "deep/ü b.md": b"B."}
    assert contents(f"{uri}@v1") == {"a.md": b"A.", "deep/ü b.md": b"B."}
    assert contents(uri) == contents(f"{uri}@main")
    changed = etags(f"{uri}@v1").items() - etags(f"{uri}@main").items()
    assert {path for path, _ in changed} == {"a.md"}


def test_a_submodule_is_no_file(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    git(other, "commit", "--quiet", "--allow-empty", "-m", "empty")
    git(repository, "submodule", "add", "--quiet", str(other), "sub")
    git(repository, "commit", "--quiet", "-m", "third")

    assert set(contents(f"git+{repository.as_uri()}@main")) == {"a.md", "deep/ü b.md"}


def allowed_and_secret(tmp_path: Path) -> tuple[SourceOpener, Path, Path]:
    """A place where a tenant may write, and a repository that is none of its business."""
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    for folder in (allowed, secret):
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch=main")
        (folder / f"{folder.name}.md").write_text(folder.name)
        git(folder, "add", "-A")
        git(folder, "commit", "--quiet", "-m", "first")
    prefix = f"git+{allowed.as_uri()}"
    return SourceOpener(prefixes=(prefix,), web=NoWeb(), max_bytes=MAX_BYTES), allowed, secret


def tenants(uri: str, opener: SourceOpener) -> dict[str, bytes]:
    with opener.open(TENANT, source_at(uri, is_operators=False)) as place:
        return {file.id: place.read(file) for file in place.files()}


def test_a_tenants_repository_is_read_with_or_without_a_working_tree(tmp_path: Path) -> None:
    opener, allowed, _ = allowed_and_secret(tmp_path)
    git(allowed, "clone", "--quiet", "--bare", ".", "bare.git")
    git(allowed, "gc", "--quiet")

    assert tenants(f"git+{allowed.as_uri()}", opener) == {"allowed.md": b"allowed"}
    assert tenants(f"git+{allowed.as_uri()}/bare.git@main", opener) == {"allowed.md": b"allowed"}


@pytest.mark.parametrize("way", ["gitdir", "commondir", "alternates", "objects", "link"])
def test_a_tenants_repository_leads_to_no_other(tmp_path: Path, way: str) -> None:
    opener, allowed, secret = allowed_and_secret(tmp_path)
    own, other = allowed / ".git", secret / ".git"
    head = (other / "refs/heads/main").read_text()
    if way in {"gitdir", "link"}:
        shutil.rmtree(own)
    match way:
        case "gitdir":
            own.write_text(f"gitdir: {other}\n")
        case "link":
            own.symlink_to(other)
        case "commondir":
            (own / "commondir").write_text(f"{other}\n")
            shutil.rmtree(own / "refs")
            shutil.rmtree(own / "objects")
        case "alternates":
            (own / "objects/info/alternates").write_text(f"{other / 'objects'}\n")
            (own / "refs/heads/main").write_text(head)
        case "objects":
            shutil.rmtree(own / "objects")
            (own / "objects").symlink_to(other / "objects")
            (own / "refs/heads/main").write_text(head)

    with pytest.raises((OSError, SourceUriRefused)):
        tenants(f"git+{allowed.as_uri()}", opener)


@pytest.mark.parametrize("ref", ["absent", "v2"])
def test_a_commit_that_is_not_there_is_no_empty_listing(repository: Path, ref: str) -> None:
    source = source_at(f"git+{repository.as_uri()}@{ref}")

    with pytest.raises(OSError, match="Git could not"), OPENER.open(TENANT, source):
        pass


# An object store


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3fs.S3FileSystem]:
    """The client of whoever fills the bucket `files`; the worker's environment reaches it too."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    client.call_s3("create_bucket", Bucket="files")
    yield client
    httpx.post(f"{s3_url}/moto-api/reset")


def test_a_bucket_lists_all_its_objects(bucket: s3fs.S3FileSystem) -> None:
    # More than one page of a listing, which has a thousand.
    for number in range(1_001):
        bucket.call_s3("put_object", Bucket="files", Key=f"many/{number:04}.md", Body=b"N.")
    bucket.call_s3("put_object", Bucket="files", Key="docs/a b.md", Body=b"A.")
    bucket.call_s3("put_object", Bucket="files", Key="docs/deep/c.md", Body=b"C.")
    bucket.call_s3("put_object", Bucket="files", Key="docs/folder/", Body=b"")
    bucket.call_s3("put_object", Bucket="files", Key="docs-of-others/d.md", Body=b"D.")

    assert contents("s3://files/docs") == {"a b.md": b"A.", "deep/c.md": b"C."}
    assert len(etags("s3://files/many")) == 1_001
    before = etags("s3://files/docs")
    bucket.call_s3("put_object", Bucket="files", Key="docs/a b.md", Body=b"A2.")
    assert {path for path, etag in etags("s3://files/docs").items() if etag != before[path]} == {
        "a b.md"
    }


def test_an_empty_prefix_is_empty_and_a_bucket_that_is_gone_is_not(
    bucket: s3fs.S3FileSystem,
) -> None:
    assert contents("s3://files/docs") == {}
    with pytest.raises(OSError, match="bucket"):
        contents("s3://gone-for-good/docs")


def test_an_object_beyond_the_limit_is_not_read_whole(bucket: s3fs.S3FileSystem) -> None:
    bucket.call_s3("put_object", Bucket="files", Key="docs/a.md", Body=b"x" * (MAX_BYTES + 1))
    bucket.call_s3("put_object", Bucket="files", Key="docs/empty.md", Body=b"")

    with OPENER.open(TENANT, source_at("s3://files/docs")) as place:
        assert read_one(place, "empty.md") == b""
        with pytest.raises(UploadTooLarge):
            read_one(place, "a.md")


def test_a_store_that_cannot_be_reached_is_no_empty_listing(
    bucket: s3fs.S3FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(OSError, match="did not answer"):
        contents("s3://files/docs")


def test_a_zip_file_may_lie_in_a_bucket(bucket: s3fs.S3FileSystem) -> None:
    bucket.call_s3("put_object", Bucket="files", Key="all/docs.zip", Body=zip_of({"a.md": b"A."}))

    assert contents("zip+s3://files/all/docs.zip") == {"a.md": b"A."}


def test_a_store_whose_extra_is_missing_says_which() -> None:
    with pytest.raises(Misconfigured, match=r"footnote\[gcs\]"):
        contents("gs://files/docs")


# SFTP


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SftpPlace, Path]]:
    root = tmp_path / "served"
    (root / "docs/deep").mkdir(parents=True)
    (root / "docs/a.md").write_text("A.")
    (root / "docs/deep/b c.md").write_text("B.")
    (root / "docs/link.md").symlink_to("/etc/passwd")
    key = paramiko.ECDSAKey.generate()
    with served_folder(root, key) as place:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        place.trust_in(tmp_path / "home", key)
        yield place, tmp_path


def test_sftp_lists_a_folder(sftp: tuple[SftpPlace, Path]) -> None:
    place, _ = sftp

    assert contents(f"{place.uri}/docs") == {"a.md": b"A.", "deep/b c.md": b"B."}


def test_one_folder_that_may_not_be_read_is_no_shorter_listing(
    sftp: tuple[SftpPlace, Path],
) -> None:
    place, _ = sftp
    place.forbidden.add("docs/deep")

    with pytest.raises(OSError, match=r"[Pp]ermission"):
        contents(f"{place.uri}/docs")


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_link_among_the_rights_of_a_server_does_not_pass_for_none(
    sftp: tuple[SftpPlace, Path], name: str
) -> None:
    place, folder = sftp
    (folder / "served/docs" / name).symlink_to("elsewhere")

    with OPENER.open(TENANT, source_at(f"{place.uri}/docs")) as opened:
        assert name in [file.id for file in opened.files()]
        with pytest.raises(OSError, match="no regular file"):
            read_one(opened, name)


def test_a_server_that_is_no_known_host_gets_no_key(sftp: tuple[SftpPlace, Path]) -> None:
    place, folder = sftp
    (folder / "home/.ssh/known_hosts").write_text("")

    with pytest.raises(OSError, match="could not be connected"):
        contents(f"{place.uri}/docs")


# The web


@pytest.fixture
def site() -> Iterator[Site]:
    with served_site() as site:
        yield site


@pytest.fixture
def web() -> Iterator[SourceOpener]:
    addresses = PublicAddresses(private_networks=[ip_network("127.0.0.1/32")])
    client = BlockingOutboundClient(addresses, certificates=certificate_context())
    yield SourceOpener(prefixes=(), web=client, max_bytes=MAX_BYTES)
    client.close()
    addresses.close()


def test_a_list_names_urls(site: Site, web: SourceOpener) -> None:
    site.pages = {
        "/list.txt": Page(f"# all\n{site.url}/a.md\n\n{site.url}/b.md#part\n".encode()),
        "/a.md": Page(b"A.", headers={"ETag": '"1"'}),
        "/b.md": Page(b"B.", headers={"Last-Modified": "Sun, 01 Mar 2026 00:00:00 GMT"}),
    }

    found = etags(f"{site.url}/list.txt", web)

    assert found == {
        f"{site.url}/a.md": '"1"',
        f"{site.url}/b.md": "Sun, 01 Mar 2026 00:00:00 GMT",
    }
    assert [method for method, path in site.asked if path != "/list.txt"] == ["HEAD", "HEAD"]
    assert set(contents(f"{site.url}/list.txt", web).values()) == {b"A.", b"B."}


def test_a_sitemap_names_urls_with_their_dates(site: Site, web: SourceOpener) -> None:
    start = '<?xml version="1.0"?><{} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    site.pages = {
        "/index.xml": Page(
            f"{start.format('sitemapindex')}<sitemap><loc>{site.url}/one.xml</loc></sitemap>"
            "</sitemapindex>".encode()
        ),
        "/one.xml": Page(
            f"{start.format('urlset')}<url><loc>{site.url}/a?x=1&amp;y=2</loc>"
            "<lastmod>2026-01-01</lastmod></url></urlset>".encode()
        ),
    }

    assert etags(f"{site.url}/index.xml", web) == {f"{site.url}/a?x=1&y=2": "2026-01-01"}
    site.pages["/one.xml"] = Page(status=500)
    with pytest.raises(OSError, match="500"):
        etags(f"{site.url}/index.xml", web)


@pytest.mark.parametrize(
    "page",
    [
        Page(status=404),
        Page(status=503),
        Page(b"<html><body>Please log in</body></html>"),
        Page(b"<urlset><url>"),
        Page(b'<!DOCTYPE x [<!ENTITY a "b">]><urlset/>'),
        Page(b"https://example.com/a\nSorry, something went wrong.\n"),
        Page(b"\xff\xfe"),
    ],
    ids=["404", "503", "another page", "cut off", "entities", "a sentence", "no text"],
)
def test_what_is_no_list_is_no_empty_listing(site: Site, web: SourceOpener, page: Page) -> None:
    site.pages = {"/list": page}

    with pytest.raises((OSError, OutboundRefused, UnicodeError)):
        etags(f"{site.url}/list", web)


@pytest.mark.parametrize(
    "page",
    [
        Page(b"http://127.0.0.1:2000/\n" * 1_000_000),
        Page(b"<urlset>" + b"<a/>" * 3_000_000 + b"</urlset>"),
        Page(b"<urlset " + b"".join(b'a%d="" ' % at for at in range(2_600_000)) + b"/>"),
    ],
    ids=["lines", "tags", "attributes"],
)
def test_a_list_that_names_too_much_is_not_held_in_memory(
    site: Site, web: SourceOpener, page: Page
) -> None:
    site.pages = {"/list": page}

    with pytest.raises(SourceTooLarge):
        etags(f"{site.url}/list", web)


def test_an_index_stops_at_the_sitemap_that_names_too_much(site: Site, web: SourceOpener) -> None:
    maps = [f"{site.url}/{number}" for number in range(9)]
    entries = "".join(f"<sitemap><loc>{each}</loc></sitemap>" for each in maps)
    site.pages = {"/list": Page(f"<sitemapindex>{entries}</sitemapindex>".encode())}
    for at in range(9):
        urls = "".join(f"http://127.0.0.1:2000/{at}-{number}\n" for number in range(15_000))
        site.pages[f"/{at}"] = Page(urls.encode())

    with pytest.raises(SourceTooLarge):
        etags(f"{site.url}/list", web)
    assert [path for _, path in site.asked] == ["/list", "/0", "/1"]


def test_a_url_that_is_gone_is_listed_all_the_same(site: Site, web: SourceOpener) -> None:
    site.pages = {"/list": Page(f"{site.url}/gone.md".encode())}

    with web.open(TENANT, source_at(f"{site.url}/list")) as place:
        (file,) = place.files()
        assert file.etag == ""
        with pytest.raises(OSError, match="404"):
            place.read(file)


def test_a_list_may_not_lead_into_a_private_network(site: Site, web: SourceOpener) -> None:
    port = site.url.rpartition(":")[2]
    site.pages = {
        "/list": Page(f"http://127.0.0.2:{port}/secret\n{site.url}/moved\n".encode()),
        "/moved": Page(status=302, headers={"Location": f"http://127.0.0.2:{port}/secret"}),
    }

    with web.open(TENANT, source_at(f"{site.url}/list")) as place:
        files: list[SourceFile] = place.files()
        assert [file.etag for file in files] == ["", ""]
        for file in files:
            with pytest.raises(OutboundRefused):
                place.read(file)
    assert "/secret" not in {path for _, path in site.asked}


def test_a_zip_file_may_lie_on_the_web(site: Site, web: SourceOpener) -> None:
    site.pages = {"/docs.zip": Page(zip_of({"a.md": b"A."}))}

    assert contents(f"zip+{site.url}/docs.zip", web) == {"a.md": b"A."}
