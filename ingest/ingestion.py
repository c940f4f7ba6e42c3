"""The tools of a worker, which the stages of ingestion share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ingest.places import Places
from ingest.reading import READ_AT_ONCE
from ingest.shared_lock import SharedLock
from ingest.space_writers import SpaceWriters
from ingest.together import Together
from kb.child_processes import ChildProcesses
from kb.files import FileStore
from kb.postgres.database import Database
from kb.store.spaces import Space
from kb.telemetry import Metrics
from models.embedding import Embedder


@dataclass(frozen=True, kw_only=True)
class Ingestion:
    """The tools of one worker; jobs that run at once share them."""

    database: Database
    files: FileStore
    children: ChildProcesses
    writers: SpaceWriters
    metrics: Metrics
    max_attempts: int
    clock: Callable[[], datetime]
    job_lock: SharedLock = field(default_factory=SharedLock)
    places: Places = field(default_factory=lambda: Places(READ_AT_ONCE))
    """Held while a document is read and split."""
    together: Together = field(default_factory=Together)
    """What several jobs want of the database at once."""
    large: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Locked while a large document is split."""

    @property
    def space(self) -> Space:
        """The active embedding space, as far as the worker has looked."""
        return self.writers.active.space

    @property
    def embedder(self) -> Embedder:
        """The active space's model."""
        return self.writers.active.embedder
