"""Chroma on the local disk: its search by vector; fusing with keywords is for its cloud alone."""

import chromadb
from chromadb.config import Settings
from peer_protocol import Corpus, Search, Vectors, run


def index(corpus: Corpus) -> Search:
    """One collection with cosine distance, filled in batches of the largest allowed size."""
    client = chromadb.PersistentClient(
        path=str(corpus.folder), settings=Settings(anonymized_telemetry=False)
    )
    collection = client.create_collection(
        "chunks", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    size = client.get_max_batch_size()
    for start in range(0, len(corpus.chunk_ids), size):
        rows = slice(start, start + size)
        collection.add(
            ids=list(corpus.chunk_ids[rows]),
            documents=list(corpus.chunk_texts[rows]),
            embeddings=corpus.chunk_vectors[rows],
        )

    def search(_question: str, vector: Vectors) -> list[str]:
        found = collection.query(
            query_embeddings=[vector], n_results=min(corpus.limit, collection.count()), include=[]
        )
        return list(found["ids"][0])

    return search


if __name__ == "__main__":
    run(index, "chromadb")
