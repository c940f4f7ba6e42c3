"""LlamaIndex's PGVectorStore, vectors and full text fused by relative scores.

Its documentation prefers this fusion to the store's own hybrid mode, whose two kinds of scores
cannot be compared.
"""

from urllib.parse import parse_qs, urlsplit

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import QueryBundle, TextNode
from llama_index.vector_stores.postgres import PGVectorStore
from peer_protocol import Corpus, Search, Vectors, run


def index(corpus: Corpus) -> Search:
    """The graph of the vectors is as in the documentation, but gives as many as are asked for."""
    unused: BaseEmbedding = MockEmbedding(embed_dim=corpus.dimension)
    store = open_store(corpus)
    store.add(
        [
            TextNode(id_=chunk_id, text=text, embedding=vector)
            for chunk_id, text, vector in zip(
                corpus.chunk_ids, corpus.chunk_texts, corpus.chunk_vectors.tolist(), strict=True
            )
        ]
    )
    stored = VectorStoreIndex.from_vector_store(store, embed_model=unused)
    fusion = QueryFusionRetriever(
        [
            stored.as_retriever(vector_store_query_mode="default", similarity_top_k=corpus.limit),
            stored.as_retriever(
                vector_store_query_mode="sparse",
                similarity_top_k=corpus.limit,
                sparse_top_k=corpus.limit,
            ),
        ],
        llm=MockLLM(),
        similarity_top_k=corpus.limit,
        num_queries=1,
        mode=FUSION_MODES.RELATIVE_SCORE,
        use_async=False,
    )

    def search(question: str, vector: Vectors) -> list[str]:
        bundle = QueryBundle(query_str=question, embedding=vector.tolist())
        return [found.node.node_id for found in fusion.retrieve(bundle)]

    return search


def open_store(corpus: Corpus) -> PGVectorStore:
    """A table for English text, made on first use."""
    parts = urlsplit(corpus.database_url)
    host = parts.hostname or parse_qs(parts.query)["host"][0]
    # The database listens where `host` says, a folder with its socket included.
    address = f"{parts.username}:{parts.password or ''}@/{parts.path.lstrip('/')}?host={host}"
    return PGVectorStore.from_params(
        connection_string=f"postgresql+psycopg2://{address}",
        async_connection_string=f"postgresql+asyncpg://{address}",
        table_name="chunks",
        embed_dim=corpus.dimension,
        hybrid_search=True,
        text_search_config="english",
        hnsw_kwargs={
            "hnsw_m": 16,
            "hnsw_ef_construction": 64,
            "hnsw_ef_search": corpus.limit,
            "hnsw_dist_method": "vector_cosine_ops",
        },
    )


if __name__ == "__main__":
    run(index, "llama-index-core", "llama-index-vector-stores-postgres")
