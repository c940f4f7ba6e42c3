"""LangChain's ensemble of its BM25 and PGVector retrievers."""

import re

from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_core.embeddings import Embeddings
from langchain_postgres import PGVector
from peer_protocol import Corpus, Search, Vectors, run
from typing_extensions import override

BATCH = 1_000
"""Chunks stored by one statement; Postgres takes 65,535 parameters, and each chunk has five."""


class GivenEmbeddings(Embeddings):
    """Looks the vector of a question up."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    @override
    def embed_query(self, text: str) -> list[float]:
        return [float(number) for number in self._corpus.vector_by_question[text]]


def words(text: str) -> list[str]:
    """Lower-case words: the documentation advises to split into words, not at spaces."""
    return re.findall(r"\w+", text.lower())


def index(corpus: Corpus) -> Search:
    """Both retrievers give the limit, and count the same in the fusion."""
    metadatas = [{"chunk_id": chunk_id} for chunk_id in corpus.chunk_ids]
    store = PGVector(
        embeddings=GivenEmbeddings(corpus),
        connection=corpus.database_url.replace("postgresql://", "postgresql+psycopg://", 1),
        collection_name="chunks",
        embedding_length=corpus.dimension,
        use_jsonb=True,
    )
    for start in range(0, len(corpus.chunk_ids), BATCH):
        rows = slice(start, start + BATCH)
        store.add_embeddings(
            texts=list(corpus.chunk_texts[rows]),
            embeddings=corpus.chunk_vectors[rows].tolist(),
            metadatas=metadatas[rows],
            ids=list(corpus.chunk_ids[rows]),
        )
    keywords = BM25Retriever.from_texts(
        corpus.chunk_texts, metadatas=metadatas, preprocess_func=words
    )
    keywords.k = corpus.limit
    ensemble = EnsembleRetriever(
        retrievers=[keywords, store.as_retriever(search_kwargs={"k": corpus.limit})],
        weights=[0.5, 0.5],
        id_key="chunk_id",
    )

    def search(question: str, _vector: Vectors) -> list[str]:
        found = [document.metadata["chunk_id"] for document in ensemble.invoke(question)]
        return found[: corpus.limit]

    return search


if __name__ == "__main__":
    run(index, "langchain-classic", "langchain-community", "langchain-postgres", "rank-bm25")
