"""The libraries that Footnote is measured beside, and their set-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

RUNNERS = Path(__file__).parent / "runners"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A library that runs in an environment of its own.

    `setup` says in a line how it searches; `environment` is what keeps it off the network.
    """

    name: str
    setup: str
    runner: Path
    needs_database: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)


def _peer(
    name: str,
    setup: str,
    *,
    needs_database: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Peer:
    return Peer(
        name=name,
        setup=setup,
        runner=RUNNERS / f"run_{name}.py",
        needs_database=needs_database,
        environment=environment or {},
    )


PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        _peer(
            "langchain",
            "EnsembleRetriever, weights .5: BM25Retriever (lower-case words), PGVector (exact)",
            needs_database=True,
            environment={"LANGCHAIN_TRACING_V2": "false", "LANGSMITH_TRACING": "false"},
        ),
        _peer(
            "llamaindex",
            "QueryFusionRetriever, relative score: PGVectorStore by HNSW and by English text",
            needs_database=True,
        ),
        _peer(
            "haystack",
            "DocumentJoiner, reciprocal ranks: pgvector by English keywords and exact embedding",
            needs_database=True,
            environment={"HAYSTACK_TELEMETRY_ENABLED": "False"},
        ),
        _peer(
            "txtai",
            "Embeddings with hybrid=True: Faiss and BM25, normalised scores, weights .5",
            environment={"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        ),
        _peer(
            "lancedb",
            "Hybrid query: full-text index (English stems) and exact vectors, RRFReranker",
        ),
        _peer(
            "chroma",
            "Vectors alone (HNSW, cosine): fused search exists in its cloud only",
            environment={"ANONYMIZED_TELEMETRY": "False"},
        ),
    )
}
