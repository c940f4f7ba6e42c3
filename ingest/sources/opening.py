"""Opens the place that a source's address names, if it may be opened."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from ingest.sources.files import DocumentSource, SourceFile
from ingest.sources.git_checkout import opened_commit
from ingest.sources.local_folder import LocalFolder
from ingest.sources.object_store import ObjectStore
from ingest.sources.sftp_folder import opened_sftp_folder
from ingest.sources.web_list import WebClient, WebList
from ingest.sources.zip_archive import MAX_ARCHIVE_BYTES, ZipArchive
from kb.ids import TenantId
from kb.source_uris import LOCAL, WEB, SourceUri, parse_source_uri, prefix_of, require_allowed
from kb.store.sources import Source

ROOT: Final = Path("/")


@dataclass(frozen=True, kw_only=True)
class SourceOpener:
    """Opens places; `prefixes` are those below which tenants may name addresses."""

    prefixes: Sequence[str]
    web: WebClient
    max_bytes: int

    @contextmanager
    def open(self, tenant_id: TenantId, source: Source) -> Iterator[DocumentSource]:
        """The place, for as long as the block runs; every step blocks.

        What a tenant named is looked at again, each time: the operator may allow less by now.

        Raises SourceUriRefused, Misconfigured, OSError and, of the web, what its client raises.
        """
        uri = parse_source_uri(source.settings.uri)
        within: Path | None = None
        if not source.is_operators:
            require_allowed(uri, self.prefixes, tenant_id)
            prefix = prefix_of(uri, self.prefixes, tenant_id)
            within = Path(prefix.path or ROOT) if prefix and uri.scheme in LOCAL else None
        if uri.is_archive:
            yield self._archive(uri, within)
            return
        with self._place(uri, within, self.max_bytes) as place:
            yield place

    @contextmanager
    def _place(
        self, uri: SourceUri, within: Path | None, max_bytes: int
    ) -> Iterator[DocumentSource]:
        match uri.scheme:
            case "file":
                folder = LocalFolder(Path(uri.path or ROOT), within=within, max_bytes=max_bytes)
                with closing(folder):
                    yield folder
            case "git+file" | "git+https":
                with opened_commit(uri, within=within, max_bytes=max_bytes) as commit:
                    yield commit
            case "sftp":
                with opened_sftp_folder(uri, max_bytes=max_bytes) as served:
                    yield served
            case "s3" | "gs":
                yield ObjectStore(uri, max_bytes=max_bytes)
            case "http" | "https":
                yield WebList(str(uri), client=self.web, max_bytes=max_bytes)
            case _:
                raise AssertionError(uri.scheme)

    def _archive(self, uri: SourceUri, within: Path | None) -> ZipArchive:
        """The archive, read from the folder that it lies in."""
        address = str(replace(uri, is_archive=False))
        if uri.scheme in WEB:
            folder, name = uri, address
        else:
            path = PurePosixPath(uri.path)
            parent = "" if str(path.parent) == "/" else str(path.parent)
            folder, name = replace(uri, path=parent), path.name
        with self._place(folder, _folder_of(within, uri), MAX_ARCHIVE_BYTES) as place:
            content = place.read(
                SourceFile(id=name, path=PurePosixPath(name), uri=address, etag="")
            )
        return ZipArchive(content, uri=str(uri), max_bytes=self.max_bytes)


def _folder_of(within: Path | None, uri: SourceUri) -> Path | None:
    """The folder that an archive may not lead out of; its own where it alone is allowed."""
    return within.parent if within is not None and str(within) == uri.path else within
