"""A repository behind HTTPS, served by Git's own server."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from ingest.sources.git_checkout import opened_commit
from kb.source_uris import parse_source_uri
from tests.fakes.certificates import write_certificate
from tests.ingest.sources.servers import git, serving


@dataclass(frozen=True, kw_only=True)
class Served:
    """The address of `wiki.git`, and the authority that its certificate is of."""

    url: str
    authority: Path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A bare repository with a tag and a later commit."""
    work, root = tmp_path / "work", tmp_path / "served"
    work.mkdir()
    root.mkdir()
    git(work, "init", "--quiet")
    (work / "hr").mkdir()
    (work / "hr" / "leave.md").write_text("# Leave")
    git(work, "add", "-A")
    git(work, "commit", "--quiet", "-m", "first")
    git(work, "tag", "v1")
    (work / "hr" / "leave.md").write_text("# More leave")
    git(work, "commit", "--quiet", "-am", "second")
    git(tmp_path, "clone", "--quiet", "--bare", str(work), str(root / "wiki.git"))
    certificate, key = write_certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving_repositories(root, context) as port:
        yield Served(url=f"git+https://localhost:{port}/wiki.git", authority=certificate)


@contextmanager
def serving_repositories(root: Path, context: ssl.SSLContext) -> Iterator[int]:
    """The port at which `git http-backend` serves the repositories below the folder."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("Content-Length") or 0)
            variables = {
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(length),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"],  # noqa: S607
                input=self.rfile.read(length),
                env={**os.environ, **variables},  # noqa: TID251  # Git finds itself by PATH
                capture_output=True,
                check=True,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        yield port


def contents(url: str) -> dict[str, bytes]:
    with opened_commit(parse_source_uri(url), max_bytes=1_000) as commit:
        return {file.id: commit.read(file) for file in commit.files()}


def test_a_commit_is_fetched_by_its_name(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(served.authority))

    assert contents(f"{served.url}@v1") == {"hr/leave.md": b"# Leave"}
    assert contents(served.url) == {"hr/leave.md": b"# More leave"}


def test_a_commit_that_there_is_not_is_no_empty_listing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(served.authority))

    with pytest.raises(OSError, match="could not read"):
        contents(f"{served.url}@gone")


def test_a_certificate_of_an_unknown_authority_is_refused(served: Served) -> None:
    with pytest.raises(OSError, match="could not read"):
        contents(served.url)
