"""txtai's hybrid index: Faiss and its own BM25, whose normalised scores count the same."""

import numpy as np
from peer_protocol import Corpus, Search, Vectors, run
from txtai import Embeddings


def index(corpus: Corpus) -> Search:
    """Vectors come from outside; the texts of the index keep the order of their rows."""
    vector_by_text = dict(zip(corpus.chunk_texts, corpus.chunk_vectors, strict=True))

    def transform(texts: list[str]) -> Vectors:
        return np.stack(
            [
                corpus.vector_by_question[text]
                if text in corpus.vector_by_question
                else vector_by_text[text]
                for text in texts
            ]
        )

    embeddings = Embeddings({"method": "external", "transform": transform, "hybrid": True})
    embeddings.index(zip(corpus.chunk_ids, corpus.chunk_texts, strict=True))

    def search(question: str, _vector: Vectors) -> list[str]:
        return [chunk_id for chunk_id, _score in embeddings.search(question, corpus.limit)]

    return search


if __name__ == "__main__":
    run(index, "txtai", "faiss-cpu")
