"""The real embedder, with a memory of what it was asked to embed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from ingest.space_writers import SpaceWriters
from kb.unit_vectors import Vectors
from models.embedding import Embedder
from tests.service import Service


@dataclass(frozen=True, kw_only=True)
class RecordingEmbedder:
    """Embeds with another embedder; `passages` are the texts, in order."""

    embedder: Embedder
    passages: list[str] = field(default_factory=list)

    @property
    def languages(self) -> frozenset[str] | None:
        return self.embedder.languages

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    @property
    def max_tokens(self) -> int:
        return self.embedder.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.embedder.count_tokens(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embedder.embed_queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.passages.extend(texts)
        return self.embedder.embed_passages(texts)


@dataclass(frozen=True, kw_only=True)
class RecordedService:
    """A service whose worker embeds through `embedder`."""

    service: Service
    embedder: RecordingEmbedder


@asynccontextmanager
async def recorded(service: Service) -> AsyncIterator[RecordedService]:
    """The service with a worker that remembers what it embeds."""
    embedder = RecordingEmbedder(embedder=service.ingestion.embedder)
    async with SpaceWriters(service.ingestion.space, embedder) as writers:
        ingestion = replace(service.ingestion, writers=writers)
        yield RecordedService(service=replace(service, ingestion=ingestion), embedder=embedder)
