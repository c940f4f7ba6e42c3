"""Finding evidence: candidates by BM25 and vectors, fused, and read under row security."""
