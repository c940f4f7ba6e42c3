"""A bucket, or what lies below a prefix in it: S3, Google Cloud Storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

import fsspec
from fsspec.spec import AbstractFileSystem

from ingest.sources.files import SourceFile, is_shown, refuse_too_many
from kb.errors import Misconfigured, UploadTooLarge
from kb.source_uris import SourceUri

ATTEMPTS: Final = 3
CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60

EXTRA_BY_SCHEME: Final = {"s3": "s3", "gs": "gcs"}
ERRORS_BY_SCHEME: Final = {
    "s3": (("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError")),
    "gs": (("gcsfs.retry", "HttpError"), ("google.auth.exceptions", "GoogleAuthError")),
}
"""What the libraries raise beside OSError."""


class ObjectStore:
    """The objects below a prefix; implements `DocumentSource`. Credentials are the worker's own."""

    def __init__(self, uri: SourceUri, *, max_bytes: int) -> None:
        """Connects lazily; Misconfigured when the extra for such a store is not installed."""
        options: dict[str, object] = {}
        if uri.scheme == "s3":
            options["config_kwargs"] = {
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": READ_SECONDS,
                "retries": {"max_attempts": ATTEMPTS, "mode": "standard"},
            }
        try:
            self._filesystem: AbstractFileSystem = fsspec.filesystem(
                uri.scheme, skip_instance_cache=True, use_listings_cache=False, **options
            )
            self._errors = tuple(
                getattr(import_module(module), name)
                for module, name in ERRORS_BY_SCHEME[uri.scheme]
            )
        except ImportError as error:
            extra = EXTRA_BY_SCHEME[uri.scheme]
            raise Misconfigured(f"For {uri.scheme}:// install footnote[{extra}].") from error
        self._scheme = uri.scheme
        self._root = f"{uri.host}{uri.path}"
        self._max_bytes = max_bytes

    def files(self) -> list[SourceFile]:
        """The objects in the order of their keys; OSError unless that is all of them."""
        start = f"{self._root}/"
        listed: list[SourceFile] = []
        with self._translated():
            for key, etag, size_bytes in self._objects():
                path = key.removeprefix(start)
                # Folders that people make in a console are empty objects; their key ends in '/'.
                if key == path or path.endswith("/") or not is_shown(path):
                    continue
                listed.append(
                    SourceFile(
                        id=path,
                        path=PurePosixPath(path),
                        uri=f"{self._scheme}://{quote(key)}",
                        etag=etag,
                        size_bytes=size_bytes,
                    )
                )
                refuse_too_many(len(listed))
        return sorted(listed, key=lambda file: file.id)

    def _objects(self) -> Iterator[tuple[str, str, int]]:
        """The key with its bucket, the etag and the size of each object."""
        if self._scheme == "s3":
            # Page by page: of a bucket with millions, the first ones are enough to refuse it.
            bucket, _, prefix = self._root.partition("/")
            request = {"Bucket": bucket, "Prefix": f"{prefix}/" if prefix else ""}
            while True:
                page = self._filesystem.call_s3("list_objects_v2", **request)
                for about in page.get("Contents", ()):
                    yield f"{bucket}/{about['Key']}", str(about["ETag"]), int(about["Size"])
                if not page.get("IsTruncated"):
                    return
                request["ContinuationToken"] = page["NextContinuationToken"]
        self._filesystem.invalidate_cache()
        for key, about in self._filesystem.find(self._root, detail=True).items():
            changed = about.get("etag") or about.get("mtime") or about.get("updated") or ""
            yield key, str(changed), int(about["size"])

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed object; raises OSError, and UploadTooLarge beyond `max_bytes`."""
        if file.size_bytes == 0:
            return b""
        with self._translated():
            content = bytes(
                self._filesystem.cat_file(
                    f"{self._root}/{file.id}", start=0, end=self._max_bytes + 1
                )
            )
        if len(content) > self._max_bytes:
            raise UploadTooLarge
        return content

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise OSError("The object store did not answer as it should.") from error
