"""The resources of the application; built by the composition root."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from app.answering.pipeline import Answerer
from app.answering.verify.profiles import ProfileName
from app.heavy_work import HeavyWork
from app.identity import Authenticator
from app.limits import RequestLimits
from app.purging import Purger
from app.retrieve.search import Retriever
from app.retrieve.search_spaces import SearchSpaces
from kb.disk import has_room
from kb.files import FileStore
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.outbound import OutboundClient
from kb.postgres.database import Database
from kb.store.uploads import Uploads
from kb.telemetry import Metrics


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Everything that lives as long as the process."""

    database: Database
    authenticator: Authenticator
    files: FileStore
    uploads: Uploads
    lexical: LexicalIndexes
    spaces: SearchSpaces
    retriever: Retriever
    purger: Purger
    answerer: Answerer
    heavy_work: HeavyWork
    outbound: OutboundClient
    metrics: Metrics
    request_limits: RequestLimits
    verify_profile: ProfileName
    source_uri_prefixes: tuple[str, ...]
    home: Path
    clock: Callable[[], datetime]
    process_name: str | None = None
    """The name among processes that share an address, which its metrics bear; None: it is alone."""
    metrics_of_others: Mapping[str, socket.socket] = field(default_factory=dict)
    """Where the other processes of this API, and its worker, show their metrics, by their names."""

    @property
    def has_room(self) -> bool:
        """False while a disk that requests write to counts as full."""
        return has_room(self.home) and self.files.has_room() and not self.database.is_disk_full
