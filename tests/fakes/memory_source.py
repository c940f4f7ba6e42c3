"""A source of documents in memory."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import PurePosixPath

from ingest.sources.files import SourceFile


class MemorySource:
    """Files by their path; implements `DocumentSource`."""

    def __init__(self, content_by_path: Mapping[str, bytes]) -> None:
        """The mapping may change later, as a real source does."""
        self._content_by_path = content_by_path

    def files(self) -> list[SourceFile]:
        """The files in the order of their paths."""
        return [
            SourceFile(
                id=f"memory:{path}",
                path=PurePosixPath(path),
                uri=f"memory:///{path}",
                etag=sha256(content).hexdigest(),
            )
            for path, content in sorted(self._content_by_path.items())
        ]

    def read(self, file: SourceFile) -> bytes:
        """The bytes of a listed file; raises FileNotFoundError when it is gone."""
        content = self._content_by_path.get(str(file.path))
        if content is None:
            raise FileNotFoundError(str(file.path))
        return content
