"""LanceDB's hybrid search: its full-text index and exact vector search, fused by ranks."""

import lancedb
from lancedb.query import MatchQuery
from lancedb.rerankers import RRFReranker
from peer_protocol import Corpus, Search, Vectors, run


def index(corpus: Corpus) -> Search:
    """A table with a full-text index; so few rows need no index of vectors."""
    table = lancedb.connect(str(corpus.folder)).create_table(
        "chunks",
        data=[
            {"id": chunk_id, "text": text, "vector": vector}
            for chunk_id, text, vector in zip(
                corpus.chunk_ids, corpus.chunk_texts, corpus.chunk_vectors, strict=True
            )
        ],
    )
    table.create_fts_index("text")
    reranker = RRFReranker()

    def search(question: str, vector: Vectors) -> list[str]:
        rows = (
            table.search(query_type="hybrid")
            .vector(vector)
            # As plain words: in a bare text, quotation marks would demand a phrase.
            .text(MatchQuery(question, "text"))
            .distance_type("cosine")
            .rerank(reranker)
            .limit(corpus.limit)
            .to_list()
        )
        return [row["id"] for row in rows]

    return search


if __name__ == "__main__":
    run(index, "lancedb")
