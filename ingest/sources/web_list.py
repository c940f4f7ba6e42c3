"""Pages and files of the web that a list or a sitemap names."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import StringIO
from pathlib import PurePosixPath
from time import monotonic
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from ingest.sources.files import SourceFile
from kb.errors import KnowledgeBaseError, OutboundTooLarge, SourceTooLarge, UploadTooLarge
from kb.outbound import OutboundRequest, OutboundResponse, checked_url

MAX_LIST_BYTES: Final = 50_000_000
"""A sitemap may have so many. Source: sitemaps.org, protocol."""

MAX_SITEMAPS: Final = 100
MAX_URLS: Final = 20_000
"""Each is asked every time for its date, at most a few hundred a second."""

MAX_TAGS: Final = 100 * MAX_URLS
MAX_QUOTES: Final = 250 * MAX_URLS
"""Of one sitemap, end tags too: a URL with its date has six tags, and a tag more with six quotes
for each of its translations. Parsed, a tag or an attribute of five bytes takes hundreds."""

MAX_REDIRECTS: Final = 5
ASKED_AT_ONCE: Final = 8
LOOK_SECONDS: Final = 15.0
READ_SECONDS: Final = 120.0
DATES_SECONDS: Final = 600.0
"""For all dates together."""

OK: Final = 200


class WebClient(Protocol):
    """Sends requests from a thread to public addresses only; raises a KnowledgeBaseError."""

    def send(self, request: OutboundRequest) -> OutboundResponse:
        """The response."""
        ...


class WebList:
    """The URLs that a list names, itself at a URL; implements `DocumentSource`.

    The list is a text with a URL in each line (`#` begins a comment), a sitemap, or an index of
    sitemaps.
    """

    def __init__(self, url: str, *, client: WebClient, max_bytes: int) -> None:
        """Nothing is asked yet."""
        self._url = url
        self._client = client
        self._max_bytes = max_bytes
        self._give_up_at = 0.0

    def files(self) -> list[SourceFile]:
        """The URLs in order; OSError when a list cannot be read whole, or is none."""
        listed = self._named_at(self._url, is_index_allowed=True)
        self._give_up_at = monotonic() + DATES_SECONDS
        with ThreadPoolExecutor(ASKED_AT_ONCE) as threads:
            return list(threads.map(self._dated, (listed[url] for url in sorted(listed))))

    def read(self, file: SourceFile) -> bytes:
        """The bytes at a URL; raises OSError, and UploadTooLarge beyond `max_bytes`."""
        try:
            response = self._client.send(
                OutboundRequest(
                    url=file.id,
                    max_bytes=self._max_bytes,
                    max_redirects=MAX_REDIRECTS,
                    total_seconds=READ_SECONDS,
                )
            )
        except OutboundTooLarge as error:
            raise UploadTooLarge from error
        if response.status != OK:
            raise OSError(f"The server answered with the status {response.status}.")
        return response.content

    def _named_at(self, url: str, *, is_index_allowed: bool) -> dict[str, SourceFile]:
        response = self._client.send(
            OutboundRequest(
                url=url,
                max_bytes=MAX_LIST_BYTES,
                max_redirects=MAX_REDIRECTS,
                total_seconds=READ_SECONDS,
            )
        )
        if response.status != OK:
            raise OSError(f"The server of the list answered with the status {response.status}.")
        text = response.content.decode("utf-8-sig", errors="strict")
        if not text.lstrip().startswith("<"):
            return _files_of(_lines(text))
        kind, entries = _sitemap(text)
        if kind == "urlset":
            return _files_of(entries)
        if kind != "sitemapindex" or not is_index_allowed or len(entries) > MAX_SITEMAPS:
            raise OSError("This is no sitemap, or an index of more than it may name.")
        named: dict[str, SourceFile] = {}
        for place, _ in entries:
            named |= self._named_at(place, is_index_allowed=False)
            _refuse_too_many_urls(len(named))
        return named

    def _dated(self, file: SourceFile) -> SourceFile:
        """The file with what its server says of its age; unknown where it does not say."""
        if file.etag:
            return file
        if monotonic() > self._give_up_at:
            raise OSError("The servers take too long to say when their pages changed.")
        try:
            response = self._client.send(
                OutboundRequest(
                    url=file.id,
                    method="HEAD",
                    max_bytes=None,
                    max_redirects=MAX_REDIRECTS,
                    total_seconds=LOOK_SECONDS,
                )
            )
        except KnowledgeBaseError:
            # Reading it will tell, and is reported.
            return file
        headers = response.headers
        changed = headers.get("etag") or headers.get("last-modified") or ""
        return replace(file, etag=changed) if response.status == OK else file


def _lines(text: str) -> Iterator[tuple[str, str]]:
    stripped = (line.strip() for line in StringIO(text, newline=None))
    return ((line, "") for line in stripped if line and not line.startswith("#"))


def _sitemap(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The name of the root, and the place and date of each entry; OSError when malformed."""
    if "<!" in text.replace("<!--", ""):
        raise OSError("A sitemap declares no entities.")
    if text.count("<") > MAX_TAGS or text.count('"') + text.count("'") > MAX_QUOTES:
        raise SourceTooLarge(f"A sitemap has at most {MAX_TAGS:,} tags, and few attributes.")
    try:
        root = ET.fromstring(text)  # noqa: S314  # without declarations nothing can expand
    except ET.ParseError as error:
        raise OSError("The sitemap is malformed.") from error
    entries = []
    for entry in root:
        said = {part.tag.rpartition("}")[2]: (part.text or "").strip() for part in entry}
        if "loc" in said:
            entries.append((said["loc"], said.get("lastmod", "")))
    return root.tag.rpartition("}")[2], entries


def _files_of(entries: Iterable[tuple[str, str]]) -> dict[str, SourceFile]:
    """The files by URL; OutboundRefused for what is no URL: the list may be another page."""
    files: dict[str, SourceFile] = {}
    for count, (written, date) in enumerate(entries, 1):
        _refuse_too_many_urls(count)
        url = str(checked_url(written).copy_with(fragment=None))
        split = urlsplit(url)
        name = PurePosixPath(unquote(split.path)).name or split.hostname or url
        files[url] = SourceFile(id=url, path=PurePosixPath(name), uri=url, etag=date)
    return files


def _refuse_too_many_urls(count: int) -> None:
    """To be asked while they are collected: 50 MB name millions, of a kilobyte each."""
    if count > MAX_URLS:
        raise SourceTooLarge(f"A list of the web names at most {MAX_URLS:,} URLs.")
