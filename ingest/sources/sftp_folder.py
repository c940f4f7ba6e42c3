"""A folder on a server that speaks SFTP."""

import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import PurePosixPath
from threading import Lock
from typing import Any, Final
from urllib.parse import quote

from ingest.sources.files import SourceFile, is_shown, refuse_too_many
from ingest.sources.permissions import says_who_reads
from kb.errors import Misconfigured, UploadTooLarge
from kb.source_uris import SourceUri

PORT: Final = 22
CONNECT_SECONDS: Final = 15
ANSWER_SECONDS: Final = 60


@contextmanager
def opened_sftp_folder(uri: SourceUri, *, max_bytes: int) -> Iterator["SftpFolder"]:
    """The folder that the address names, over a connection of its own.

    The server is one of the worker's known hosts; the key is one of the worker's agent or of its
    folder `.ssh`. Raises OSError, and Misconfigured when the extra is not installed.
    """
    try:
        paramiko = import_module("paramiko")
    except ImportError as error:
        raise Misconfigured("For sftp:// install footnote[sftp].") from error
    host, _, port = uri.host.partition(":")
    with closing(paramiko.SSHClient()) as client:
        client.load_system_host_keys()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.connect(
                host,
                int(port or PORT),
                username=uri.user or None,
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=CONNECT_SECONDS,
            )
            connection = client.open_sftp()
        except (paramiko.SSHException, EOFError) as error:
            raise OSError("The SFTP server could not be connected to.") from error
        connection.get_channel().settimeout(ANSWER_SECONDS)
        with closing(connection):
            yield SftpFolder(
                connection,
                uri=uri,
                errors=(paramiko.SSHException, EOFError),
                max_bytes=max_bytes,
            )


class SftpFolder:
    """The regular files at any depth of a folder; implements `DocumentSource`. Links are none.

    A rule file or sidecar that is a link is listed, and cannot be read.
    """

    def __init__(
        self,
        connection: Any,  # noqa: ANN401  # paramiko is an extra without type information
        *,
        uri: SourceUri,
        errors: tuple[type[Exception], ...],
        max_bytes: int,
    ) -> None:
        """`errors` are what the connection raises beside OSError."""
        self._connection = connection
        self._uri = uri
        self._errors = errors
        self._max_bytes = max_bytes
        self._using = Lock()

    def files(self) -> list[SourceFile]:
        """The files in the order of their paths; OSError when a folder cannot be read."""
        listed: list[SourceFile] = []
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            with self._translated():
                entries = self._connection.listdir_attr(f"{self._uri.path}/{folder}")
            for entry in entries:
                path = f"{folder}{entry.filename}"
                mode = entry.st_mode or 0
                if stat.S_ISDIR(mode) and is_shown(path):
                    waiting.append(f"{path}/")
                elif is_shown(path) and (stat.S_ISREG(mode) or says_who_reads(path)):
                    listed.append(
                        SourceFile(
                            id=path,
                            path=PurePosixPath(path),
                            uri=f"{self._uri}/{quote(path)}",
                            etag=f"{entry.st_mtime}-{entry.st_size}",
                            size_bytes=entry.st_size,
                        )
                    )
            refuse_too_many(len(listed))
        return sorted(listed, key=lambda file: file.id)

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed file; raises OSError, and UploadTooLarge beyond `max_bytes`."""
        path = f"{self._uri.path}/{file.id}"
        with self._translated():
            if not stat.S_ISREG(self._connection.lstat(path).st_mode or 0):
                raise OSError("This is no regular file any more.")
            with self._connection.open(path, "rb") as opened:
                opened.prefetch(min(file.size_bytes or 0, self._max_bytes))
                content = bytes(opened.read(self._max_bytes + 1))
        if len(content) > self._max_bytes:
            raise UploadTooLarge
        return content

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self._using:
            try:
                yield
            except self._errors as error:
                raise OSError("The SFTP server did not answer as it should.") from error
