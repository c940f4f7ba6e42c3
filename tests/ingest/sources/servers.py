"""Real servers that places are read from: SFTP over a folder, HTTP over a mapping, and Git."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import paramiko
from typing_extensions import override


@dataclass
class Page:
    """What is answered for a path."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """A site whose pages may change while it is served; what was asked for is remembered."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


def git(folder: Path, *arguments: str) -> None:
    """Runs Git in the folder."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(  # noqa: S603  # the test's own arguments
        ["git", "-C", str(folder), *identity, "-c", "protocol.file.allow=always", *arguments],  # noqa: S607
        check=True,
        capture_output=True,
    )


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    """The port of the server, which answers until the end of the block."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served_site() -> Iterator[Site]:
    """A site on a port of 127.0.0.1."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(has_body=True)

        def do_HEAD(self) -> None:
            self._answer(has_body=False)

        def _answer(self, *, has_body: bool) -> None:
            site.asked.append((self.command, self.path))
            page = site.pages.get(self.path, Page(status=404))
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(page.content)))
            self.end_headers()
            if has_body:
                self.wfile.write(page.content)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        site.url = f"http://127.0.0.1:{port}"
        yield site


class _Handle(paramiko.SFTPHandle):  # type: ignore[misc]  # ships no type information
    @override
    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _Folder(paramiko.SFTPServerInterface):  # type: ignore[misc]  # as above
    """The files of a folder; some of its folders may be forbidden."""

    root = Path("/")
    forbidden: ClassVar[set[str]] = set()

    @override
    def list_folder(self, path: str) -> "list[paramiko.SFTPAttributes] | int":
        if path.strip("/") in self.forbidden:
            return int(paramiko.SFTP_PERMISSION_DENIED)
        try:
            entries = sorted((self.root / path.lstrip("/")).iterdir())
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno or 0))
        return [paramiko.SFTPAttributes.from_stat(each.lstat(), each.name) for each in entries]

    @override
    def lstat(self, path: str) -> "paramiko.SFTPAttributes | int":
        try:
            return paramiko.SFTPAttributes.from_stat((self.root / path.lstrip("/")).lstat())
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno or 0))

    @override
    def open(
        self, path: str, flags: int, attr: paramiko.SFTPAttributes
    ) -> "paramiko.SFTPHandle | int":
        try:
            opened = (self.root / path.lstrip("/")).open("rb")
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno or 0))
        handle = _Handle(flags)
        handle.readfile = opened
        return handle


class _Keys(paramiko.ServerInterface):  # type: ignore[misc]  # as above
    def __init__(self, known: paramiko.PKey) -> None:
        self._known = known

    @override
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        is_known = username == "reader" and key == self._known
        return int(paramiko.AUTH_SUCCESSFUL if is_known else paramiko.AUTH_FAILED)

    @override
    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    @override
    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


@dataclass
class SftpPlace:
    """A server that is running, and what makes its clients trust it."""

    port: int
    host_key: paramiko.PKey
    forbidden: set[str]

    @property
    def uri(self) -> str:
        return f"sftp://reader@127.0.0.1:{self.port}"

    def trust_in(self, home: Path, key: paramiko.PKey) -> None:
        """Writes the known hosts and the key of somebody with this home."""
        (home / ".ssh").mkdir(parents=True)
        host = f"[127.0.0.1]:{self.port}"
        line = f"{host} {self.host_key.get_name()} {self.host_key.get_base64()}\n"
        (home / ".ssh" / "known_hosts").write_text(line)
        key.write_private_key_file(str(home / ".ssh" / "id_ecdsa"))


@contextmanager
def served_folder(root: Path, client_key: paramiko.PKey) -> Iterator[SftpPlace]:
    """An SFTP server on a port of 127.0.0.1 that lets `reader` in with that key."""
    host_key = paramiko.ECDSAKey.generate()
    forbidden: set[str] = set()
    folder: type[_Folder] = type("Folder", (_Folder,), {"root": root, "forbidden": forbidden})
    listener = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, folder)
            transport.start_server(event=threading.Event(), server=_Keys(client_key))

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield SftpPlace(port=listener.getsockname()[1], host_key=host_key, forbidden=forbidden)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for transport in transports:
            transport.close()
