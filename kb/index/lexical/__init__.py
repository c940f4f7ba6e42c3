"""The lexical leg: text to terms, one BM25 index per tenant, scores for chunks not in it yet."""
