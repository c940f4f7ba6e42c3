"""The files of one commit of a Git repository."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from ingest.sources.files import SourceFile, is_shown
from ingest.sources.local_folder import LocalFolder
from ingest.sources.permissions import says_who_reads
from kb.errors import Misconfigured, SourceTooLarge, UploadTooLarge
from kb.source_uris import SourceUri

FETCH_SECONDS: Final = 600
READ_SECONDS: Final = 60

MAX_COPIED_BYTES: Final = 200_000_000
"""Of a repository that a tenant names on the worker's machine."""

TOO_LARGE: Final = f"The repository stores more than {MAX_COPIED_BYTES:,} bytes."

REGULAR: Final = frozenset({"100644", "100755", "100664"})
"""Modes; the others are links and submodules."""

LINK: Final = "120000"
"""Its blob is the address that it leads to."""


@contextmanager
def opened_commit(
    uri: SourceUri, *, within: Path | None = None, max_bytes: int
) -> Iterator["GitCheckout"]:
    """The commit that the address names, fetched without its history; deleted afterwards.

    `within` is the folder that a local repository must not lead out of. Raises OSError when it
    cannot be fetched, Misconfigured without the program `git`.
    """
    git = shutil.which("git")
    if git is None:
        raise Misconfigured("For sources of Git install the program 'git' on the worker's machine.")
    transport = uri.scheme.removeprefix("git+")
    address = str(uri).removeprefix("git+").removesuffix(f"@{uri.ref}" if uri.ref else "")
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="footnote-git-"))
        if within is not None:
            copy = stack.enter_context(TemporaryDirectory(prefix="footnote-git-"))
            _copy_commits(Path(uri.path), within, Path(copy))
            address = Path(copy).as_uri()
        base = [
            "env",
            "GIT_TERMINAL_PROMPT=0",
            # No other transport, whatever a server redirects to.
            f"GIT_ALLOW_PROTOCOL={transport}",
            git,
            f"--git-dir={folder}",
            *("-c", "http.followRedirects=false"),
            # Nothing of the repository's is run.
            *("-c", "core.hooksPath=/dev/null"),
            *("-c", "gc.auto=0"),
        ]
        _run([*base, "init", "--quiet", "--bare", "--template="], seconds=READ_SECONDS)
        _run(
            [
                *base,
                *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"),
                *("--", address, uri.ref or "HEAD"),
            ],
            seconds=FETCH_SECONDS,
        )
        yield GitCheckout(base, uri=str(uri), max_bytes=max_bytes)


def _copy_commits(path: Path, within: Path, copy: Path) -> None:
    """Copies what is stored in the repository; nothing that leads out of it, links among others.

    Git itself follows all of that, and whoever may write there changes it at any time. OSError,
    SourceUriRefused, and SourceTooLarge beyond MAX_COPIED_BYTES.
    """
    try:
        folder = LocalFolder(path / ".git", within=within, max_bytes=MAX_COPIED_BYTES)
    except FileNotFoundError:
        folder = LocalFolder(path, within=within, max_bytes=MAX_COPIED_BYTES)
    (copy / "refs").mkdir()
    (copy / "objects").mkdir()
    copied_bytes = 0
    with closing(folder):
        for file in folder.files():
            if not _holds_commits(file.id):
                continue
            try:
                content = folder.read(file)
            except UploadTooLarge as error:
                raise SourceTooLarge(TOO_LARGE) from error
            copied_bytes += len(content)
            if copied_bytes > MAX_COPIED_BYTES:
                raise SourceTooLarge(TOO_LARGE)
            place = copy / file.id
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def _holds_commits(path: str) -> bool:
    """True for a file of a repository that holds commits.

    Others lead to places outside of it, as `commondir` and `objects/info/alternates` do, or say
    what Git is to do.
    """
    match path.split("/"):
        case ["HEAD" | "packed-refs" | "shallow"] | ["refs", _, *_]:
            return True
        case ["objects", folder, _]:
            return folder != "info"
        case _:
            return False


class GitCheckout:
    """The regular files of a commit; implements `DocumentSource`. Links and submodules are none.

    A rule file or sidecar that is a link is listed; its text is the address that it leads to.
    """

    def __init__(self, git: list[str], *, uri: str, max_bytes: int) -> None:
        """`git` is the command with its options, up to the name of what it is to do."""
        self._git = git
        self._uri = uri
        self._max_bytes = max_bytes

    def files(self) -> list[SourceFile]:
        """The files in the order of their paths; an etag is the hash of the blob."""
        tree = _run(
            [*self._git, "ls-tree", "-r", "-z", "-l", "--full-tree", "FETCH_HEAD"],
            seconds=READ_SECONDS,
        )
        listed: list[SourceFile] = []
        for entry in tree.split(b"\0"):
            about, _, name = entry.partition(b"\t")
            if not name:
                continue
            mode, _kind, blob, size = about.decode("ascii").split()
            path = os.fsdecode(name)
            is_file = mode in REGULAR or (mode == LINK and says_who_reads(path))
            if is_file and is_shown(path):
                listed.append(
                    SourceFile(
                        id=path,
                        path=PurePosixPath(path),
                        uri=f"{self._uri}#{path}",
                        etag=blob,
                        size_bytes=int(size),
                    )
                )
        return sorted(listed, key=lambda file: file.id)

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed file; raises OSError, and UploadTooLarge beyond `max_bytes`."""
        if file.size_bytes is None or file.size_bytes > self._max_bytes:
            raise UploadTooLarge
        return _run([*self._git, "cat-file", "blob", file.etag], seconds=READ_SECONDS)


def _run(command: list[str], *, seconds: float) -> bytes:
    """The standard output; OSError when the command fails or takes longer."""
    try:
        done = subprocess.run(  # noqa: S603  # our own arguments; the address stands behind '--'
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            cwd=Path("/"),
        )
    except subprocess.SubprocessError as error:
        raise OSError("Git could not read the repository, or that commit.") from error
    return done.stdout
