"""Haystack's pgvector retrievers by keyword and by embedding, joined by reciprocal ranks."""

from haystack import Document, Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import Secret
from haystack_integrations.components.retrievers.pgvector import (
    PgvectorEmbeddingRetriever,
    PgvectorKeywordRetriever,
)
from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore
from peer_protocol import Corpus, Search, Vectors, run


def index(corpus: Corpus) -> Search:
    """The store with its defaults: exact search of vectors, English full-text search."""
    store = PgvectorDocumentStore(
        connection_string=Secret.from_token(corpus.database_url),
        embedding_dimension=corpus.dimension,
        vector_function="cosine_similarity",
        language="english",
    )
    store.write_documents(
        [
            Document(id=chunk_id, content=text, embedding=vector)
            for chunk_id, text, vector in zip(
                corpus.chunk_ids, corpus.chunk_texts, corpus.chunk_vectors.tolist(), strict=True
            )
        ],
        policy=DuplicatePolicy.FAIL,
    )
    pipeline = Pipeline()
    pipeline.add_component(
        "keywords", PgvectorKeywordRetriever(document_store=store, top_k=corpus.limit)
    )
    pipeline.add_component(
        "vectors", PgvectorEmbeddingRetriever(document_store=store, top_k=corpus.limit)
    )
    pipeline.add_component(
        "joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=corpus.limit)
    )
    pipeline.connect("keywords", "joiner")
    pipeline.connect("vectors", "joiner")

    def search(question: str, vector: Vectors) -> list[str]:
        found = pipeline.run(
            {"keywords": {"query": question}, "vectors": {"query_embedding": vector.tolist()}}
        )
        return [document.id for document in found["joiner"]["documents"]]

    return search


if __name__ == "__main__":
    run(index, "haystack-ai", "pgvector-haystack")
