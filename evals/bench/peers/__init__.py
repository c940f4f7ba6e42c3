"""Retrieval beside that of other libraries: the same chunks, vectors and questions, one run."""
