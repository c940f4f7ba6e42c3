"""A generated knowledge base of any size: clustered vectors, readers that follow the clusters.

Everything follows from the seed. Chunks lie around their document, documents around their topic,
topics around their area; coordinates have the decaying spectrum of real embeddings. Who may read
a document goes by its topic (the hard case: what is visible is not spread evenly) or by chance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from kb.ids import TenantId
from kb.index.vector_search import VectorFilter, count_visible
from kb.postgres.database import Database
from kb.store.bulk_load import BulkChunk, BulkDocument, bulk_load
from kb.store.spaces import Space, ensure_space

DIMENSION = 384
AREAS, TOPICS_PER_AREA = 50, 40
CHUNKS_PER_DOCUMENT = 20
SPREADS = (0.55, 0.55, 0.45, 0.45)
"""Of area, topic, document and chunk: chunks of one document have cosines about .8."""

SHARES = (0.1, 0.01, 0.001, 0.0001)
"""Of a tenant's documents, each readable by one group that goes by topic and one by chance."""

DEPARTMENTS, PEOPLE = 200, 1000
SHARED_WITH_ONE_PERSON = 0.1
VOCABULARY, ZIPF = 50_000, 1.1
"""Distinct words, and the exponent of their frequencies (natural text has 1 to 1.2)."""

EVERY_READER = "group:everyone"
"""May read all. Over HTTP every caller has `tenant:*`, which would let everyone read all."""


def group(share: float, *, by_topic: bool) -> str:
    """The principal that may read this share of a tenant's documents."""
    return f"group:{'topics' if by_topic else 'chance'}-{share:g}"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some documents of a tenant with all their chunks; arrays go by chunk.

    `vectors` (n, 384) float32, rows of unit length that half precision holds exactly enough.
    """

    first_document: int
    document_of: NDArray[np.int64]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SyntheticTenant:
    """One tenant; the same number and seed give the same tenant whatever the others are."""

    number: int
    chunk_count: int
    seed: int
    block_documents: int = field(default=1000)

    @property
    def id(self) -> UUID:
        """Follows from the number."""
        return UUID(int=(0xBE7C << 112) | (4 << 76) | (8 << 60) | self.number)

    @property
    def name(self) -> str:
        """Follows from the number."""
        return f"synthetic {self.number}"

    @property
    def document_count(self) -> int:
        """The last one may have fewer chunks than the others."""
        return -(-self.chunk_count // CHUNKS_PER_DOCUMENT)

    @property
    def collection_ids(self) -> tuple[UUID, UUID]:
        """Documents are in one of two, in turn."""
        return UUID(int=self.id.int + (1 << 56)), UUID(int=self.id.int + (2 << 56))

    @cached_property
    def topic_of(self) -> NDArray[np.int64]:
        """The topic of each document."""
        return self._generator("topics").integers(
            0, AREAS * TOPICS_PER_AREA, size=self.document_count
        )

    @cached_property
    def principals(self) -> Sequence[list[str]]:
        """The readers of each document."""
        generator = self._generator("readers")
        # By topic, whole topics next to each other: what a group sees is one region.
        rank_by_topic = np.argsort(np.argsort(self.topic_of, kind="stable"))
        rank_by_chance = generator.permutation(self.document_count)
        person = generator.integers(0, PEOPLE, size=self.document_count)
        has_person = generator.random(self.document_count) < SHARED_WITH_ONE_PERSON
        rows = []
        for document, topic in enumerate(self.topic_of):
            names = [EVERY_READER, f"department:{topic % DEPARTMENTS}"]
            for share in SHARES:
                limit = max(share * self.document_count, 1)
                if rank_by_topic[document] < limit:
                    names.append(group(share, by_topic=True))
                if rank_by_chance[document] < limit:
                    names.append(group(share, by_topic=False))
            if has_person[document]:
                names.append(f"user:{person[document]}")
            rows.append(sorted(names))
        return rows

    def blocks(self) -> Iterator[Block]:
        """All documents in order, a thousand at a time."""
        topics, rotation = _space(self.seed)
        for first in range(0, self.document_count, self.block_documents):
            last = min(first + self.block_documents, self.document_count)
            document_of = np.repeat(np.arange(first, last), CHUNKS_PER_DOCUMENT)
            document_of = document_of[: self.chunk_count - first * CHUNKS_PER_DOCUMENT]
            generator = self._generator("vectors", first)
            around_topics = SPREADS[2] * _noise(last - first, generator)
            documents = topics[self.topic_of[first:last]] + around_topics
            around_documents = SPREADS[3] * _noise(len(document_of), generator)
            # Turned so that no axis means more than another, and as half precision has them.
            chunks = (documents[document_of - first] + around_documents) @ rotation
            unit = chunks / np.linalg.norm(chunks, axis=1, keepdims=True)
            vectors = unit.astype(np.float16).astype(np.float32)
            yield Block(first_document=first, document_of=document_of, vectors=vectors)

    def texts(self, block: Block, words: int) -> list[str]:
        """`words` words for each chunk, frequencies by Zipf; every topic favours its own."""
        generator = self._generator("words", block.first_document)
        weights = 1.0 / np.arange(1, VOCABULARY + 1) ** ZIPF
        cumulative = np.cumsum(weights) / weights.sum()
        shape = (len(block.document_of), words)
        drawn = np.searchsorted(cumulative, generator.random(shape))
        own = generator.integers(0, 50, size=shape)
        topics = self.topic_of[block.document_of][:, None]
        is_own = generator.random(shape) < 0.2  # noqa: PLR2004  # a fifth of a text is its topic's
        drawn = np.where(is_own, 1000 + (topics * 31 + own * 7) % (VOCABULARY - 1000), drawn)
        vocabulary = vocabulary_words()
        return [" ".join(vocabulary[row]) for row in drawn]

    def _generator(self, *purpose: object) -> np.random.Generator:
        name = "/".join(str(part) for part in purpose)
        return np.random.default_rng([self.seed, self.number, *name.encode()])


def _space(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The centres of the topics, and a rotation; the same for all tenants of a seed."""
    generator = np.random.default_rng([seed, 0])
    rotation, _ = np.linalg.qr(generator.normal(size=(DIMENSION, DIMENSION)))
    areas = SPREADS[0] * _noise(AREAS, generator)
    spread = SPREADS[1] * _noise(AREAS * TOPICS_PER_AREA, generator)
    return np.repeat(areas, TOPICS_PER_AREA, axis=0) + spread, rotation.astype(np.float32)


def _noise(count: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """(count, 384) rows of expected length 1."""
    spectrum = np.arange(1, DIMENSION + 1, dtype=np.float32) ** -0.5
    normal = generator.standard_normal((count, DIMENSION), dtype=np.float32)
    noise: NDArray[np.float32] = normal * (spectrum / np.linalg.norm(spectrum))
    return noise


def perturbed(
    vectors: NDArray[np.float32], generator: np.random.Generator, *, spread: float = 0.45
) -> NDArray[np.float32]:
    """Unit rows near the vectors; a question about a text is not the text."""
    # Added before the rotation or after it, the noise of equal lengths asks equally hard.
    noise = generator.standard_normal(vectors.shape, dtype=np.float32) / np.sqrt(vectors.shape[1])
    rows = vectors + np.float32(spread) * noise
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def vocabulary_words() -> NDArray[np.str_]:
    """Invented words, the frequent ones short."""
    consonants, vowels = "bcdfgklmnprstvz", "aeiou"
    syllables = [first + second for first in consonants for second in vowels]
    words = []
    for number in range(VOCABULARY):
        word, rest = "", number
        while True:
            word += syllables[rest % len(syllables)]
            rest //= len(syllables)
            if not rest:
                break
        words.append(word + "x" if len(word) == 2 else word)  # noqa: PLR2004  # one syllable
    return np.array(words)


async def make_space(url: str, space: Space, tenant: SyntheticTenant) -> bool:
    """True when the tenant has no vectors in it."""
    database = Database(url, pool_size=1)
    await ensure_space(database, space)
    async with database.tenant(TenantId(tenant.id), viewer=None) as scope:
        count = await count_visible(scope, space, VectorFilter())
    await database.close()
    return not count


def load_tenants(
    database_url: str, space: Space, tenants: Sequence[SyntheticTenant], *, words: int = 0
) -> dict[str, object]:
    """Stores the tenants, chunk ids from 1 on in order; what building the HNSW index took."""
    started = perf_counter()
    first_chunk = 1
    with bulk_load(database_url, space) as load:
        for tenant in tenants:
            documents = [
                BulkDocument(
                    tenant_id=tenant.id,
                    id=UUID(int=tenant.id.int + ((number + 1) << 20)),
                    collection_id=tenant.collection_ids[number % 2],
                    principals=principals,
                )
                for number, principals in enumerate(tenant.principals)
            ]
            load.add_tenant(tenant.id, tenant.name, tenant.collection_ids)
            load.add_documents(documents)
            for block in tenant.blocks():
                texts = tenant.texts(block, words) if words else ["x"] * len(block.document_of)
                load.add_chunks(
                    BulkChunk(
                        id=first_chunk + number,
                        ordinal=number,
                        document=documents[document],
                        text=texts[number],
                        vector=block.vectors[number],
                    )
                    for number, document in enumerate(block.document_of)
                )
                first_chunk += len(block.document_of)
        copied = perf_counter()
    return {
        "copy_seconds": round(copied - started, 1),
        "hnsw_build_seconds": round(load.index_seconds, 1),
        "bytes_by_relation": load.bytes_by_relation,
    }
